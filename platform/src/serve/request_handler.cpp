// SPDX-License-Identifier: Apache-2.0
#include "request_handler.h"

#include <algorithm>

#include "tandem/abi/command.h"

namespace tandem::platform::serve {

namespace {

struct Refused {
  tandem_cosim_error code;
  std::uint64_t detail;
  std::string text;
};

void require_length(const Frame& request, std::size_t bytes) {
  if (request.payload.size() == bytes) return;
  throw Refused{TANDEM_COSIM_BAD_LENGTH, request.payload.size(),
                "this request has a payload of " + std::to_string(bytes) + " bytes"};
}

void put_region(Bytes& bytes, const Region& region) {
  put_u64(bytes, region.base);
  put_u64(bytes, region.bytes);
  put_u32(bytes, region.memory ? TANDEM_COSIM_MEMORY : TANDEM_COSIM_REGISTERS);
  std::string name = region.name.substr(0, TANDEM_COSIM_NAME_BYTES - 1);
  name.resize(TANDEM_COSIM_NAME_BYTES, '\0');
  bytes.insert(bytes.end(), name.begin(), name.end());
}

void require_done(const AccessResult& result) {
  if (result.ok) return;
  throw Refused{TANDEM_COSIM_BUS_ERROR, result.error_address, result.reason};
}

}  // namespace

Bytes RequestHandler::answer(const Frame& request) {
  try {
    switch (request.type) {
      case TANDEM_COSIM_QUERY:
        return query(request);
      case TANDEM_COSIM_READ:
        return read(request);
      case TANDEM_COSIM_WRITE:
        return write(request);
      case TANDEM_COSIM_WAIT:
        return wait(request);
      case TANDEM_COSIM_ADVANCE:
        return advance(request);
      case TANDEM_COSIM_RESET:
        return reset(request);
      default:
        throw Refused{TANDEM_COSIM_UNKNOWN_TYPE, request.type, "no request has this type"};
    }
  } catch (const Refused& refused) {
    return encode_error({refused.code, refused.detail, request.tag, refused.text});
  }
}

Frame RequestHandler::response(const Frame& request) const {
  Frame frame{request.type | TANDEM_COSIM_RESPONSE, request.tag, {}};
  const State state = target_.state();
  put_u64(frame.payload, state.time_ps);
  put_u32(frame.payload, state.lines);
  put_u32(frame.payload, state.interrupt ? 1 : 0);
  return frame;
}

Bytes RequestHandler::query(const Frame& request) {
  require_length(request, 0);
  Frame frame = response(request);
  put_u32(frame.payload, TANDEM_COSIM_VERSION);
  put_u32(frame.payload, abi::kAbiVersion);
  put_u64(frame.payload, target_.boot_info());
  put_u32(frame.payload, TANDEM_COSIM_MAX_DATA_BYTES);
  put_u32(frame.payload, static_cast<std::uint32_t>(target_.regions().size()));
  for (const Region& region : target_.regions()) put_region(frame.payload, region);
  return encode(frame);
}

RequestHandler::AccessHeader RequestHandler::access_header(const Frame& request) const {
  if (request.payload.size() < TANDEM_COSIM_ACCESS_BYTES) {
    throw Refused{TANDEM_COSIM_BAD_LENGTH, request.payload.size(),
                  "an access has address, bytes and flags"};
  }
  const std::uint64_t address = get_u64(request.payload, 0);
  const std::uint32_t bytes = get_u32(request.payload, 8);
  const std::uint32_t flags = get_u32(request.payload, 12);
  if ((flags & ~TANDEM_COSIM_DEBUG) != 0) {
    throw Refused{TANDEM_COSIM_BAD_VALUE, flags, "unknown flags"};
  }
  if (bytes == 0 || bytes > TANDEM_COSIM_MAX_DATA_BYTES) {
    throw Refused{
        TANDEM_COSIM_BAD_VALUE, bytes,
        "an access has 1 to " + std::to_string(TANDEM_COSIM_MAX_DATA_BYTES) + " bytes of data"};
  }
  const auto& regions = target_.regions();
  const bool inside = std::any_of(regions.begin(), regions.end(), [&](const Region& region) {
    return address >= region.base && address - region.base < region.bytes &&
           bytes <= region.bytes - (address - region.base);
  });
  if (!inside) {
    throw Refused{TANDEM_COSIM_BAD_ADDRESS, address, "an access lies within one region"};
  }
  return {{address, (flags & TANDEM_COSIM_DEBUG) != 0}, bytes};
}

Bytes RequestHandler::read(const Frame& request) {
  const AccessHeader header = access_header(request);
  require_length(request, TANDEM_COSIM_ACCESS_BYTES);
  Bytes data(header.bytes);
  require_done(target_.read(header.access, data));
  Frame frame = response(request);
  frame.payload.insert(frame.payload.end(), data.begin(), data.end());
  return encode(frame);
}

Bytes RequestHandler::write(const Frame& request) {
  const AccessHeader header = access_header(request);
  require_length(request, TANDEM_COSIM_ACCESS_BYTES + std::size_t{header.bytes});
  const Bytes data(request.payload.begin() + TANDEM_COSIM_ACCESS_BYTES, request.payload.end());
  require_done(target_.write(header.access, data));
  return encode(response(request));
}

std::uint64_t RequestHandler::duration_ps(const Frame& request) const {
  require_length(request, TANDEM_COSIM_DURATION_BYTES);
  const std::uint64_t ps = get_u64(request.payload, 0);
  const std::uint64_t now_ps = target_.state().time_ps;
  if (now_ps > TANDEM_COSIM_MAX_PS || ps > TANDEM_COSIM_MAX_PS - now_ps) {
    throw Refused{TANDEM_COSIM_BAD_VALUE, ps, "simulated time ends at 10^18 ps"};
  }
  return ps;
}

Bytes RequestHandler::wait(const Frame& request) {
  target_.wait_interrupt(duration_ps(request));
  return encode(response(request));
}

Bytes RequestHandler::advance(const Frame& request) {
  target_.advance(duration_ps(request));
  return encode(response(request));
}

Bytes RequestHandler::reset(const Frame& request) {
  require_length(request, 0);
  target_.reset();
  return encode(response(request));
}

}  // namespace tandem::platform::serve
