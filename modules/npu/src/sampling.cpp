// SPDX-License-Identifier: Apache-2.0
// SAMPLE and ACCEPT.
#include "as_fp16.h"
#include "join.h"
#include "tandem/npu/execution.h"
#include "tandem/numerics/fp.h"

namespace tandem::npu {

using abi::RowMode;
using abi::Status;

SamplingParameters Execution::sampling_of(const Sequence& sequence) const {
  SamplingParameters sampling;
  sampling.rule = static_cast<abi::Sampling>(parameters_.sampling);
  if (sampling.rule != abi::Sampling::kGreedy) {
    sampling.temperature = numerics::bits_float(parameters_.temperature);
  }
  sampling.seed = parameters_.seed;
  sampling.rng_key = sequence.entry.rng_key;
  sampling.request_id = sequence.entry.request_id;
  return sampling;
}

void Execution::start_sample(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const std::uint64_t cycles =
      core_.sampler.sample_cycles(static_cast<abi::Sampling>(parameters_.sampling), primitive.n,
                                  static_cast<std::uint32_t>(pass_.ranges.size()));
  const std::uint64_t end_ps = core_.sampler_engine.reserve(
      cycles * core_.sampler.config().clock_period_ps, core_.name_of(primitive), serial_);
  if (timing_only() && core_.oracle == nullptr) return fail({Status::kNoEngine, index, 0});
  at(end_ps, [this, index] {
    const auto joint = join([this, index] { primitive_done(index); });
    const auto part = [this, index, joint] {
      ++joint->pending;
      return then(index, [joint] { joint->done(); });
    };
    for (std::size_t entry = 0; entry < pass_.ranges.size() && !fault_; ++entry) {
      sample(program_[index], pass_.ranges[entry], entry, part);
      if (fault_) fault_.primitive = index;
    }
    if (fault_) return fail(fault_);
    joint->done();
  });
}

void Execution::sample(const abi::Primitive& primitive, const RowRange& range, std::size_t entry,
                       const std::function<Dma::Done()>& part) {
  Sequence& sequence = sequences_[range.sequence];
  abi::DraftBlock& draft = sequence.draft;
  const bool compact = static_cast<RowMode>(primitive.row_mode) == RowMode::kEntries;
  const auto row = compact ? static_cast<std::uint32_t>(entry) : range.first + range.count - 1;
  std::vector<float> q;
  const bool keep_q = parameters_.sampling == static_cast<std::uint32_t>(abi::Sampling::kStandard);
  if (keep_q) {
    q.resize(primitive.n);
    const std::uint64_t row_bytes = 4ull * primitive.n;
    if (draft.distributions == 0 || draft.count >= draft.distribution_capacity ||
        draft.distribution_stride < row_bytes) {
      fault_ = {Status::kBadBatch, 0, draft.distributions};
      return;
    }
  }
  const std::uint32_t position = pass_.rows[range.first + range.count - 1].position + 1;
  const SampleResult result =
      timing_only()
          ? core_.sampler.sample(*core_.oracle, sequence.entry.request_id, position - draft.count,
                                 draft.count)
          : core_.sampler.sample(as_fp16(activation(primitive.input, row)), primitive.n,
                                 sampling_of(sequence), position, keep_q ? q.data() : nullptr);
  if (result.is_nan) {
    fault_ = {Status::kNotANumber, 0, sequence.entry.request_id};
    return;
  }
  if (keep_q) {
    core_.dma.write(Dma::kKv,
                    draft.distributions + std::uint64_t{draft.count} * draft.distribution_stride,
                    timing_only() ? nullptr : q.data(), 4 * q.size(), part());
  }
  if (result.token == TokenOracle::kNoToken) {
    fault_ = {Status::kBadBatch, 0, sequence.entry.request_id};
    return;
  }
  if (core_.choices != nullptr) {
    core_.choices->drafted(sequence.entry.request_id, position - draft.count, draft.count,
                           result.token, result.confidence);
  }
  draft.tokens[draft.count] = result.token;
  draft.confidences[draft.count] = numerics::float_bits(result.confidence);
  ++draft.count;
  if (result.confidence < numerics::bits_float(parameters_.stop_below)) draft.stopped_early = 1;
}

void Execution::start_accept(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  if (timing_only() && core_.oracle == nullptr) return fail({Status::kNoEngine, index, 0});
  const bool standard =
      parameters_.sampling == static_cast<std::uint32_t>(abi::Sampling::kStandard);
  const auto distributions = std::make_shared<std::vector<std::vector<float>>>(sequences_.size());
  const auto joint = join([this, index, distributions] {
    std::uint32_t rows = 0;
    for (const RowRange& range : pass_.ranges) {
      rows += sequences_[range.sequence].draft.count + 1;
    }
    const std::uint64_t cycles = core_.sampler.accept_cycles(
        static_cast<abi::Sampling>(parameters_.sampling), program_[index].n, rows);
    const std::uint64_t end_ps = core_.sampler_engine.reserve(
        cycles * core_.sampler.config().clock_period_ps, core_.name_of(program_[index]), serial_);
    at(end_ps, [this, index, distributions] { accept(index, distributions); });
  });
  for (std::size_t i = 0; standard && i < sequences_.size(); ++i) {
    const abi::DraftBlock& draft = sequences_[i].draft;
    std::vector<float>& q = (*distributions)[i];
    if (!timing_only()) q.resize(std::size_t{draft.count} * primitive.n);
    if (draft.count > draft.distribution_capacity) {
      return fail({Status::kBadBatch, index, draft.count});
    }
    for (std::uint32_t d = 0; d < draft.count; ++d) {
      ++joint->pending;
      core_.dma.read(Dma::kKv, draft.distributions + std::uint64_t{d} * draft.distribution_stride,
                     timing_only() ? nullptr : q.data() + std::size_t{d} * primitive.n,
                     4ull * primitive.n, then(index, [joint] { joint->done(); }));
    }
  }
  joint->done();
}

void Execution::accept(std::uint16_t index,
                       const std::shared_ptr<std::vector<std::vector<float>>>& distributions) {
  const abi::Primitive& primitive = program_[index];
  const bool compact = static_cast<RowMode>(primitive.row_mode) == RowMode::kEntries;
  for (std::size_t entry = 0; entry < pass_.ranges.size(); ++entry) {
    const RowRange& range = pass_.ranges[entry];
    Sequence& sequence = sequences_[range.sequence];
    if (compact && sequence.draft.count != 0) {
      return fail({Status::kBadOperand, index, sequence.draft.count});
    }
    if (sequence.entry.remaining_tokens == 0 && sequence.draft.count == 0) continue;
    const std::uint32_t last_pending = range.first + sequence.entry.pending_count - 1;
    AcceptInput input;
    const std::uint32_t row = compact ? static_cast<std::uint32_t>(entry) : last_pending;
    if (!timing_only()) input.logits = as_fp16(activation(primitive.input, row));
    input.logits_stride = primitive.input.stride / 2;
    input.vocabulary = primitive.n;
    input.drafted = sequence.draft.tokens;
    input.drafted_count = sequence.draft.count;
    const std::vector<float>& q = (*distributions)[range.sequence];
    input.distributions = q.empty() ? nullptr : q.data();
    input.distribution_stride = primitive.n;
    input.position = pass_.rows[last_pending].position + 1;
    input.remaining_tokens = sequence.entry.remaining_tokens;
    input.stop_ids = sequence.entry.stop_ids;
    input.stop_count = sequence.entry.stop_count;
    const SamplingParameters sampling = sampling_of(sequence);
    const Status status =
        timing_only() ? Sampler::check(sampling) : Sampler::check(input, sampling);
    if (status != Status::kOk) return fail({status, index, sequence.entry.request_id});
    const AcceptResult result =
        timing_only() ? core_.sampler.accept(input, *core_.oracle, sequence.entry.request_id)
                      : core_.sampler.accept(input, sampling);
    if (result.is_nan) return fail({Status::kNotANumber, index, sequence.entry.request_id});
    if (result.verify.next_token == TokenOracle::kNoToken) {
      return fail({Status::kBadBatch, index, sequence.entry.request_id});
    }
    sequence.result = result.verify;
    sequence.accepted = true;
    if (core_.choices != nullptr) {
      core_.choices->accepted(sequence.entry.request_id, input.position, input.drafted,
                              result.verify.accepted, result.verify.next_token);
    }
  }
  primitive_done(index);
}

}  // namespace tandem::npu
