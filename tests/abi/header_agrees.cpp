// SPDX-License-Identifier: Apache-2.0
// The generated C header next to the headers it comes from: compiling it is the test.
#include "tandem/abi/tables.h"
#include "tandem_registers.h"

namespace abi = tandem::abi;

static_assert(TANDEM_NPU_CONTROL == abi::npu::CONTROL, "");
static_assert(TANDEM_NPU_SQ_TAIL(3) == abi::npu::SQ_TAIL + 3 * abi::kQueuePairStride, "");
static_assert(TANDEM_NPU_SQ_TAIL_COUNT == 8, "");
static_assert(TANDEM_NPU_CAPABILITY_FORMATS_MASK == abi::npu::CAPABILITY_FORMATS.mask(), "");
static_assert(TANDEM_NPU_CAPABILITY_FORMATS_SHIFT == abi::npu::CAPABILITY_FORMATS.lsb, "");
static_assert(TANDEM_INTC_CLAIM_RESET == 0xFFFFFFFFu, "");
static_assert(TANDEM_OPCODE_CANCEL == static_cast<int>(abi::Opcode::kCancel), "");
static_assert(TANDEM_STATUS_NOT_A_NUMBER == static_cast<int>(abi::Status::kNotANumber), "");
static_assert(TANDEM_FORMAT_BSFP_I_DRAFT == static_cast<int>(abi::Format::kBsfpIDraft), "");
static_assert(TANDEM_PRIMITIVE_OP_KV_APPEND == static_cast<int>(abi::PrimitiveOp::kKvAppend), "");
static_assert(TANDEM_COMMAND_KNOWN_FLAGS == abi::kCommandKnownFlags, "");
static_assert(TANDEM_BOOT_INFO_ADDRESS == abi::kBootInfoAddress, "");
static_assert(sizeof(tandem_primitive) == sizeof(abi::Primitive), "");
static_assert(offsetof(tandem_primitive, weight) == offsetof(abi::Primitive, weight), "");
static_assert(sizeof(tandem_boot_info) == sizeof(abi::BootInfo), "");
static_assert(offsetof(tandem_parameter_block, slots) == abi::kParameterHeaderBytes, "");
static_assert(TANDEM_GET(TANDEM_NPU_VERSION_RESET, TANDEM_NPU_VERSION_MAJOR) == 1, "");
static_assert(TANDEM_PUT(5, TANDEM_NPU_CAPABILITY_CONTEXTS) == abi::npu::CAPABILITY_CONTEXTS.put(5),
              "");
static_assert(TANDEM_KV_PAGE_BYTES(2, 4, 8, 16) == 2 * 2 * 4 * 8 * 16 * 2, "");
