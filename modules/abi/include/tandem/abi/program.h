// SPDX-License-Identifier: Apache-2.0
// A program is an array of primitives in memory. The sequencer issues a primitive to an engine of
// its mask as soon as its predecessors are done.
#pragma once
#include "tandem/abi/formats.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

enum class PrimitiveOp : u8 {
  kGather = 0,       // output[row] = weight[token id of row]
  kLinear = 1,       // output[row][n] = input[row][k] . weight[n][k] (+ bias[n])
  kNorm = 2,         // output[row] = norm(input[row]) * weight; kind: NormKind
  kPosition = 3,     // rotary or learned positions on heads x head_dim; kind: PositionKind
  kElementwise = 4,  // output = f(input, input2); kind: ElementwiseKind
  kKvAppend = 5,     // keys = input, values = input2 to the KV cache of layer, kv_set
  kKvCommit = 6,     // makes appended tokens (VERIFY: the accepted ones) valid in kv_set
  kAttention = 7,    // output = softmax(mask(input . K * scale)) . V
  kRoute = 8,
  kDispatch = 9,
  kCombine = 10,
  kTopk = 11,
  kSample = 12,      // DRAFT: one token per sequence from input = logits[entry][n]
  kAccept = 13,      // acceptance rule on input = logits[row][n]; writes VerifyResult
  kCopy = 14,        // n bytes from input to output
  kCollective = 15,
  kWait = 16,        // until *semaphore >= semaphore_value
  kSignal = 17,      // *semaphore = semaphore_value
};
constexpr u8 kPrimitiveOps = 18;

enum class NormKind : u8 { kRms = 0, kLayer = 1 };
enum class PositionKind : u8 { kRotaryInterleaved = 0, kRotaryHalves = 1, kLearned = 2 };
enum class ElementwiseKind : u8 { kAdd = 0, kMultiply = 1, kSiluMultiply = 2, kGelu = 3 };

// Which rows of the pass the primitive works on.
enum class RowMode : u8 {
  kAll = 0,      // input and output have a row per token position of the pass
  kLast = 1,     // reads the last row of each sequence from an input with all rows; output compact
  kEntries = 2,  // input and output have a row per sequence
};

constexpr u8 kEngineNpu = 1u << 0;
constexpr u8 kEnginePim = 1u << 1;
constexpr u8 kEngineAuto = kEngineNpu | kEnginePim;  // the device chooses

enum class OnMiss : u8 { kStall = 0, kSkip = 1, kSubstitute = 2, kInterrupt = 3 };
enum class Mask : u8 { kCausal = 0, kNone = 1, kTree = 2 };
enum class OperandLayout : u8 { kRowMajor = 0 };

constexpr std::uint32_t kMaxPredecessors = 8;

#define TANDEM_OPERAND_MEMBERS(ONE, MANY)                                                     \
  ONE(u64, offset, "Bytes from the base of the slot")                                         \
  ONE(u32, stride, "Bytes from one row to the next; packed weight streams: 0")                \
  ONE(u8, slot, "Slot of the parameter block; kNoSlot: operand absent")                       \
  ONE(u8, format, "Format")                                                                   \
  ONE(u8, layout, "OperandLayout")                                                            \
  ONE(u8, scale_slot, "Slot of per-row activation scales; kNoSlot: none")
TANDEM_STRUCTURE(Operand, 16, "Where a primitive finds or puts a tensor", TANDEM_OPERAND_MEMBERS)

#define TANDEM_PRIMITIVE_MEMBERS(ONE, MANY)                                                       \
  ONE(u8, op, "PrimitiveOp")                                                                      \
  ONE(u8, kind, "NormKind, PositionKind or ElementwiseKind")                                      \
  ONE(u8, engine_mask, "kEngine... bits that may run it")                                         \
  ONE(u8, row_mode, "RowMode")                                                                    \
  ONE(u16, layer, "Layer, for the KV cache and for statistics")                                   \
  ONE(u8, kv_set, "KV set of the batch entries")                                                  \
  ONE(u8, on_miss, "OnMiss: what to do when an indexed operand is not resident")                  \
  ONE(u8, predicate_slot, "u32 that must be non-zero, else the primitive is skipped; kNoSlot")    \
  ONE(u8, index_slot, "Index list (experts, selected tokens); kNoSlot")                           \
  ONE(u8, mask, "Mask of ATTENTION")                                                              \
  ONE(u8, predecessor_count, "Valid entries of predecessors")                                     \
  MANY(u16, predecessors, 8, "Indices of primitives that must be done; lower than its own")       \
  ONE(u32, groups, "LINEAR: independent groups; 0 and 1: one")                                    \
  ONE(u32, n, "Output columns; GATHER: dim; SAMPLE, ACCEPT: vocabulary; COPY: bytes")             \
  ONE(u32, k, "Input columns")                                                                    \
  ONE(u16, heads, "POSITION, ATTENTION: query heads")                                             \
  ONE(u16, kv_heads, "KV_APPEND, ATTENTION: key/value heads")                                     \
  ONE(u16, head_dim, "Elements of a head")                                                        \
  ONE(u16, top_k, "ROUTE, TOPK, SAMPLE: how many")                                                \
  ONE(u32, epsilon, "NORM: FP32 bits added to the mean square")                                   \
  ONE(u32, scale, "ATTENTION: FP32 bits that scores are multiplied with")                         \
  ONE(u8, grouping, "Grouping of the weight's scales")                                            \
  ONE(u8, scope, "TableScope of a BSFP weight")                                                   \
  ONE(u8, residency, "0: streamed in every pass")                                                 \
  ONE(u8, collective, "COLLECTIVE: operation")                                                    \
  ONE(u32, index_count, "Entries of the index list")                                              \
  ONE(u64, semaphore, "WAIT, SIGNAL: address of a u32")                                           \
  ONE(u32, semaphore_value, "WAIT: at least; SIGNAL: stored")                                     \
  ONE(u32, label, "Free for the driver; shown in the timeline")                                   \
  ONE(Operand, input, "")                                                                         \
  ONE(Operand, input2, "Second input; KV_APPEND: values; POSITION: table")                        \
  ONE(Operand, weight, "Weight stream; BSFP: 4-bit plane; NORM: gain; GATHER: table")             \
  ONE(Operand, remainder, "Full BSFP: 12-bit plane")                                              \
  ONE(Operand, scales, "FP16 group scales")                                                       \
  ONE(Operand, tables, "BSFP tables")                                                             \
  ONE(Operand, bias, "FP16 [n]")                                                                  \
  ONE(Operand, output, "")                                                                        \
  MANY(u32, reserved, 12, "0")
TANDEM_STRUCTURE(Primitive, 256, "One step of a program", TANDEM_PRIMITIVE_MEMBERS)

}  // namespace tandem::abi
