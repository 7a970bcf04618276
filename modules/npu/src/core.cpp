// SPDX-License-Identifier: Apache-2.0
#include "tandem/npu/core.h"

#include <string>

namespace tandem::npu {

BusyTimes Core::worked() const {
  BusyTimes busy_ps = outside ? outside() : BusyTimes{};
  busy_ps[kArray] = matrix_engine.worked_ps();
  busy_ps[kVectorUnit] = vector_engine.worked_ps();
  busy_ps[kSampler] = sampler_engine.worked_ps();
  busy_ps[kLink] = link.worked_ps();
  return busy_ps;
}

observe::Timeline::Name Core::name_of(const abi::Primitive& primitive) {
  if (timeline == nullptr) return 0;
  std::vector<observe::Timeline::Name>& names = primitive_names[primitive.op];
  while (names.size() <= primitive.layer) {
    names.push_back(
        timeline->name(std::string(abi::name_of(static_cast<abi::PrimitiveOp>(primitive.op))) +
                       ", layer " + std::to_string(names.size())));
  }
  return names[primitive.layer];
}

}  // namespace tandem::npu
