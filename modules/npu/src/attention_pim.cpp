// SPDX-License-Identifier: Apache-2.0
// ATTENTION in the memory's banks. Scores and outputs of heads are parts of batches, about one for
// each channel, so that all channels that hold keys and values work at the same time. While the
// vector unit normalises the scores of a batch, the banks multiply others.
#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "tandem/npu/attention_job.h"

namespace tandem::npu {

struct AttentionJob::Batch {
  std::vector<Part> parts;  // all scores, or all values
  std::uint64_t vector_bytes = 0, result_bytes = 0;
  std::vector<std::uint8_t> results;
  std::size_t normalising = 0;  // parts whose softmax is not done
};

std::uint32_t AttentionJob::head_of(const Part& part, std::uint32_t index) const {
  const KvGeometry& geometry = part.work->geometry;
  const std::uint32_t local = part.first_head + index;
  return geometry.is_banked() ? geometry.banked.head_of(part.channel, local) : local;
}

std::uint64_t AttentionJob::vector_bytes(const Part& part) const {
  const std::uint64_t columns =
      part.values ? part.work->length : std::uint64_t{part.heads} * primitive_.head_dim;
  return 2ull * vectors(*part.work) * columns;
}

std::uint64_t AttentionJob::result_bytes(const Part& part) const {
  const std::uint64_t rows =
      part.values ? primitive_.head_dim : std::uint64_t{part.heads} * part.work->length;
  return 2ull * vectors(*part.work) * rows;
}

// Heads whose keys share a line, as far as their queries and scores fit the windows.
std::uint32_t AttentionJob::heads_at_once(const Work& work) const {
  if (!work.geometry.is_banked()) return 1;
  const PimPort::Geometry& pim = core_.pim.geometry();
  const std::uint64_t queries = pim.vector_bytes / (2ull * vectors(work) * primitive_.head_dim);
  const std::uint64_t scores = pim.result_bytes / (2ull * vectors(work) * work.length);
  const std::uint64_t fitting = std::max<std::uint64_t>(1, std::min(queries, scores));
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(work.geometry.banked.key_heads(), fitting));
}

void AttentionJob::start_on_pim() {
  std::vector<Part> parts;
  for (const auto& work : work_) {
    allocate(*work);
    add_score_parts(*work, parts);
  }
  if (!in_order()) order_by_channel(parts);
  scores_.assign(parts.begin(), parts.end());
  pump_pim();
}

// In turn over the channels, in each the longest sequence first: so neighbours keep different
// channels busy for about as long. Those of one sequence stay neighbours where its heads are split,
// because its pages take them on through all channels.
void AttentionJob::order_by_channel(std::vector<Part>& parts) const {
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.work->length > b.work->length; });
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> so_far;  // by head and channel
  for (Part& part : parts) {
    const KvGeometry& geometry = part.work->geometry;
    const bool one_channel = geometry.layout == abi::KvLayout::kBankRows;
    if (!one_channel && geometry.is_banked()) {
      part.begins_in = geometry.banked.channel_of(0, part.channel);
    }
    const std::uint32_t channel =
        one_channel ? core_.pim.geometry().channel_of(page_address(*part.work, 0)) : part.begins_in;
    part.turn = so_far[{part.first_head, channel}]++;
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.first_head, a.turn, a.begins_in) <
           std::tie(b.first_head, b.turn, b.begins_in);
  });
}

void AttentionJob::add_score_parts(Work& work, std::vector<Part>& parts) const {
  const KvGeometry& geometry = work.geometry;
  const std::uint32_t most = heads_at_once(work);
  const std::uint32_t channels = geometry.is_banked() ? geometry.banked.channels() : 1;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    const std::uint32_t heads =
        geometry.is_banked() ? geometry.banked.heads_in(channel) : primitive_.kv_heads;
    const std::uint32_t sharing = geometry.is_banked() ? geometry.banked.key_heads() : 1;
    for (std::uint32_t head = 0; head < heads;) {
      // Not beyond the heads of the line.
      const std::uint32_t line_end = std::min(heads, (head / sharing + 1) * sharing);
      const std::uint32_t together = std::min(most, line_end - head);
      parts.push_back({&work, false, channel, head, together, 0, 0, 0, 0});
      head += together;
    }
  }
}

