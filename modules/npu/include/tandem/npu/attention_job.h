// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "tandem/npu/execution.h"

namespace tandem::npu {

// An ATTENTION primitive at work, sequence by sequence. On the NPU keys and values stream in and
// the matrix unit multiplies; on the PIM the banks multiply. Softmax is the vector unit's either
// way, and scores and probabilities are FP16 either way, so both give the same bytes:
//   scores = round16(round16(q . k) * scale), probabilities = softmax(scores),
//   output = round16(canonical sum of probability * v).
class AttentionJob {
 public:
  AttentionJob(Execution& execution, std::uint16_t index, const abi::Primitive& primitive,
               bool on_pim);
  ~AttentionJob();
  AttentionJob(const AttentionJob&) = delete;
  AttentionJob& operator=(const AttentionJob&) = delete;

  void start();
  // On the NPU, before start(): of the queries nothing is there but what queries_ready() says.
  void await_queries() { query_columns_ = 0; }
  void queries_ready(std::uint32_t columns);

 private:
  struct Heads {  // KV heads
    std::uint32_t first, count;
  };
  struct Work {  // one sequence
    RowRange range;
    KvGeometry geometry;
    std::uint32_t length;  // tokens, with those of this pass
    // [page][kv_head][token][head_dim]; values of the element-major layouts
    // [page][kv_head][head_dim][token].
    std::vector<std::uint8_t> keys, values;
    std::vector<std::uint8_t> key_image, value_image;  // banked: [page][image], see BankedKv
    std::uint64_t held_bytes = 0;
    std::size_t values_pending = 0;      // transfers
    std::size_t heads_pending = 0;       // KV heads whose outputs are to come
    std::uint32_t next_head = 0;         // NPU: KV head whose scores are not asked for
    std::uint32_t held_back = 0;         // NPU: calls of next_scores() before its queries came
    std::vector<Heads> normalised;       // NPU: whose values are not asked for
    std::vector<std::uint16_t> scores;   // [kv_head][vector][length]
    std::vector<std::uint16_t> outputs;  // [kv_head][vector][value_dim]
  };

  struct LineRead {  // of a banked page
    std::uint64_t address;
    std::uint8_t* to;
    std::uint64_t bytes;
    Dma::Done done;
  };

  // Query vectors that share a KV head: [row][head within the group].
  std::uint32_t group() const { return primitive_.heads / primitive_.kv_heads; }
  std::uint32_t vectors(const Work& work) const { return work.range.count * group(); }
  const std::uint16_t* query(const Work& work, std::uint32_t kv_head, std::uint32_t vector);
  std::uint32_t value_dim() const { return value_dim_of(primitive_); }
  void load_query(const Work& work, std::uint32_t kv_head, std::uint32_t vector, float* to);
  std::uint32_t visible(const Work& work, std::uint32_t vector) const;
  std::uint32_t pages(const Work& work) const;
  std::uint32_t tokens_of(const Work& work, std::uint32_t page) const;
  std::uint64_t page_address(const Work& work, std::uint32_t page) const;

  void allocate(Work& work);
  void sequence_done(Work& work);
  // Of as many KV heads.
  std::uint64_t charge_softmax(const Work& work, std::uint32_t kv_heads);
  void softmax(const Work& work, std::uint32_t kv_heads, std::function<void()> next);
  void scale_and_normalise(Work& work, std::uint32_t kv_head);
  void store(Work& work);

