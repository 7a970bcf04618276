// SPDX-License-Identifier: Apache-2.0
// LINEAR in the memory: jobs of as many vectors and rows as the windows hold, and how long that, or
// the same on the matrix unit, is expected to take.
#include <algorithm>
#include <cstring>

#include "join.h"
#include "tandem/npu/execution.h"

namespace tandem::npu {

namespace {

bool has_bias(const abi::Primitive& primitive) {
  return primitive.bias.slot != abi::kNoSlot;
}

// With a bias results come as they are summed, to be rounded once it has been added.
std::uint32_t result_size(const abi::Primitive& primitive) {
  return has_bias(primitive) ? 4 : 2;
}

// Vectors of one job; those that the window does not hold take the weights' rows anew.
std::uint32_t vectors_at_once(const PimPort::Geometry& pim, const abi::Primitive& primitive,
                              std::uint32_t m) {
  const std::uint64_t least_results = 16ull * result_size(primitive);
  const std::uint64_t fitting = std::min<std::uint64_t>(pim.vector_bytes / (2ull * primitive.k),
                                                        pim.result_bytes / least_results);
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(fitting, 1, std::min<std::uint32_t>(m, 0xFFFF)));
}

// Weight rows whose results for `vectors` fit in the window, so cut that rows begin at whole bytes.
std::uint32_t rows_at_once(const PimPort::Geometry& pim, const abi::Primitive& primitive,
                           std::uint32_t vectors) {
  const std::uint64_t rows =
      pim.result_bytes / (std::uint64_t{result_size(primitive)} * vectors) / 16 * 16;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(rows, 16, (std::uint64_t{primitive.n} + 15) / 16 * 16));
}

std::uint64_t ceil_divide(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

bool Execution::fits_pim_windows(const abi::Primitive& primitive) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  return 2ull * primitive.k <= pim.vector_bytes &&
         16ull * result_size(primitive) <= pim.result_bytes;
}

// Vectors and results over the port and what a job has been seen to cost besides, beside the time
// of the banks.
std::uint64_t Execution::pim_linear_ps(const abi::Primitive& primitive, std::uint32_t m) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  const std::uint32_t vectors = vectors_at_once(pim, primitive, m);
  const std::uint64_t blocks = ceil_divide(primitive.n, rows_at_once(pim, primitive, vectors));
  const std::uint64_t jobs = ceil_divide(m, vectors) * blocks;
  const std::uint64_t moved_bytes =
      std::uint64_t{m} *
      (2ull * primitive.k * blocks + std::uint64_t{result_size(primitive)} * primitive.n);
  const std::uint64_t rate = std::max<std::uint64_t>(1, core_.config.memory_bytes_per_us);
  return pim_gemv_ps(primitive, primitive.n, m) + moved_bytes * 1'000'000 / rate +
         jobs * core_.pim.overhead_ps();
}

std::uint64_t Execution::pim_gemv_ps(const abi::Primitive& primitive, std::uint32_t rows,
                                     std::uint32_t vectors) const {
  const auto format = static_cast<abi::Format>(primitive.weight.format);
  const numerics::SlicedTensor tensor = sliced_weight(primitive);
  return tensor.is_sliced()
             ? core_.pim.sliced_gemv_ps(format, rows, primitive.k, tensor.columns, vectors)
             : core_.pim.gemv_ps(format, rows, primitive.k, vectors);
}

// Weights arrive while the array works on those before.
std::uint64_t Execution::npu_linear_ps(const abi::Primitive& primitive, std::uint32_t m) const {
  const auto format = static_cast<abi::Format>(primitive.weight.format);
  const numerics::SlicedTensor tensor = sliced_weight(primitive);
  const std::uint64_t columns = std::uint64_t{tensor.slices()} * tensor.slice().cols;
  const std::uint64_t weights = primitive.n * columns;  // with padding, which is streamed too
  const std::uint64_t rate = std::max<std::uint64_t>(1, core_.config.memory_bytes_per_us);
  const std::uint64_t load_ps = weights * abi::stream_bits(format) / 8 * 1'000'000 / rate;
  const pe_array::TileTiming timing = core_.array.tile_timing(format, primitive.n, primitive.k, m);
  const std::uint64_t period_ps = core_.array.config().clock_period_ps;
  return std::max(load_ps, timing.occupancy_cycles * period_ps) +
         (timing.fill_cycles + timing.drain_cycles) * period_ps;
}

void Execution::start_pim_linear(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  const PimPort::Geometry& pim = core_.pim.geometry();
  const std::uint32_t m = output_rows(primitive, pass_.shape());
  const std::uint32_t vectors = vectors_at_once(pim, primitive, m);
  const std::uint32_t rows = rows_at_once(pim, primitive, vectors);
  State& state = states_[index];
  if (!timing_only()) state.results.resize(std::size_t{m} * primitive.n * result_size(primitive));
  const auto joint = join([this, index] {
    states_[index].results_read = true;
    finish_pim_linear(index);
  });
  for (std::uint32_t first = 0; first < m; first += vectors) {
    const std::uint32_t count = std::min(vectors, m - first);
    for (std::uint32_t row0 = 0; row0 < primitive.n; row0 += rows) {
      const numerics::Tile tile{row0, std::min(rows, primitive.n - row0), 0, primitive.k};
      PimPort::Job job = pim_job(index, tile, first, count);
      ++joint->pending;
      job.done = then(index, [joint] { joint->done(); });
      core_.pim.run(std::move(job));
    }
  }
  joint->done();
}