// Values first: so scores wait for their softmax no longer than they must, and there is always
// something to multiply during softmax, which the jobs in flight are for.
std::deque<AttentionJob::Part>& AttentionJob::next_parts() {
  const bool hold_values = in_order() && (!scores_.empty() || scores_under_way_ > 0);
  return values_.empty() || hold_values ? scores_ : values_;
}

void AttentionJob::pump_pim() {
  while (jobs_in_flight_ < kJobsInFlight) {
    std::deque<Part>& from = next_parts();
    if (from.empty()) return;
    ++jobs_in_flight_;
    if (!from.front().values) ++scores_under_way_;
    send(take_batch(from));
  }
}

// A part for each channel, if the windows leave room for other jobs beside it. Neighbouring parts
// lie in different channels where there is a choice, because the PIM takes commands in order and
// holds only so many.
std::shared_ptr<AttentionJob::Batch> AttentionJob::take_batch(std::deque<Part>& from) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  auto batch = std::make_shared<Batch>();
  while (!from.empty() && batch->parts.size() < std::max(1u, pim.channels)) {
    Part& part = from.front();
    const std::uint64_t vector_end = batch->vector_bytes + vector_bytes(part);
    const std::uint64_t result_end = batch->result_bytes + result_bytes(part);
    const bool fits = vector_end <= pim.vector_bytes / kWindowShare &&
                      result_end <= pim.result_bytes / kWindowShare;
    if (!batch->parts.empty() && !fits) break;
    part.vector_offset = static_cast<std::uint32_t>(batch->vector_bytes);
    part.result_offset = static_cast<std::uint32_t>(batch->result_bytes);
    batch->vector_bytes = vector_end;
    batch->result_bytes = result_end;
    batch->parts.push_back(part);
    from.pop_front();
  }
  return batch;
}

void AttentionJob::send(const std::shared_ptr<Batch>& batch) {
  PimPort::Job job{};
  job.busy_ps = &execution_.stage_of(primitive_).pim_ps;
  std::vector<std::uint8_t> vectors_in;
  for (const Part& part : batch->parts) {
    if (!execution_.timing_only()) write_vectors(part, vectors_in);
    job.multiply_ps += core_.pim.multiply_ps(
        abi::Format::kFp16, std::uint64_t{part.heads} * part.work->length * primitive_.head_dim,
        vectors(*part.work));
  }
  if (!execution_.timing_only()) batch->results.resize(batch->result_bytes);
  job.writes.push_back({0, batch->vector_bytes, std::move(vectors_in)});
  add_commands(batch->parts, job.commands);
  job.reads.push_back({0, execution_.kept(batch->results), batch->result_bytes});
  job.done = execution_.then(index_, [this, batch] { take_results(batch); });
  core_.pim.run(std::move(job));
}

// Queries [vector][head][head_dim], or probabilities [vector][token].
void AttentionJob::write_vectors(const Part& part, std::vector<std::uint8_t>& bytes) {
  const Work& work = *part.work;
  std::size_t at = bytes.size();
  bytes.resize(at + vector_bytes(part));
  const auto append = [&](const std::uint16_t* values, std::size_t count) {
    std::memcpy(bytes.data() + at, values, 2 * count);
    at += 2 * count;
  };
  if (part.values) {
    const std::size_t elements = std::size_t{vectors(work)} * work.length;
    return append(&work.scores[head_of(part, 0) * elements], elements);
  }
  for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
    for (std::uint32_t i = 0; i < part.heads; ++i) {
      append(query(work, head_of(part, i), vector), primitive_.head_dim);
    }
  }
}

