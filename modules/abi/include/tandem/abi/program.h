// SPDX-License-Identifier: Apache-2.0
// A program is an array of primitives in memory. The sequencer issues a primitive to an engine of
// its mask as soon as its predecessors are done.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_PRIMITIVE_OPS(ITEM)                                                              \
  ITEM(Gather, 0, "output[row] = weight[token id of row]")                                      \
  ITEM(Linear, 1, "output[row][n] = input[row][k] . weight[n][k] (+ bias[n]); see groups")      \
  ITEM(Norm, 2, "output[row] = norm(input[row]) * weight; kind: NormKind")                      \
  ITEM(Position, 3, "Rotary or learned positions on heads x head_dim; kind: PositionKind")      \
  ITEM(Elementwise, 4, "output = f(input, input2); kind: ElementwiseKind")                      \
  ITEM(KvAppend, 5,                                                                             \
       "keys = input, values = input2 to the KV cache of layer, kv_set; see value_dim")         \
  ITEM(KvCommit, 6, "Makes appended tokens (VERIFY: the accepted ones) valid in kv_set")        \
  ITEM(Attention, 7, "output = softmax(mask(input . K * scale)) . V")                           \
  ITEM(Route, 8, "Chooses top_k of n experts by input = scores; output: their weights")         \
  ITEM(Dispatch, 9, "Sorts rows by expert")                                                     \
  ITEM(Combine, 10, "output = sum over choices of input[row][choice][n] * input2[row][choice]") \
  ITEM(Topk, 11, "Indices of the largest values")                                               \
  ITEM(Sample, 12, "DRAFT: one token per sequence from input = logits[entry][n]")               \
  ITEM(Accept, 13, "Acceptance rule on input = logits[row][n]; writes VerifyResult")            \
  ITEM(Copy, 14, "n bytes from input to output")                                                \
  ITEM(Collective, 15, "output = CollectiveOp over the devices of the command")                 \
  ITEM(Wait, 16, "Until *semaphore >= semaphore_value")                                         \
  ITEM(Signal, 17, "*semaphore = semaphore_value")
TANDEM_ENUM(PrimitiveOp, u8, "Primitive::op", TANDEM_PRIMITIVE_OPS)
constexpr u8 kPrimitiveOps =
    static_cast<u8>(DescribeEnumeration<PrimitiveOp>::kInfo.enumerator_count);

#define TANDEM_NORM_KINDS(ITEM)                 \
  ITEM(Rms, 0, "x / sqrt(mean(x^2) + epsilon)") \
  ITEM(Layer, 1, "Mean removed as well")
TANDEM_ENUM(NormKind, u8, "Primitive::kind of NORM", TANDEM_NORM_KINDS)

#define TANDEM_POSITION_KINDS(ITEM)                                \
  ITEM(RotaryInterleaved, 0, "Rotates elements 2i and 2i + 1")     \
  ITEM(RotaryHalves, 1, "Rotates elements i and i + head_dim / 2") \
  ITEM(Learned, 2, "Adds a row of a table")
TANDEM_ENUM(PositionKind, u8, "Primitive::kind of POSITION", TANDEM_POSITION_KINDS)

#define TANDEM_ELEMENTWISE_KINDS(ITEM)          \
  ITEM(Add, 0, "input + input2")                \
  ITEM(Multiply, 1, "input * input2")           \
  ITEM(SiluMultiply, 2, "silu(input) * input2") \
  ITEM(Gelu, 3, "gelu(input)")
TANDEM_ENUM(ElementwiseKind, u8, "Primitive::kind of ELEMENTWISE", TANDEM_ELEMENTWISE_KINDS)

#define TANDEM_EXPERT_INPUTS(ITEM)                        \
  ITEM(Shared, 0, "A row for all choices, input[row][k]") \
  ITEM(PerChoice, 1, "A row for each, input[row][choice][k]")
TANDEM_ENUM(ExpertInput, u8, "Primitive::kind of LINEAR over experts", TANDEM_EXPERT_INPUTS)

#define TANDEM_COLLECTIVE_OPS(ITEM)                        \
  ITEM(AllReduce, 0, "output[row][n] = sum of the inputs") \
  ITEM(AllGather, 1, "output[row][n] = the inputs side by side, each of n / devices, rounded up")
TANDEM_ENUM(CollectiveOp, u8, "Primitive::collective", TANDEM_COLLECTIVE_OPS)

