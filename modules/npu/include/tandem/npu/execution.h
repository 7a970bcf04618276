// SPDX-License-Identifier: Apache-2.0
// One command from its fetch to its outcome: fetches what the command names, checks it, and runs
// its program over one or more passes. Primitives start when their predecessors are done; weights
// are on their way long before.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "tandem/npu/core.h"
#include "tandem/npu/kv_layout.h"
#include "tandem/npu/pass.h"
#include "tandem/npu/program.h"
#include "tandem/npu/weight_stream.h"

namespace tandem::npu {

class AttentionJob;

class Execution {
 public:
  // `value` goes into the completion of a command without fault.
  using Finished = std::function<void(const Fault& fault, std::uint64_t value)>;

  // `checked`: what the command names carries checks.
  Execution(Core& core, WeightStream& stream, Program& program, const abi::Command& command,
            bool checked, std::uint64_t serial, Finished finished);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  void start();
  // Stops at the next opportunity and finishes with kCancelled; batch lengths are put back.
  // False if it is too late.
  bool cancel();
  // Before a reset destroys it: what has been done stays counted.
  void abandon();
  const abi::Command& command() const { return command_; }

  // For AttentionJob and the handlers of primitives.
  Core& core() { return core_; }
  const Pass& pass() const { return pass_; }
  Sequence& sequence(std::uint32_t index) { return sequences_[index]; }
  std::uint8_t* activation(const abi::Operand& operand, std::uint32_t row);
  std::uint64_t serial() const { return serial_; }
  // Wraps what follows an access or an event: counts it as pending, keeps the fault, and does not
  // run it once the command has stopped.
  Dma::Done then(std::uint16_t primitive, std::function<void()> next);
  void at(std::uint64_t time_ps, std::function<void()> next);
  void primitive_done(std::uint16_t primitive);
  void fail(const Fault& fault);
  bool stopped() const { return cancelled_ || static_cast<bool>(fault_); }
  bool timing_only() const { return core_.config.timing_only; }
  StageCounters& stage_of(const abi::Primitive& primitive) {
    const std::uint32_t stage = primitive.stage < abi::kStages ? primitive.stage : 0;
    return core_.times == 1 ? core_.stages[command_.phase % abi::kPhases][stage]
                            : repeated_stages_[most_times() - core_.times][stage];
  }
  // What a transfer of tensor bytes is given.
  template <typename Bytes>
  auto kept(Bytes& bytes) const {
    return timing_only() ? nullptr : bytes.data();
  }

 private:
  // Scores that one ATTENTION may hold of one sequence; more are refused with kNoSpace.
  static constexpr std::uint64_t kMaxScores = 1ull << 28;

  // A tile in the array.
  struct Product {
    pe_array::TileTiming timing;
    std::uint64_t fill_cycles = 0, drain_cycles = 0;  // 0 beside others of the same LINEAR
    std::uint64_t reconfigure_cycles = 0;
    bool streamed = false;  // others begin with its outputs
    std::uint32_t part = 0;
    std::uint64_t done_bytes = 0;  // of the tile, reserved
  };

  struct State {
    std::uint32_t waiting = 0;  // predecessors not done
    bool issued = false, done = false;
    bool on_pim = false;
    bool engine_busy = false;    // LINEAR: a tile is in the array
    std::uint64_t begin_ps = 0;  // when it was issued
    std::vector<WeightTile*> tiles;
    std::size_t next_tile = 0;
    Product product;                    // LINEAR: of the tile in the array
    std::vector<float> inputs;          // LINEAR: [m][k]
    std::vector<float> sums;            // LINEAR: [m][n]
    std::vector<float> bias;            // LINEAR: [n], empty without
    std::vector<WeightTile> rows;       // GATHER
    bool results_read = false;          // LINEAR on the PIM
    std::vector<std::uint8_t> results;  // [m][n], FP32 with a bias, else FP16
    AttentionJob* attention = nullptr;
    // streaming.cpp
    std::uint32_t columns_ready = 0;  // of the output, for primitives that begin with them
    bool streams = false;             // begins with columns of `source`
    std::uint16_t source = 0;
    std::uint32_t columns_taken = 0;  // of the source's output
    bool rows_whole = false;          // NORM: its sums are complete
  };
  using Tiles = std::vector<std::vector<WeightTile*>>;

