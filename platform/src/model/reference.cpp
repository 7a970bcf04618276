// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/model/reference.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tandem/numerics/decode.h"
#include "tandem/numerics/fp.h"
#include "tandem/numerics/math.h"

namespace tandem::platform {
namespace {

using Vector = std::vector<float>;
using abi::TensorKind;
using abi::TensorRole;

float to_storage(float x) {
  return numerics::fp16_to_float(numerics::float_to_fp16(x));
}

std::uint32_t chunks(std::uint32_t n) {
  return (n + abi::kChunk - 1) / abi::kChunk;
}

const abi::TensorEntry& entry_of(const PackedModel& packed, TensorKind kind, TensorRole role,
                                 std::uint32_t layer) {
  const abi::TensorEntry* entry = find_tensor(packed, kind, role, layer);
  if (entry == nullptr) throw std::invalid_argument("no such tensor: " + tensor_name(kind, layer));
  return *entry;
}

ReferenceWeights::Linear unpack_linear(const PackedModel& packed, const abi::TensorEntry& entry) {
  const numerics::SlicedTensor tensor = sliced_tensor(entry);
  ReferenceWeights::Linear linear;
  linear.rows = entry.rows;
  linear.columns = entry.columns;
  linear.elements.resize(static_cast<std::size_t>(entry.rows) * entry.columns);
  const bool scaled = numerics::has_scales(tensor.matrix);
  for (std::uint32_t row = 0; row < entry.rows; ++row) {
    for (std::uint32_t slice = 0; slice < tensor.slices(); ++slice) {
      const numerics::WeightView view = weight_view(packed, entry, slice);
      const std::uint32_t columns = tensor.columns_in(slice);
      numerics::decode_row(
          view, row, 0, columns,
          linear.elements.data() + std::size_t{row} * entry.columns + tensor.first_column(slice));
      for (std::uint32_t chunk = 0; scaled && chunk < chunks(columns); ++chunk) {
        linear.scales.push_back(numerics::scale_at(view, row, chunk * abi::kChunk));
      }
    }
  }
  return linear;
}

Vector unpack_vector(const PackedModel& packed, TensorKind kind, std::uint32_t layer) {
  return unpack_linear(packed, entry_of(packed, kind, TensorRole::kFull, layer)).elements;
}

// Chunks of 128 in ascending order, each times its scale, rounded once.
float dot(const ReferenceWeights::Linear& w, std::uint32_t row, const Vector& x) {
  const float* weights = w.elements.data() + static_cast<std::size_t>(row) * w.columns;
  float total = 0.0f;
  for (std::uint32_t chunk = 0; chunk < chunks(w.columns); ++chunk) {
    const std::uint32_t begin = chunk * abi::kChunk;
    const std::uint32_t end = std::min(begin + abi::kChunk, w.columns);
    float sum = 0.0f;
    for (std::uint32_t i = begin; i < end; ++i) sum += weights[i] * x[i];
    if (!w.scales.empty()) sum *= w.scales[row * chunks(w.columns) + chunk];
    total += sum;
  }
  return to_storage(total);
}

Vector multiply(const ReferenceWeights::Linear& w, const Vector& x) {
  Vector y(w.rows);
  for (std::uint32_t row = 0; row < w.rows; ++row) y[row] = dot(w, row, x);
  return y;
}

Vector rms_norm(const Vector& x, const Vector& gain, float epsilon) {
  float squares = 0.0f;
  for (std::size_t begin = 0; begin < x.size(); begin += abi::kChunk) {
    float sum = 0.0f;
    for (std::size_t i = begin; i < std::min(begin + abi::kChunk, x.size()); ++i) {
      sum += x[i] * x[i];
    }
    squares += sum;
  }
  const float factor = numerics::rsqrt(squares / static_cast<float>(x.size()) + epsilon);
  Vector y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = to_storage(x[i] * factor * gain[i]);
  return y;
}

void rotate(Vector& x, const Vector& inverse_frequencies, std::uint32_t position) {
  const std::size_t pairs = inverse_frequencies.size();
  for (std::size_t i = 0; i < x.size() / 2; ++i) {
    const float angle = static_cast<float>(position) * inverse_frequencies[i % pairs];
    const float c = numerics::cos(angle);
    const float s = numerics::sin(angle);
    const float a = x[2 * i];
    const float b = x[2 * i + 1];
    x[2 * i] = to_storage(a * c - b * s);
    x[2 * i + 1] = to_storage(a * s + b * c);
  }
}

void add(Vector& x, const Vector& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = to_storage(x[i] + y[i]);
}

void store(std::vector<std::uint16_t>& cache, std::uint32_t position, const Vector& x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    cache[position * x.size() + i] = numerics::float_to_fp16(x[i]);
  }
}

// Softmax of the scores, each probability rounded to FP16.
void softmax(Vector& scores) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  float total = 0.0f;
  for (std::size_t begin = 0; begin < scores.size(); begin += abi::kChunk) {
    float sum = 0.0f;
    for (std::size_t i = begin; i < std::min(begin + abi::kChunk, scores.size()); ++i) {
      scores[i] = numerics::exp(scores[i] - largest);
      sum += scores[i];
    }
    total += sum;
  }
  for (float& score : scores) score = to_storage(score / total);
}

