// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/model.h"

namespace tandem::firmware {

using abi::Status;

namespace {

bool latent_sensible(const abi::ModelImage& image) {
  return image.latent_dim == 0 ||
         (image.kv_heads == 1 && image.rope_dim < image.head_dim && image.v_head_dim > 0);
}

bool sensible(const abi::ModelImage& image) {
  return image.magic == abi::kModelMagic && image.abi_version == abi::kAbiVersion &&
         image.dim > 0 && image.hidden_dim + image.experts > 0 && image.layers > 0 &&
         image.heads > 0 && image.kv_heads > 0 && image.heads % image.kv_heads == 0 &&
         image.head_dim > 0 && image.vocabulary > 0 && image.max_positions > 0 &&
         image.tensor_count > 0 && latent_sensible(image);
}

}  // namespace

Status Model::open(const Machine& machine, u64 address) {
  image_ = machine.window<abi::ModelImage>(address, 1);
  if (image_ == nullptr) return Status::kBusError;
  if (!sensible(*image_)) return Status::kBadParameter;
  tensors_ = machine.window<abi::TensorEntry>(image_->tensors, image_->tensor_count);
  return tensors_ == nullptr ? Status::kBusError : Status::kOk;
}

const abi::TensorEntry* Model::find(abi::TensorKind kind, u32 layer, abi::TensorRole role) const {
  for (u32 i = 0; i < image_->tensor_count; ++i) {
    const abi::TensorEntry& entry = tensors_[i];
    if (entry.kind == static_cast<u32>(kind) && entry.role == static_cast<u32>(role) &&
        entry.layer == layer && entry.expert == 0) {
      return &entry;
    }
  }
  return nullptr;
}

}  // namespace tandem::firmware
