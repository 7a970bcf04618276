// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
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

 private:
  struct Work {  // one sequence
    RowRange range;
    KvGeometry geometry;
    std::uint32_t length;            // tokens, with those of this pass
    std::vector<std::uint8_t> keys;  // [page][half], as in memory
    std::vector<std::uint8_t> values;
    std::uint64_t held_bytes = 0;
    std::size_t values_pending = 0;  // transfers
    std::size_t heads_pending = 0;   // PIM: KV heads under way
    bool normalised = false;
    std::vector<std::uint16_t> scores;   // [kv_head][vector][length]
    std::vector<std::uint16_t> outputs;  // [kv_head][vector][head_dim]
  };

  // Query vectors that share a KV head: [row][head within the group].
  std::uint32_t group() const { return primitive_.heads / primitive_.kv_heads; }
  std::uint32_t vectors(const Work& work) const { return work.range.count * group(); }
  const std::uint16_t* query(const Work& work, std::uint32_t kv_head, std::uint32_t vector);
  std::uint32_t visible(const Work& work, std::uint32_t vector) const;
  std::uint32_t pages(const Work& work) const;
  std::uint32_t tokens_of(const Work& work, std::uint32_t page) const;
  std::uint64_t page_address(const Work& work, std::uint32_t page) const;

  void allocate(Work& work);
  void sequence_done(Work& work);
  void softmax(Work& work, void (AttentionJob::*next)(Work&));
  void scale_and_normalise(Work& work);
  void store(Work& work);

  // NPU
  void fetch_more();
  void fetch(Work& work);
  void fetch_half(Work& work, std::vector<std::uint8_t>& into, bool values,
                  const std::function<Dma::Done()>& part);
  void multiply(Work& work, std::uint32_t n, std::uint32_t k, void (AttentionJob::*next)(Work&));
  void compute_scores(Work& work);
  void sum_values(Work& work);
  void compute_outputs(Work& work);

  void scores_done(Work& work);
  void values_arrived(Work& work);

  // PIM
  void next_sequence();
  void pim_scores(Work& work);
  void pim_values(Work& work);
  abi::PimCommand pim_command(const Work& work) const;
  // Vectors [vectors][columns] in, results [vectors][rows] out; commands are the caller's.
  PimPort::Job pim_job(const Work& work, const std::vector<std::uint16_t>& vectors_in,
                       std::uint32_t columns, std::uint32_t rows, std::uint16_t* results) const;

  Execution& execution_;
  Core& core_;
  std::uint16_t index_;
  abi::Primitive primitive_;
  bool on_pim_;
  std::vector<std::unique_ptr<Work>> work_;
  std::size_t next_fetch_ = 0;
  std::size_t next_pim_ = 0;
  std::size_t done_ = 0;
};

}  // namespace tandem::npu