// One head over the positions [0, length); keys and values are rows of `stride` FP16 elements.
void attend(const float* query, const std::uint16_t* keys, const std::uint16_t* values,
            std::uint32_t length, std::uint32_t stride, std::uint32_t head_dim, float scale,
            float* output) {
  Vector probabilities(length);
  for (std::uint32_t t = 0; t < length; ++t) {
    float sum = 0.0f;
    for (std::uint32_t i = 0; i < head_dim; ++i) {
      sum += query[i] * numerics::fp16_to_float(keys[std::size_t{t} * stride + i]);
    }
    probabilities[t] = to_storage(to_storage(sum) * scale);
  }
  softmax(probabilities);
  for (std::uint32_t i = 0; i < head_dim; ++i) {
    float total = 0.0f;
    for (std::uint32_t begin = 0; begin < length; begin += abi::kChunk) {
      float sum = 0.0f;
      for (std::uint32_t t = begin; t < std::min(begin + abi::kChunk, length); ++t) {
        sum += probabilities[t] * numerics::fp16_to_float(values[std::size_t{t} * stride + i]);
      }
      total += sum;
    }
    output[i] = to_storage(total);
  }
}

}  // namespace

ReferenceWeights unpack(const PackedModel& packed, TensorRole role) {
  const auto linear = [&](TensorKind kind, std::uint32_t layer) {
    return unpack_linear(packed, entry_of(packed, kind, role, layer));
  };
  ReferenceWeights weights;
  for (std::uint32_t layer = 0; layer < packed.image.layers; ++layer) {
    weights.layers.push_back(
        {unpack_vector(packed, TensorKind::kAttentionNorm, layer),
         unpack_vector(packed, TensorKind::kFfnNorm, layer), linear(TensorKind::kQuery, layer),
         linear(TensorKind::kKey, layer), linear(TensorKind::kValue, layer),
         linear(TensorKind::kAttentionOutput, layer), linear(TensorKind::kGate, layer),
         linear(TensorKind::kUp, layer), linear(TensorKind::kDown, layer)});
  }
  weights.embedding = unpack_vector(packed, TensorKind::kEmbedding, 0);
  weights.final_norm = unpack_vector(packed, TensorKind::kFinalNorm, 0);
  weights.classifier = linear(TensorKind::kClassifier, 0);
  return weights;
}

Reference::Reference(const abi::ModelImage& image, std::vector<float> inverse_frequencies)
    : image_(image), inverse_frequencies_(std::move(inverse_frequencies)) {}

ReferenceKv Reference::make_kv() const {
  const std::size_t elements =
      std::size_t{image_.max_positions} * image_.kv_heads * image_.head_dim;
  const std::vector<std::uint16_t> empty(elements);
  return {std::vector<std::vector<std::uint16_t>>(image_.layers, empty),
          std::vector<std::vector<std::uint16_t>>(image_.layers, empty)};
}

std::vector<float> Reference::step(const ReferenceWeights& weights, ReferenceKv& kv,
                                   std::uint32_t position, std::uint32_t token) const {
  if (position >= image_.max_positions || token >= image_.vocabulary) {
    throw std::invalid_argument("position or token outside the model");
  }
  const float epsilon = numerics::bits_float(image_.norm_epsilon);
  const auto row = weights.embedding.begin() + std::ptrdiff_t{token} * image_.dim;
  Vector x(row, row + image_.dim);
  for (std::uint32_t layer = 0; layer < image_.layers; ++layer) {
    const ReferenceWeights::Layer& w = weights.layers[layer];
    const Vector normed = rms_norm(x, w.attention_norm, epsilon);
    add(x, multiply(w.attention_output, attention(w, kv, layer, position, normed)));

    const Vector inner = rms_norm(x, w.ffn_norm, epsilon);
    Vector gate = multiply(w.gate, inner);
    const Vector up = multiply(w.up, inner);
    for (std::size_t i = 0; i < gate.size(); ++i) {
      gate[i] = to_storage(numerics::silu(gate[i]) * up[i]);
    }
    add(x, multiply(w.down, gate));
  }
  return multiply(weights.classifier, rms_norm(x, weights.final_norm, epsilon));
}

std::vector<float> Reference::attention(const ReferenceWeights::Layer& w, ReferenceKv& kv,
                                        std::uint32_t layer, std::uint32_t position,
                                        const std::vector<float>& x) const {
  Vector query = multiply(w.query, x);
  Vector key = multiply(w.key, x);
  rotate(query, inverse_frequencies_, position);
  rotate(key, inverse_frequencies_, position);
  store(kv.keys[layer], position, key);
  store(kv.values[layer], position, multiply(w.value, x));

  const std::uint32_t head_dim = image_.head_dim;
  const std::uint32_t stride = image_.kv_heads * head_dim;
  Vector output(std::size_t{image_.heads} * head_dim);
  for (std::uint32_t head = 0; head < image_.heads; ++head) {
    const std::uint32_t kv_offset = head / (image_.heads / image_.kv_heads) * head_dim;
    attend(query.data() + std::size_t{head} * head_dim, kv.keys[layer].data() + kv_offset,
           kv.values[layer].data() + kv_offset, position + 1, stride, head_dim,
           numerics::bits_float(image_.attention_scale),
           output.data() + std::size_t{head} * head_dim);
  }
  return output;
}

std::uint32_t argmax(const std::vector<float>& logits) {
  return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) -
                                    logits.begin());
}

std::vector<std::uint32_t> generate_greedy(const Reference& reference,
                                           const ReferenceWeights& weights,
                                           const std::vector<std::uint32_t>& prompt,
                                           std::uint32_t count) {
  ReferenceKv kv = reference.make_kv();
  std::vector<std::uint32_t> tokens = prompt;
  for (std::uint32_t position = 0; tokens.size() < prompt.size() + count; ++position) {
    const std::vector<float> logits = reference.step(weights, kv, position, tokens[position]);
    if (position + 1 == tokens.size()) tokens.push_back(argmax(logits));
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt.size()), tokens.end()};
}

}  // namespace tandem::platform