  // NPU: attention_fetch.cpp
  void fetch_more();
  void fetch(Work& work);
  void read(std::uint64_t address, void* to, std::uint64_t bytes, Dma::Done done);
  void fetch_half(Work& work, std::vector<std::uint8_t>& into, bool values,
                  const std::function<Dma::Done()>& part, std::vector<LineRead>& lines);
  void fetch_half_in_bulk(Work& work, bool values, const std::function<Dma::Done()>& part);
  void fetch_image(Work& work, std::vector<std::uint8_t>& into, bool values,
                   const std::function<Dma::Done()>& part, std::vector<LineRead>& lines);
  void read_lines();
  void unpack_keys(Work& work);
  void unpack_values(Work& work);
  // attention_npu.cpp
  void multiply(const Work& work, std::uint32_t n, std::uint32_t k, std::uint32_t kv_heads,
                std::function<void()> next);
  std::uint32_t heads_before(std::uint32_t piece) const;
  Heads next_piece(const Work& work) const;
  void next_scores(Work& work);
  void compute(Work& work);
  void multiply_keys(Work& work, std::uint32_t kv_head);
  void values_arrived(Work& work);
  void sum_values(Work& work);
  void multiply_values(Work& work, std::uint32_t kv_head);
  void outputs_done(Work& work);

  // PIM: attention_pim.cpp
  // Scores or outputs of some heads of a sequence: as much as shares one vector in the banks.
  struct Part {
    Work* work;
    bool values;
    std::uint32_t channel;     // banked layouts; 0 otherwise
    std::uint32_t first_head;  // local to the channel
    std::uint32_t heads;
    std::uint32_t vector_offset;  // in what the job has of the windows
    std::uint32_t result_offset;
    std::uint32_t turn;       // of the channel that it lies in
    std::uint32_t begins_in;  // kHeadSplit: that channel, of the memory, for the first page
  };
  // Elements [first, first + elements) of a head's values.
  struct ValueLines {
    const Part* part;
    std::uint32_t first;
    std::uint32_t elements;
    std::uint64_t stride;  // banked: bytes from a line of a bank to the next
  };
  struct Batch;
  std::uint32_t head_of(const Part& part, std::uint32_t index) const;
  std::uint64_t vector_bytes(const Part& part) const;
  std::uint64_t result_bytes(const Part& part) const;
  std::uint32_t heads_at_once(const Work& work) const;
  void start_on_pim();
  void add_score_parts(Work& work, std::vector<Part>& parts) const;
  void order_by_channel(std::vector<Part>& parts) const;
  bool in_order() const { return core_.config.pim_order == PimOrder::kRequests; }
  std::deque<Part>& next_parts();
  void pump_pim();
  std::shared_ptr<Batch> take_batch(std::deque<Part>& from) const;
  void send(const std::shared_ptr<Batch>& batch);
  void write_vectors(const Part& part, std::vector<std::uint8_t>& bytes);
  void add_commands(const std::vector<Part>& parts, std::vector<abi::PimCommand>& commands) const;
  void add_scores(const Part& part, std::uint32_t page,
                  std::vector<abi::PimCommand>& commands) const;
  void add_value_lines(const Part& part, std::vector<ValueLines>& lines) const;
  abi::PimCommand value_command(const ValueLines& lines, std::uint32_t page) const;
  abi::PimCommand pim_command(const Part& part) const;
  void take_results(const std::shared_ptr<Batch>& batch);
  void normalise(const std::shared_ptr<Batch>& batch);
  void add_value_parts(const Batch& batch);
  void unpack_results(const Batch& batch);

  Execution& execution_;
  Core& core_;
  std::uint16_t index_;
  abi::Primitive primitive_;
  bool on_pim_;
  std::vector<std::unique_ptr<Work>> work_;
  // NPU: parts that a sequence's heads are divided into, and how many have scores under way.
  static constexpr std::uint32_t kPieces = 8, kPiecesAhead = 2;
  std::size_t next_fetch_ = 0;
  std::deque<std::deque<LineRead>> lines_;  // by sequence, not yet asked for
  std::size_t lines_in_flight_ = 0;
  std::uint32_t query_columns_;  // that are there
  // PIM. Enough jobs in flight to bridge the time from results to the next commands, and windows
  // enough for them.
  static constexpr std::size_t kJobsInFlight = 8;
  static constexpr std::uint64_t kWindowShare = 4;
  std::deque<Part> scores_, values_;  // not yet sent
  std::size_t jobs_in_flight_ = 0;
  std::size_t scores_under_way_ = 0;  // batches, until they are normalised
  std::size_t done_ = 0;
};

}  // namespace tandem::npu