void AttentionJob::add_commands(const std::vector<Part>& parts,
                                std::vector<abi::PimCommand>& commands) const {
  std::uint32_t most_pages = 0;
  for (const Part& part : parts) most_pages = std::max(most_pages, pages(*part.work));
  for (std::uint32_t page = 0; page < most_pages; ++page) {
    for (const Part& part : parts) {
      if (!part.values && page < pages(*part.work)) add_scores(part, page, commands);
    }
  }
  // Pages of one sum in ascending order, those of other sums between them.
  std::vector<ValueLines> lines;
  for (const Part& part : parts) {
    if (part.values) add_value_lines(part, lines);
  }
  for (std::size_t first = 0; first < lines.size(); first += abi::kPimSequences) {
    const std::size_t end = std::min<std::size_t>(lines.size(), first + abi::kPimSequences);
    for (std::uint32_t page = 0; page < most_pages; ++page) {
      for (std::size_t i = first; i < end; ++i) {
        if (page < pages(*lines[i].part->work)) commands.push_back(value_command(lines[i], page));
      }
    }
  }
}

abi::PimCommand AttentionJob::pim_command(const Part& part) const {
  abi::PimCommand command{};
  command.opcode = static_cast<std::uint8_t>(abi::PimOpcode::kGemv);
  command.format = static_cast<std::uint8_t>(abi::Format::kFp16);
  command.vectors = static_cast<std::uint16_t>(vectors(*part.work));
  command.vector_offset = part.vector_offset;
  command.output_offset = part.result_offset;
  return command;
}

// Keys: a row of weights per token, so each page gives its own results.
void AttentionJob::add_scores(const Part& part, std::uint32_t page,
                              std::vector<abi::PimCommand>& commands) const {
  const Work& work = *part.work;
  const KvGeometry& geometry = work.geometry;
  const BankedKv& banked = geometry.banked;
  const std::uint32_t tokens = tokens_of(work, page);
  for (std::uint32_t token = 0; token < tokens;) {
    abi::PimCommand command = pim_command(part);
    command.flags = abi::kPimFirst | abi::kPimLast;
    command.segments = static_cast<std::uint8_t>(part.heads);
    command.columns = part.heads * primitive_.head_dim;
    command.vector_stride = 2 * command.columns;
    command.output_offset += 2 * (page * geometry.page_tokens + token);
    command.output_stride = part.heads * 2 * work.length;
    if (geometry.is_banked()) {
      const BankedKv::Run run = banked.key_run(
          part.first_head, token, (tokens - token + banked.banks() - 1) / banked.banks());
      command.weights = banked.address(page_address(work, page), page,
                                       banked.key(part.channel, part.first_head, token));
      command.rows = std::min(tokens - token, run.lines * banked.banks());
      command.row_elements = static_cast<std::uint32_t>(banked.bank_stride() / 2);
      command.block_rows = static_cast<std::uint16_t>(banked.banks());
      command.block_elements = static_cast<std::uint32_t>(run.stride / 2);
    } else {
      command.weights = geometry.keys(page_address(work, page)) + geometry.head(part.first_head);
      command.rows = tokens;
      command.row_elements = primitive_.head_dim;
    }
    commands.push_back(command);
    token += command.rows;
  }
}

// Values, element by element: the elements that one command can take.
void AttentionJob::add_value_lines(const Part& part, std::vector<ValueLines>& lines) const {
  const KvGeometry& geometry = part.work->geometry;
  if (!geometry.is_banked()) {
    lines.push_back({&part, 0, primitive_.head_dim, 0});
    return;
  }
  const BankedKv& banked = geometry.banked;
  for (std::uint32_t element = 0; element < primitive_.head_dim;) {
    const std::uint32_t left = primitive_.head_dim - element;
    const BankedKv::Run run =
        banked.value_run(part.first_head, element, (left + banked.banks() - 1) / banked.banks());
    const std::uint32_t rows = std::min(left, run.lines * banked.banks());
    lines.push_back({&part, element, rows, run.stride});
    element += rows;
  }
}

