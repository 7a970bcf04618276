// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/llama2c.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "file_bytes.h"
#include "tandem/numerics/fp.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

constexpr const char* kNoCheckpoint = ": not a llama2.c version 0 checkpoint, or corrupt";
constexpr std::size_t kHeaderBytes = 7 * sizeof(std::int32_t);

std::int32_t read_int32(const std::uint8_t* bytes) {
  const std::uint32_t word =
      static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
      static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
  return static_cast<std::int32_t>(word);
}

std::uint32_t positive(const std::string& origin, const char* name, std::int32_t value) {
  if (value <= 0) {
    throw UserError(origin + ": " + name + " is " + std::to_string(value) +
                    ", expected a positive number" + kNoCheckpoint);
  }
  return static_cast<std::uint32_t>(value);
}

ModelShape read_header(const std::uint8_t* bytes, std::size_t size, const std::string& origin) {
  if (size < kHeaderBytes) {
    throw UserError(origin + ": truncated, " + std::to_string(size) +
                    " bytes are less than the header of " + std::to_string(kHeaderBytes));
  }
  std::array<std::int32_t, 7> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = read_int32(bytes + 4 * i);
  ModelShape shape;
  shape.dim = positive(origin, "dim", words[0]);
  shape.hidden_dim = positive(origin, "hidden_dim", words[1]);
  shape.layers = positive(origin, "n_layers", words[2]);
  shape.heads = positive(origin, "n_heads", words[3]);
  shape.kv_heads = positive(origin, "n_kv_heads", words[4]);
  // A negative vocabulary means that the classifier has weights of its own.
  shape.shared_classifier = words[5] > 0;
  const std::int64_t vocabulary = words[5] < 0 ? -static_cast<std::int64_t>(words[5]) : words[5];
  shape.vocabulary = static_cast<std::uint32_t>(vocabulary);
  shape.max_positions = positive(origin, "seq_len", words[6]);
  try {
    validate(shape, origin);
  } catch (const UserError& error) {
    throw UserError(error.what() + std::string(kNoCheckpoint));
  }
  return shape;
}

std::uint64_t file_bytes(const ModelShape& shape, bool shared_classifier) {
  const std::uint64_t dim = shape.dim;
  const std::uint64_t attention = 2 * dim * dim + 2 * dim * shape.kv_dim();
  const std::uint64_t feed_forward = 3 * dim * shape.hidden_dim;
  const std::uint64_t rotary = std::uint64_t{shape.max_positions} * shape.head_dim();
  const std::uint64_t table = dim * shape.vocabulary;
  const std::uint64_t elements = table + shape.layers * (attention + feed_forward + 2 * dim) + dim +
                                 rotary + (shared_classifier ? 0 : table);
  return kHeaderBytes + 4 * elements;
}

void check_size(const ModelShape& shape, std::size_t size, const std::string& origin) {
  const std::uint64_t expected = file_bytes(shape, shape.shared_classifier);
  if (size == expected) return;
  std::string message = origin + ": the header asks for " + std::to_string(expected) +
                        " bytes, the file has " + std::to_string(size);
  if (size == file_bytes(shape, !shape.shared_classifier)) {
    message += shape.shared_classifier
                   ? ": it fits a classifier of its own, which a negative vocab_size announces"
                   : ": it fits a shared classifier, which a positive vocab_size announces";
  } else {
    message += size < expected ? ": truncated" : ": bytes to spare";
  }
  throw UserError(message);
}

// Reads the tensors of a checkpoint one after the other.
class TensorReader {
 public:
  TensorReader(const std::uint8_t* bytes, const std::string& origin)
      : bytes_(bytes), origin_(origin) {}

  Matrix read(abi::TensorKind kind, std::uint32_t layer, std::uint32_t rows,
              std::uint32_t columns) {
    Matrix matrix{rows, columns, {}};
    matrix.elements.resize(static_cast<std::size_t>(rows) * columns);
    for (std::size_t i = 0; i < matrix.elements.size(); ++i) {
      float value;
      std::memcpy(&value, bytes_ + 4 * i, sizeof value);
      matrix.elements[i] = numerics::float_to_fp16(value);
      if (!numerics::fp16_is_finite(matrix.elements[i])) refuse(kind, layer, i, value);
    }
    skip(matrix.elements.size());
    return matrix;
  }

  void skip(std::size_t elements) { bytes_ += 4 * elements; }

 private:
  [[noreturn]] void refuse(abi::TensorKind kind, std::uint32_t layer, std::size_t index,
                           float value) const {
    const std::string where =
        origin_ + ": " + tensor_name(kind, layer) + "[" + std::to_string(index) + "] ";
    if (std::isnan(value)) throw UserError(where + "is not a number");
    if (std::isinf(value)) throw UserError(where + "is infinite");
    char text[32];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
    throw UserError(where + "is " + text + ", outside the range of FP16 (at most 65504)");
  }

  const std::uint8_t* bytes_;
  const std::string& origin_;
};

}  // namespace

Model parse_llama2c(const std::uint8_t* bytes, std::size_t size, const std::string& origin) {
  using Kind = abi::TensorKind;
  Model model;
  model.shape = read_header(bytes, size, origin);
  const ModelShape& shape = model.shape;
  check_size(shape, size, origin);

  TensorReader reader(bytes + kHeaderBytes, origin);
  model.embedding = reader.read(Kind::kEmbedding, 0, shape.vocabulary, shape.dim);
  model.layers.resize(shape.layers);
  const auto read_all = [&](Matrix LayerWeights::*member, Kind kind, std::uint32_t rows,
                            std::uint32_t columns) {
    for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
      model.layers[layer].*member = reader.read(kind, layer, rows, columns);
    }
  };
  read_all(&LayerWeights::attention_norm, Kind::kAttentionNorm, 1, shape.dim);
  read_all(&LayerWeights::query, Kind::kQuery, shape.dim, shape.dim);
  read_all(&LayerWeights::key, Kind::kKey, shape.kv_dim(), shape.dim);
  read_all(&LayerWeights::value, Kind::kValue, shape.kv_dim(), shape.dim);
  read_all(&LayerWeights::attention_output, Kind::kAttentionOutput, shape.dim, shape.dim);
  read_all(&LayerWeights::ffn_norm, Kind::kFfnNorm, 1, shape.dim);
  read_all(&LayerWeights::gate, Kind::kGate, shape.hidden_dim, shape.dim);
  read_all(&LayerWeights::down, Kind::kDown, shape.dim, shape.hidden_dim);
  read_all(&LayerWeights::up, Kind::kUp, shape.hidden_dim, shape.dim);
  model.final_norm = reader.read(Kind::kFinalNorm, 0, 1, shape.dim);
  reader.skip(static_cast<std::size_t>(shape.max_positions) * shape.head_dim());  // rotary tables
  if (!shape.shared_classifier) {
    model.unshared_classifier = reader.read(Kind::kClassifier, 0, shape.vocabulary, shape.dim);
  }
  return model;
}

Model load_llama2c(const std::filesystem::path& file) {
  const std::vector<std::uint8_t> bytes = read_file_bytes(file, "weights");
  return parse_llama2c(bytes.data(), bytes.size(), "weights '" + file.string() + "'");
}

}  // namespace tandem::platform