// Which rows of the pass the primitive works on.
#define TANDEM_ROW_MODES(ITEM)                                                                     \
  ITEM(All, 0, "Input and output have a row per token position of the pass")                       \
  ITEM(Last, 1, "Reads the last row of each sequence from an input with all rows; output compact") \
  ITEM(Entries, 2, "Input and output have a row per sequence")
TANDEM_ENUM(RowMode, u8, "Rows of the pass that a primitive works on", TANDEM_ROW_MODES)

// Statistics of the device name the stages of a layer.
#define TANDEM_STAGES(ITEM)                                                          \
  ITEM(Other, 0, "Embedding, final norm, choice of tokens, KV commit")               \
  ITEM(Qkv, 1, "Norm before attention, queries, keys, values, positions, KV append") \
  ITEM(Attention, 2, "Attention over the KV cache")                                  \
  ITEM(Projection, 3, "Output matrix of attention, residual")                        \
  ITEM(Ffn, 4, "Norm, feed-forward matrices, activation, residual")                  \
  ITEM(Classifier, 5, "Matrix that gives logits")
TANDEM_ENUM(Stage, u32, "Part of a model that a primitive belongs to", TANDEM_STAGES)
constexpr u32 kStages = static_cast<u32>(DescribeEnumeration<Stage>::kInfo.enumerator_count);

#define TANDEM_ENGINE_MASK(ITEM)                     \
  ITEM(u8, EngineNpu, 1u << 0, "The NPU may run it") \
  ITEM(u8, EnginePim, 1u << 1, "The PIM may run it") \
  ITEM(u8, EngineAuto, 0x3, "The device chooses")
TANDEM_CONSTANTS(EngineMask, "Primitive::engine_mask", TANDEM_ENGINE_MASK)

#define TANDEM_ON_MISS(ITEM)         \
  ITEM(Stall, 0, "Wait")             \
  ITEM(Skip, 1, "Leave it out")      \
  ITEM(Substitute, 2, "Use another") \
  ITEM(Interrupt, 3, "Ask the firmware")
TANDEM_ENUM(OnMiss, u8, "When an indexed operand is not resident", TANDEM_ON_MISS)

#define TANDEM_MASKS(ITEM)                            \
  ITEM(Causal, 0, "Those at its position and before") \
  ITEM(None, 1, "All")                                \
  ITEM(Tree, 2, "Ancestors in the drafted tree")
TANDEM_ENUM(Mask, u8, "Which keys a query sees", TANDEM_MASKS)

// BankTiles, of the weights of LINEAR and GATHER: slices of slice_columns columns one after the
// other, each row-major and slice_rows high. What lies beyond the matrix is padding. The remainder
// and scales per group are sliced alike; other scales and tables are not. Where slice_rows rows of
// slice_columns fill one row of every bank of the memory n times, all banks want the same columns.
#define TANDEM_OPERAND_LAYOUTS(ITEM)            \
  ITEM(RowMajor, 0, "Rows one after the other") \
  ITEM(BankTiles, 1, "Slices of columns one after the other")
TANDEM_ENUM(OperandLayout, u8, "Order of the elements of an operand", TANDEM_OPERAND_LAYOUTS)

#define TANDEM_PROGRAM_LIMITS(ITEM) \
  ITEM(std::uint32_t, MaxPredecessors, 8, "Predecessors of a primitive")
TANDEM_CONSTANTS(ProgramLimits, "Limits of programs", TANDEM_PROGRAM_LIMITS)

#define TANDEM_OPERAND_MEMBERS(ONE, MANY)                                      \
  ONE(u64, offset, "Bytes from the base of the slot")                          \
  ONE(u32, stride, "Bytes from one row to the next; packed weight streams: 0") \
  ONE(u8, slot, "Slot of the parameter block; kNoSlot: operand absent")        \
  ONE(u8, format, "Format")                                                    \
  ONE(u8, layout, "OperandLayout")                                             \
  ONE(u8, scale_slot, "Slot of per-row activation scales; kNoSlot: none")
TANDEM_STRUCTURE(Operand, 16, "Where a primitive finds or puts a tensor", TANDEM_OPERAND_MEMBERS)

