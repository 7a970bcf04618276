// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/shard.h"

#include <algorithm>

#include "tandem/platform/errors.h"

namespace tandem::platform {

std::string why_not_shared(const ModelShape& shape, std::uint32_t devices) {
  const std::string many = std::to_string(devices) + " devices cannot share ";
  const auto divides = [devices](std::uint32_t value) { return value % devices == 0; };
  if (!divides(shape.heads)) return many + std::to_string(shape.heads) + " heads evenly";
  if (!divides(shape.kv_heads) && devices % shape.kv_heads != 0) {
    return many + std::to_string(shape.kv_heads) + " key/value heads, nor have each on several";
  }
  for (const std::uint32_t width :
       {shape.hidden_dim, shape.experts.ffn, shape.experts.shared_ffn}) {
    if (!divides(width)) {
      return many + "a feed-forward width of " + std::to_string(width) + " evenly";
    }
  }
  return {};
}

ModelShape shard(const ModelShape& shape, std::uint32_t devices) {
  if (devices == 1) return shape;
  const std::string why_not = why_not_shared(shape, devices);
  if (!why_not.empty()) throw UserError("platform.devices.count: " + why_not);
  ModelShape part = shape;
  part.devices = devices;
  part.head_size = shape.head_dim();
  part.heads /= devices;
  part.kv_heads = std::max(1u, shape.kv_heads / devices);
  part.hidden_dim /= devices;
  part.experts.ffn /= devices;
  part.experts.shared_ffn /= devices;
  part.shared_classifier = false;
  return part;
}

}  // namespace tandem::platform