// Of the matrix, in one row of every bank of the memory.
std::uint32_t Execution::tile_rows(const abi::Primitive& primitive) const {
  const PimPort::Geometry& pim = core_.pim.geometry();
  const numerics::TensorLayout slice = sliced_weight(primitive).slice();
  const std::uint32_t in_row = 8 * pim.row_bytes / (slice.cols * abi::stream_bits(slice.format));
  return std::max(1u, pim.channels * pim.banks * std::max(1u, in_row));
}

// `count` rows of the pass from `first` on, multiplied with some rows of the weights.
PimPort::Job Execution::pim_job(std::uint16_t index, const numerics::Tile& tile,
                                std::uint32_t first, std::uint32_t count) {
  const abi::Primitive& primitive = program_[index];
  const std::uint32_t vector_bytes = 2 * primitive.k;
  const std::uint32_t size = result_size(primitive);
  PimPort::Job job{};
  for (std::uint32_t i = 0; i < count; ++i) {
    job.writes.push_back({i * vector_bytes, vector_bytes, {}});
    std::uint8_t* to = nullptr;
    if (!timing_only()) {
      const std::uint8_t* x = activation(primitive.input, input_row(primitive, first + i));
      job.writes.back().bytes.assign(x, x + vector_bytes);
      const std::size_t element = std::size_t{first + i} * primitive.n + tile.row0;
      to = states_[index].results.data() + element * size;
    }
    job.reads.push_back({i * size * tile.rows, to, std::uint64_t{size} * tile.rows});
  }
  // Slice by slice a piece of the vectors is loaded once for all rows.
  const bool by_rows =
      core_.config.pim_tile_order == PimTileOrder::kRows && sliced_weight(primitive).is_sliced();
  const std::uint32_t block = by_rows ? tile_rows(primitive) : tile.rows;
  for (std::uint32_t first_row = 0; first_row < tile.rows; first_row += block) {
    const numerics::Tile rows{tile.row0 + first_row, std::min(block, tile.rows - first_row), 0,
                              tile.cols};
    for (std::uint32_t slice = 0; slice < sliced_weight(primitive).slices(); ++slice) {
      job.commands.push_back(pim_command(primitive, slice, rows, count));
      job.commands.back().output_offset = size * first_row;
      job.commands.back().output_stride = size * tile.rows;
    }
  }
  job.busy_ps = &stage_of(primitive).pim_ps;
  // All that is predicted, so that what is seen besides does not count it twice.
  const std::uint64_t moved_bytes = std::uint64_t{count} * (vector_bytes + size * tile.rows);
  job.multiply_ps =
      pim_gemv_ps(primitive, tile.rows, count) +
      moved_bytes * 1'000'000 / std::max<std::uint64_t>(1, core_.config.memory_bytes_per_us);
  return job;
}

abi::PimCommand Execution::pim_command(const abi::Primitive& primitive, std::uint32_t slice,
                                       const numerics::Tile& tile, std::uint32_t vectors) const {
  const numerics::SlicedTensor tensor = sliced_weight(primitive);
  const numerics::TensorLayout layout = tensor.slice();
  const PlaneAddresses planes =
      slice_addresses(tensor, slice, plane_addresses(primitive, parameters_));
  abi::PimCommand command{};
  command.opcode = static_cast<std::uint8_t>(abi::PimOpcode::kGemv);
  command.format = primitive.weight.format;
  if (slice == 0) command.flags |= abi::kPimFirst;
  if (slice + 1 == tensor.slices()) command.flags |= abi::kPimLast;
  if (has_bias(primitive)) command.flags |= abi::kPimWide;
  command.weights =
      planes[0] + numerics::plane_range(layout, tile, numerics::Plane::kStream).offset;
  command.rows = tile.rows;
  command.columns = tensor.columns_in(slice);
  command.row_elements = layout.cols;
  command.vectors = static_cast<std::uint16_t>(vectors);
  command.grouping = primitive.grouping;
  command.scope = primitive.scope;
  if (numerics::has_tables(layout)) {
    command.tables =
        planes[3] + numerics::plane_range(layout, tile, numerics::Plane::kTables).offset;
  } else if (numerics::has_scales(layout)) {
    command.tables =
        planes[2] + numerics::plane_range(layout, tile, numerics::Plane::kScales).offset;
  }
  command.vector_offset = 2 * tensor.first_column(slice);
  command.vector_stride = 2 * primitive.k;
  command.element_offset = static_cast<std::uint8_t>(std::uint64_t{tile.row0} * layout.cols *
                                                     abi::stream_bits(layout.format) % 8 / 4);
  return command;
}

// When the results are there, and the bias if there is one: the vector unit adds it on the way.
void Execution::finish_pim_linear(std::uint16_t index) {
  const abi::Primitive& primitive = program_[index];
  State& state = states_[index];
  if (!state.results_read) return;
  const std::uint32_t m = output_rows(primitive, pass_.shape());
  if (!has_bias(primitive)) {
    for (std::uint32_t row = 0; row < m && !timing_only(); ++row) {
      std::memcpy(activation(primitive.output, row),
                  state.results.data() + 2ull * row * primitive.n, 2ull * primitive.n);
    }
    state.results = {};
    return primitive_done(index);
  }
  if (state.next_tile != 0 || !state.tiles.front()->arrived) return;
  state.next_tile = 1;
  run_vector(index, VectorOperation::kAdd, m, primitive.n, [this, index] {
    State& to = states_[index];
    to.sums.resize(to.results.size() / sizeof(float));
    std::memcpy(to.sums.data(), to.results.data(), to.results.size());
    to.results = {};
    take_bias(index);
    store_outputs(index);
  });
}

}  // namespace tandem::npu
