// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/memory/sparse_store.h"
#include "tandem/pim/config.h"
#include "weight_bytes.h"

namespace tandem::pim {

// What a GEMV computes: checks commands, keeps the accumulators between FIRST and LAST, and holds
// the vector and result windows. Knows no time.
class GemvUnit {
 public:
  struct Outcome {
    abi::Status status = abi::Status::kOk;
    std::uint64_t address = 0;  // of what was wrong
    WeightBytes weights;        // of a GEMV that is ok
  };

  GemvUnit(const Config& config, memory::SparseStore& store);

  // Executes a command; `dram_base` is the bus address of the first byte of the banks. One that
  // fails leaves its results unreadable until a later command writes them.
  Outcome execute(const abi::PimCommand& command, std::uint64_t dram_base);

  // The bytes of the windows. Ranges have been checked by the caller.
  std::uint8_t* vectors() { return reinterpret_cast<std::uint8_t*>(vectors_.data()); }
  std::uint8_t* results() { return reinterpret_cast<std::uint8_t*>(results_.data()); }
  // Behind the last byte of the result window that the command writes.
  static std::uint64_t results_end(const abi::PimCommand& command);
  bool results_readable(std::uint64_t offset, std::uint64_t bytes) const;

  // As new; the windows are zero.
  void reset();
  template <typename Archive>
  void archive(Archive& archive) {
    archive(vectors_, results_, unreadable_, sequences_, opened_);
  }

 private:
  // A sequence FIRST..LAST. Sums are [segments][vectors][rows].
  struct Sequence {
    std::uint64_t opened = 0;  // order of FIRST; 0: closed
    std::uint32_t output_offset = 0;
    std::uint32_t rows = 0;
    std::uint32_t vectors = 0;
    std::uint64_t position = 0;  // columns summed up so far
    std::vector<float> totals;
    std::vector<float> chunk;  // of the 128 columns that `position` lies in

    template <typename Archive>
    void archive(Archive& archive) {
      archive(opened, output_offset, rows, vectors, position, totals, chunk);
    }
  };

  Outcome check(const abi::PimCommand& command, std::uint64_t dram_base) const;
  Outcome check_shape(const abi::PimCommand& command) const;
  Outcome check_memory(const abi::PimCommand& command, std::uint64_t dram_base) const;
  bool fits_windows(const abi::PimCommand& command) const;
  bool continues_sequence(const abi::PimCommand& command) const;

  Sequence* find(const abi::PimCommand& command);
  const Sequence* find(const abi::PimCommand& command) const;
  Sequence& open(const abi::PimCommand& command);
  void compute(const abi::PimCommand& command, const WeightBytes& weights);
  void follow(const abi::PimCommand& command);
  void accumulate(const abi::PimCommand& command, const numerics::WeightView& view,
                  const std::uint16_t* x, Sequence& sequence, float* totals);
  numerics::WeightView gathered(const WeightBytes& weights, std::uint32_t begin,
                                std::uint32_t columns);
  const std::uint8_t* stream_of(const WeightBytes& weights);
  const std::uint8_t* bytes_at(std::uint64_t address, std::uint64_t bytes,
                               std::vector<std::uint8_t>& copy);
  void accumulate_open_chunk(const abi::PimCommand& command, const numerics::WeightView& view,
                             const std::uint16_t* x, Sequence& sequence);
  void store_results(const abi::PimCommand& command, const Sequence& sequence);
  void mark_results(const abi::PimCommand& command, bool readable);

  const Config& config_;
  memory::SparseStore& store_;
  std::vector<std::uint16_t> vectors_;
  std::vector<std::uint16_t> results_;
  std::vector<std::uint8_t> unreadable_;  // per element of results_

  std::vector<Sequence> sequences_;
  std::uint64_t opened_ = 0;

  std::vector<std::uint8_t> stream_copy_, side_copy_;
  std::vector<float> row_values_;
};

}  // namespace tandem::pim