  // Fetching and checking: execution_setup.cpp
  void fetch(std::uint64_t address, void* to, std::uint64_t bytes, void (Execution::*next)());
  void fetch_descriptor(FaultHooks::Descriptor what, std::uint64_t address, void* to,
                        std::uint64_t bytes, void (Execution::*next)());
  void fetch_command_data();
  void fetch_slots();
  Fault check_descriptors() const;
  void setup_part_done();
  void fetch_sequences();
  void fetch_pages(Sequence& sequence);
  Fault check_parameters() const;
  Fault check_program_use() const;
  Fault check_entry(const Sequence& sequence) const;
  Fault check_draft(const Sequence& sequence) const;
  bool uses_kv_set(std::uint32_t set) const;
  bool needs_pim() const;
  void sequences_ready();
  void probe_pim();

  // Passes: execution.cpp
  void first_pass();
  void begin_pass();
  Fault check_pass();
  Fault check_kv(const abi::Primitive& primitive) const;
  bool predicate_is_bound(const abi::Primitive& primitive) const;
  void prefetch();
  void push_tiles(Tiles& tiles);
  void push_primitive(std::uint16_t index, std::vector<WeightTile*>& tiles);
  void push_matrix(std::uint16_t index, std::vector<WeightTile*>& tiles);
  void tile_arrived(WeightTile& tile, bool ok, std::uint64_t fault_address);
  void dispatch(std::uint16_t index);
  void dispatch_serial();
  bool waits_for_turn(std::uint16_t index);
  void issue(std::uint16_t index);
  void issue_unpredicated(std::uint16_t index);
  void account_stage();
  void watch_front();
  void pass_done();
  bool next_draft_pass();

  // Engines: placement.cpp
  struct AttentionLoad {               // of all sequences
    std::uint64_t weights = 0;         // keys and values
    std::uint64_t moved_elements = 0;  // vectors and results
    std::uint64_t vectors = 0;         // that meet the same keys
    bool one_channel_each = true, heads_apart = true;
  };
  void place();
  Fault why_not_on_pim(const abi::Primitive& primitive) const;
  bool pim_is_faster(const abi::Primitive& primitive, const PassShape& shape) const;
  bool pim_attends_faster(const abi::Primitive& primitive, const PassShape& shape) const;
  AttentionLoad attention_load(const abi::Primitive& primitive, const PassShape& shape) const;

  // The end: execution_outcome.cpp
  void await_left_out(std::uint64_t steps, std::uint64_t left_out_ps);
  std::uint64_t left_out_ps() const;
  void settle_stages(bool waited);
  void count_passes();
  void write_results();
  void signal_and_finish();
  void maybe_finish();
  void restore_lengths();

