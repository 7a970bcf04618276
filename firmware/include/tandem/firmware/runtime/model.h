// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "tandem/abi/command.h"
#include "tandem/abi/model_image.h"
#include "tandem/firmware/machine.h"

namespace tandem::firmware {

// The model as the packer left it in memory. Holds host pointers: for use during init only.
class Model {
 public:
  // Reads header and directory. kBusError: no memory there; kBadParameter: not a model of this
  // contract, or a shape that makes no sense.
  abi::Status open(const Machine& machine, u64 address);

  const abi::ModelImage& shape() const { return *image_; }
  // nullptr when the model has no such tensor.
  const abi::TensorEntry* find(abi::TensorKind kind, u32 layer, abi::TensorRole role) const;

  // Whether the KV cache keeps one latent per token, of which all heads' keys and values are made.
  bool is_latent() const { return image_->latent_dim != 0; }
  u32 kv_columns() const { return image_->kv_heads * image_->head_dim; }
  u32 query_columns() const { return image_->heads * image_->head_dim; }

 private:
  const abi::ModelImage* image_ = nullptr;
  const abi::TensorEntry* tensors_ = nullptr;
};

}  // namespace tandem::firmware
