// SPDX-License-Identifier: Apache-2.0
// The model as the platform's packer leaves it in memory: shape, tensor directory, tokenizer.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/formats.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_MODEL_CONSTANTS(ITEM) ITEM(std::uint32_t, ModelMagic, 0x4C44'4D54, "TMDL")
TANDEM_CONSTANTS(Model, "Identification of a model image", TANDEM_MODEL_CONSTANTS)

#define TANDEM_TENSOR_KINDS(ITEM)                                             \
  ITEM(Embedding, 0, "Token embedding [vocabulary][dim]")                     \
  ITEM(AttentionNorm, 1, "Gain before attention [dim]")                       \
  ITEM(Query, 2, "Query projection")                                          \
  ITEM(Key, 3, "Key projection")                                              \
  ITEM(Value, 4, "Value projection")                                          \
  ITEM(AttentionOutput, 5, "Output projection of attention")                  \
  ITEM(FfnNorm, 6, "Gain before the feed-forward layer [dim]")                \
  ITEM(Gate, 7, "Feed-forward gate")                                          \
  ITEM(Up, 8, "Feed-forward up")                                              \
  ITEM(Down, 9, "Feed-forward down")                                          \
  ITEM(FinalNorm, 10, "Gain before the classifier [dim]")                     \
  ITEM(Classifier, 11, "Logits [vocabulary][dim]")                            \
  ITEM(InverseFrequency, 12, "Rotary frequencies")                            \
  ITEM(Router, 13, "Expert router")                                           \
  ITEM(PositionTable, 14, "Learned positions")                                \
  ITEM(AttentionNormBias, 15, "Bias of the norm")                             \
  ITEM(QueryBias, 16, "Bias of the query projection")                         \
  ITEM(KeyBias, 17, "Bias of the key projection")                             \
  ITEM(ValueBias, 18, "Bias of the value projection")                         \
  ITEM(AttentionOutputBias, 19, "Bias of the output projection")              \
  ITEM(FfnNormBias, 20, "Bias of the norm")                                   \
  ITEM(GateBias, 21, "Bias of the gate")                                      \
  ITEM(UpBias, 22, "Bias of up")                                              \
  ITEM(DownBias, 23, "Bias of down")                                          \
  ITEM(FinalNormBias, 24, "Bias of the norm")                                 \
  ITEM(ExpertGate, 25, "Gates of all experts, one below the other")           \
  ITEM(ExpertUp, 26, "Ups of all experts")                                    \
  ITEM(ExpertDown, 27, "Downs of all experts")                                \
  ITEM(Latent, 28, "Latent and positional key [latent_dim + rope_dim][dim]")  \
  ITEM(LatentNorm, 29, "Gain of the latent [latent_dim]")                     \
  ITEM(KeyExpansion, 30, "Queries to latents, all heads' [latent_dim][nope]") \
  ITEM(ValueExpansion, 31, "Latents to values, all heads' [v_head_dim][latent_dim]")
TANDEM_ENUM(TensorKind, u32, "What a tensor is for", TANDEM_TENSOR_KINDS)

// A tensor has an entry per role; both may name the same bytes (BSFP draft planes do).
#define TANDEM_TENSOR_ROLES(ITEM)          \
  ITEM(Full, 0, "Verify and plain passes") \
  ITEM(Draft, 1, "Draft passes")
TANDEM_ENUM(TensorRole, u32, "Pass that reads a tensor", TANDEM_TENSOR_ROLES)

#define TANDEM_MODEL_FLAGS(ITEM)                                               \
  ITEM(u64, ModelSharedClassifier, 1u << 0, "The classifier is the embedding") \
  ITEM(u64, ModelPlainFfn, 1u << 1, "down(gelu(up)), without gates")
TANDEM_CONSTANTS(ModelFlags, "ModelImage::flags", TANDEM_MODEL_FLAGS)