  // Primitives: primitives.cpp
  void advance(std::uint16_t index);
  void start_gather(std::uint16_t index);
  void gather_arrived(std::uint16_t index);
  // LINEAR on the array: linear.cpp
  void advance_linear(std::uint16_t index);
  void load_inputs(std::uint16_t index, std::uint32_t m);
  void multiply_next(std::uint16_t index);
  std::uint64_t part_end(const WeightTile& tile, const Product& product) const;
  std::uint64_t reserve_matrix(std::uint16_t index, const WeightTile& tile,
                               std::uint64_t end_bytes);
  void multiply_tile(std::uint16_t index, const WeightTile& tile);
  void store_outputs(std::uint16_t index);
  void linear_tile_done(std::uint16_t index);
  void finish_linear(std::uint16_t index);
  // The vector unit: vector_primitives.cpp
  struct VectorWork {  // on [rows][n]
    VectorOperation operation;
    std::uint32_t rows;
    std::uint32_t n;
  };
  VectorWork vector_work(std::uint16_t index) const;
  void start_vector(std::uint16_t index);
  void run_vector(std::uint16_t index, VectorOperation operation, std::uint64_t rows,
                  std::uint64_t n, std::function<void()> compute);
  std::uint64_t charge_vector(std::uint16_t index, VectorOperation operation, std::uint64_t rows,
                              std::uint64_t n);
  std::uint64_t reserve_vector(std::uint16_t index, std::uint64_t cycles);
  void vector_done(std::uint16_t index);
  void compute_vector(std::uint16_t index);
  void compute_norm(std::uint16_t index);
  void compute_position(std::uint16_t index);
  void compute_elementwise(std::uint16_t index);
  // Columns of an output, before all of it is there: streaming.cpp
  bool streams(std::uint16_t writer, std::uint16_t reader) const;
  bool overlap(const abi::Operand& a, std::uint64_t columns, const abi::Operand& b,
               std::uint64_t other_columns) const;
  void stream_from_last(std::uint16_t reader);
  void stream_readers(std::uint16_t writer);
  void announce(std::uint16_t writer, std::uint32_t columns);
  bool is_streamed(std::uint16_t writer) const;
  void announce_part(std::uint16_t index, const WeightTile& tile, std::uint64_t end_ps);
  void take_columns(std::uint16_t index);
  void take_vector_columns(std::uint16_t index);
  void columns_done(std::uint16_t index, std::uint32_t columns);
  void finish_norm(std::uint16_t index);
  // Experts: experts.cpp
  const std::vector<std::uint32_t>& rows_by_expert(std::uint16_t route);
  void push_experts(std::uint16_t index, std::vector<WeightTile*>& tiles);
  void start_route(std::uint16_t index);
  void start_combine(std::uint16_t index);
  const std::vector<numerics::Tile>& tiles_of(std::uint16_t index,
                                              const numerics::SlicedTensor& tensor);
  // Rows that a tile of a LINEAR is multiplied with.
  std::uint32_t rows_of(std::uint16_t index, const numerics::Tile& part);
  void start_learned_position(std::uint16_t index);  // learned_positions.cpp
  void start_collective(std::uint16_t index);        // collective.cpp
  void start_kv_append(std::uint16_t index);
  // Of the tokens [slot, slot + count) of one page, from row `row` of the pass on.
  struct PageRows {
    std::uint64_t address;
    std::uint32_t page;  // in the table
    std::uint32_t slot;
    std::uint32_t count;
    std::uint32_t row;
  };
  std::vector<PageRows> pages_of(const RowRange& range, std::uint16_t kv_set,
                                 std::uint32_t page_tokens) const;
  void append_rows(const abi::Primitive& primitive, const RowRange& range,
                   const std::function<Dma::Done()>& part);
  void append_in_bulk(const abi::Primitive& primitive, const std::function<Dma::Done()>& part);
  void append_keys_only(const abi::Primitive& primitive, const KvGeometry& geometry,
                        const PageRows& rows, const std::function<Dma::Done()>& part);
  void append_contiguous(const abi::Primitive& primitive, const KvGeometry& geometry,
                         const PageRows& rows, const std::function<Dma::Done()>& part);
  void append_banked(const abi::Primitive& primitive, const KvGeometry& geometry,
                     const PageRows& rows, const std::function<Dma::Done()>& part);
  void append_values(const abi::Primitive& primitive, std::uint32_t head, std::uint32_t element,
                     std::uint64_t address, const PageRows& rows,
                     const std::function<Dma::Done()>& part);
  void start_kv_commit(std::uint16_t index);
  // SAMPLE and ACCEPT: sampling.cpp
  void start_sample(std::uint16_t index);
  void sample(const abi::Primitive& primitive, const RowRange& range, std::size_t entry,
              const std::function<Dma::Done()>& part);
  void start_accept(std::uint16_t index);
  SamplingParameters sampling_of(const Sequence& sequence) const;
  void accept(std::uint16_t index,
              const std::shared_ptr<std::vector<std::vector<float>>>& distributions);
  // Moving and waiting: primitives.cpp
  void start_copy(std::uint16_t index);
  void copy(std::uint64_t from, std::uint64_t to, std::uint64_t bytes, std::uint16_t primitive,
            std::function<void()> next);
  void wait_for(std::uint64_t semaphore, std::uint32_t value, std::uint16_t primitive,
                const std::function<void()>& next);
  // LINEAR in the memory: pim_linear.cpp
  bool fits_pim_windows(const abi::Primitive& primitive) const;
  std::uint64_t pim_linear_ps(const abi::Primitive& primitive, std::uint32_t m) const;
  std::uint64_t npu_linear_ps(const abi::Primitive& primitive, std::uint32_t m) const;
  void start_pim_linear(std::uint16_t index);
  std::uint32_t tile_rows(const abi::Primitive& primitive) const;
  PimPort::Job pim_job(std::uint16_t index, const numerics::Tile& tile, std::uint32_t first,
                       std::uint32_t count);
  std::uint64_t pim_gemv_ps(const abi::Primitive& primitive, std::uint32_t rows,
                            std::uint32_t vectors) const;
  abi::PimCommand pim_command(const abi::Primitive& primitive, std::uint32_t slice,
                              const numerics::Tile& tile, std::uint32_t vectors) const;
  void finish_pim_linear(std::uint16_t index);
  void take_bias(std::uint16_t index);
  std::uint32_t input_row(const abi::Primitive& primitive, std::uint32_t output_row) const;