// LINEAR with several groups, G. With an index list the groups are experts: a row is multiplied
// with the matrices that ROUTE chose for it. Without one, every row with all of them, each with
// columns of its own:
//   output[row][g * n + i] = input[row][g * k ...] . weight[g * n + i], g < G.
//
// KV_APPEND and ATTENTION with a value_dim: the value of a token is the first value_dim elements of
// its key, so that the KV cache keeps keys alone (abi/batch.h). Keys and queries then come in two
// parts, input[head][value_dim] followed by input2[head][head_dim - value_dim], and the output of
// ATTENTION is [head][value_dim].
#define TANDEM_PRIMITIVE_MEMBERS(ONE, MANY)                                                        \
  ONE(u8, op, "PrimitiveOp")                                                                       \
  ONE(u8, kind, "NormKind, PositionKind, ElementwiseKind or ExpertInput")                          \
  ONE(u8, engine_mask, "kEngine... bits that may run it")                                          \
  ONE(u8, row_mode, "RowMode")                                                                     \
  ONE(u16, layer, "Layer, for the KV cache and for statistics")                                    \
  ONE(u8, kv_set, "KV set of the batch entries")                                                   \
  ONE(u8, on_miss, "OnMiss: what to do when an indexed operand is not resident")                   \
  ONE(u8, predicate_slot, "u32 that must be non-zero, else the primitive is skipped; kNoSlot")     \
  ONE(u8, index_slot, "List that ROUTE writes and LINEAR over experts follows; kNoSlot")           \
  ONE(u8, mask, "Mask of ATTENTION")                                                               \
  ONE(u8, predecessor_count, "Valid entries of predecessors")                                      \
  MANY(u16, predecessors, 8, "Indices of primitives that must be done; lower than its own")        \
  ONE(u32, groups, "LINEAR: matrices n x k, one below the other; 0 and 1: one. See above")         \
  ONE(u32, n, "Output columns; GATHER: dim; SAMPLE, ACCEPT: vocabulary; COPY: bytes")              \
  ONE(u32, k, "Input columns; GATHER: rows of the table")                                          \
  ONE(u16, heads, "POSITION, ATTENTION: query heads")                                              \
  ONE(u16, kv_heads, "KV_APPEND, ATTENTION: key/value heads")                                      \
  ONE(u16, head_dim, "Elements of a head")                                                         \
  ONE(u16, top_k,                                                                                  \
      "Choices of a row (ROUTE, LINEAR over experts, COMBINE); TOPK, SAMPLE: how many")            \
  ONE(u32, epsilon, "NORM: FP32 bits added to the mean square")                                    \
  ONE(u32, scale, "ATTENTION: FP32 bits that scores are multiplied with")                          \
  ONE(u8, grouping, "Grouping of the weight's scales")                                             \
  ONE(u8, scope, "TableScope of a BSFP weight")                                                    \
  ONE(u8, residency, "0: streamed in every pass")                                                  \
  ONE(u8, collective, "COLLECTIVE: CollectiveOp")                                                  \
  ONE(u32, index_count, "Entries of the index list")                                               \
  ONE(u64, semaphore, "WAIT, SIGNAL: address of a u32")                                            \
  ONE(u32, semaphore_value, "WAIT: at least; SIGNAL: stored")                                      \
  ONE(u32, label, "Free for the driver")                                                           \
  ONE(Operand, input, "")                                                                          \
  ONE(Operand, input2, "Second input; KV_APPEND: values; POSITION: table; see value_dim")          \
  ONE(Operand, weight, "Weight stream; BSFP: 4-bit plane; NORM: gain; GATHER: table")              \
  ONE(Operand, remainder, "Full BSFP: 12-bit plane")                                               \
  ONE(Operand, scales, "FP16 group scales")                                                        \
  ONE(Operand, tables, "BSFP tables")                                                              \
  ONE(Operand, bias, "FP16 [n]")                                                                   \
  ONE(Operand, output, "")                                                                         \
  ONE(u32, stage, "Stage, for statistics; unknown ones count as Other")                            \
  ONE(u32, slice_columns, "Weight in BankTiles: columns of a slice, a multiple of kChunk; else 0") \
  ONE(u32, slice_rows, "Weight in BankTiles: rows of a slice, padding included; else 0")           \
  ONE(u32, value_dim, "KV_APPEND, ATTENTION: elements of a key that are its value; 0: none")       \
  ONE(u32, check, "Where checked: primitive_check of the rest; else ignored")                      \
  MANY(u32, reserved, 7, "0")
TANDEM_STRUCTURE(Primitive, 256, "One step of a program", TANDEM_PRIMITIVE_MEMBERS)

}  // namespace tandem::abi