// A page holds a stretch of each element's row, so pages accumulate.
abi::PimCommand AttentionJob::value_command(const ValueLines& lines, std::uint32_t page) const {
  const Part& part = *lines.part;
  const Work& work = *part.work;
  const KvGeometry& geometry = work.geometry;
  abi::PimCommand command = pim_command(part);
  if (page == 0) command.flags |= abi::kPimFirst;
  if (page + 1 == pages(work)) command.flags |= abi::kPimLast;
  command.rows = lines.elements;
  command.columns = tokens_of(work, page);
  command.vector_offset += 2 * page * geometry.page_tokens;
  command.vector_stride = 2 * work.length;
  command.output_offset += 2 * lines.first;
  command.output_stride = 2u * primitive_.head_dim;
  if (geometry.is_banked()) {
    const BankedKv& banked = geometry.banked;
    command.weights = banked.address(page_address(work, page), page,
                                     banked.value(part.channel, part.first_head, lines.first));
    command.row_elements = static_cast<std::uint32_t>(banked.bank_stride() / 2);
    command.block_rows = static_cast<std::uint16_t>(banked.banks());
    command.block_elements = static_cast<std::uint32_t>(lines.stride / 2);
  } else {
    command.weights = geometry.values(page_address(work, page)) + geometry.head(part.first_head);
    command.row_elements = geometry.page_tokens;
  }
  return command;
}

void AttentionJob::take_results(const std::shared_ptr<Batch>& batch) {
  if (!execution_.timing_only()) unpack_results(*batch);
  --jobs_in_flight_;
  pump_pim();
  if (!batch->parts.front().values) return normalise(batch);
  // The last sequence that is done may end this job.
  for (const Part& part : batch->parts) {
    if (--part.work->heads_pending == 0) sequence_done(*part.work);
  }
}

// Values of heads whose scores came together go together: a job that holds only the first few of
// them would keep their channels busy and all others idle.
void AttentionJob::normalise(const std::shared_ptr<Batch>& batch) {
  batch->normalising = batch->parts.size();
  for (const Part& part : batch->parts) {
    softmax(*part.work, part.heads, [this, batch, &part] {
      for (std::uint32_t i = 0; i < part.heads && !execution_.timing_only(); ++i) {
        scale_and_normalise(*part.work, head_of(part, i));
      }
      if (--batch->normalising == 0) add_value_parts(*batch);
    });
  }
}

void AttentionJob::add_value_parts(const Batch& batch) {
  --scores_under_way_;
  const std::size_t first = values_.size();
  for (const Part& part : batch.parts) {
    for (std::uint32_t i = 0; i < part.heads; ++i) {
      values_.push_back({part.work, true, part.channel, part.first_head + i, 1, 0, 0, i, 0});
    }
  }
  if (!in_order()) {
    std::stable_sort(values_.begin() + static_cast<std::ptrdiff_t>(first), values_.end(),
                     [](const Part& a, const Part& b) { return a.turn < b.turn; });
  }
  pump_pim();
}

// Results are [vector][head][token] for scores, [vector][element] for outputs.
void AttentionJob::unpack_results(const Batch& batch) {
  for (const Part& part : batch.parts) {
    Work& work = *part.work;
    const std::uint8_t* from = batch.results.data() + part.result_offset;
    const std::size_t count = part.values ? primitive_.head_dim : work.length;
    std::vector<std::uint16_t>& into = part.values ? work.outputs : work.scores;
    for (std::uint32_t vector = 0; vector < vectors(work); ++vector) {
      for (std::uint32_t i = 0; i < part.heads; ++i) {
        const std::size_t row = std::size_t{head_of(part, i)} * vectors(work) + vector;
        std::memcpy(&into[row * count], from, 2 * count);
        from += 2 * count;
      }
    }
  }
}

}  // namespace tandem::npu