  std::uint64_t most_times() const { return program_.most_times(); }
  abi::Opcode opcode() const { return static_cast<abi::Opcode>(command_.opcode); }
  bool drafted_rows() const;

  Core& core_;
  WeightStream& stream_;
  Program& program_;
  abi::Command command_;
  bool checked_;  // tandem/abi/checks.h
  std::uint64_t serial_;
  Finished finished_;

  abi::ParameterBlock parameters_{};
  std::vector<abi::BatchEntry> entries_;
  std::vector<abi::Primitive> fetched_program_;
  std::vector<Sequence> sequences_;
  Pass pass_;
  std::vector<State> states_;
  std::map<std::uint16_t, std::vector<std::uint32_t>> choices_;  // by ROUTE, see rows_by_expert
  std::vector<bool> on_pim_;          // per primitive, empty before the first pass
  Tiles next_tiles_;                  // prefetched for the next pass
  std::vector<std::uint16_t> ready_;  // serial mode
  std::vector<std::unique_ptr<AttentionJob>> attention_;
  std::size_t remaining_ = 0;  // primitives of the pass
  std::size_t active_ = 0;     // issued and not done
  std::uint16_t front_ = 0;    // the first primitive of the pass that is not done
  std::uint64_t front_since_ps_ = 0;
  std::uint32_t iteration_ = 0;
  // Of layers that stand for others, each counted once: of those that count most_times(), and of
  // those that count once less, because shares differ by one at most.
  std::array<std::array<StageCounters, abi::kStages>, 2> repeated_stages_{};
  std::uint32_t setup_pending_ = 0;
  std::size_t pending_ = 0;  // accesses and events under way
  std::uint64_t stream_bytes_before_ = 0, gather_bytes_ = 0, passes_ = 0;
  std::uint64_t emitted_ = 0;
  Fault fault_;
  bool settled_ = false;  // repeated_stages_ have been added
  bool cancelled_ = false, finishing_ = false, finished_called_ = false;
};

}  // namespace tandem::npu