#define TANDEM_TENSOR_MEMBERS(ONE, MANY)                                \
  ONE(u32, kind, "TensorKind")                                          \
  ONE(u32, role, "TensorRole")                                          \
  ONE(u16, layer, "Layer, 0 where there is only one")                   \
  ONE(u16, expert, "Expert, 0 where there is only one")                 \
  ONE(u8, format, "Format")                                             \
  ONE(u8, grouping, "Grouping of the scales")                           \
  ONE(u8, scope, "TableScope")                                          \
  ONE(u8, layout, "OperandLayout")                                      \
  ONE(u32, rows, "Output rows n")                                       \
  ONE(u32, columns, "Input columns k")                                  \
  ONE(u64, stream, "Bus address of the weight stream, 64-byte aligned") \
  ONE(u64, stream_bytes, "")                                            \
  ONE(u64, remainder, "Bus address of the 12-bit plane; 0: none")       \
  ONE(u64, remainder_bytes, "")                                         \
  ONE(u64, scales, "Bus address of the FP16 scales; 0: none")           \
  ONE(u64, scales_bytes, "")                                            \
  ONE(u64, tables, "Bus address of the BSFP tables; 0: none")           \
  ONE(u64, tables_bytes, "")                                            \
  ONE(u32, slice_columns, "See Primitive::slice_columns")               \
  ONE(u32, slice_rows, "See Primitive::slice_rows")                     \
  MANY(u64, reserved, 1, "0")
TANDEM_STRUCTURE(TensorEntry, 104, "Entry of the tensor directory", TANDEM_TENSOR_MEMBERS)

#define TANDEM_PIECE_MEMBERS(ONE, MANY)                            \
  ONE(u32, offset, "Bytes from the start of the tokenizer's text") \
  ONE(u32, bytes, "Length of the token's text")
TANDEM_STRUCTURE(TokenPiece, 8, "Text of one token", TANDEM_PIECE_MEMBERS)

#define TANDEM_MODEL_MEMBERS(ONE, MANY)                                       \
  ONE(u32, magic, "kModelMagic")                                              \
  ONE(u32, abi_version, "kAbiVersion")                                        \
  ONE(u32, dim, "Width of the residual stream")                               \
  ONE(u32, hidden_dim, "Widest feed-forward layer, experts aside; 0: none")   \
  ONE(u32, layers, "")                                                        \
  ONE(u32, heads, "Query heads")                                              \
  ONE(u32, kv_heads, "Key/value heads")                                       \
  ONE(u32, head_dim, "Elements of a head")                                    \
  ONE(u32, vocabulary, "")                                                    \
  ONE(u32, max_positions, "Positions that the model was made for")            \
  ONE(u32, norm_epsilon, "FP32 bits")                                         \
  ONE(u32, attention_scale, "FP32 bits")                                      \
  ONE(u32, position_kind, "PositionKind")                                     \
  ONE(u32, norm_kind, "NormKind")                                             \
  ONE(u64, flags, "kModel... bits")                                           \
  ONE(u32, bos_id, "")                                                        \
  ONE(u32, eos_id, "")                                                        \
  ONE(u32, tensor_count, "Entries of the tensor directory")                   \
  ONE(u32, piece_count, "Entries of the piece table; 0: no tokenizer")        \
  ONE(u64, tensors, "Bus address of TensorEntry[tensor_count]")               \
  ONE(u64, pieces, "Bus address of TokenPiece[piece_count]")                  \
  ONE(u64, text, "Bus address of the tokenizer's text")                       \
  ONE(u64, text_bytes, "")                                                    \
  ONE(u64, weights_base, "Bus address of the stretch that holds all tensors") \
  ONE(u64, weights_bytes, "")                                                 \
  ONE(u32, experts, "Experts of a layer to choose from; 0: none")             \
  ONE(u32, top_k, "Experts that a token is sent to")                          \
  ONE(u32, expert_dim, "Width of an expert")                                  \
  ONE(u32, first_expert_layer, "The layers before it have no experts")        \
  ONE(u32, devices, "Devices that share the matrices; 0 and 1: one")          \
  ONE(u32, rank, "This device; heads and widths are its own")                 \
  ONE(u32, latent_dim, "Latent of keys and values; 0: no latent attention")   \
  ONE(u32, rope_dim, "Of head_dim, with position; the keys' is all heads'")   \
  ONE(u32, v_head_dim, "Elements of a head's value, with latents")            \
  ONE(u32, reserved, "0")
TANDEM_STRUCTURE(ModelImage, 168, "Header of the model in memory", TANDEM_MODEL_MEMBERS)

}  // namespace tandem::abi
