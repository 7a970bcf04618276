// SPDX-License-Identifier: Apache-2.0
// What commands share: the engines, the memory port, the activation buffer, the counters.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tandem/abi/command.h"
#include "tandem/abi/program.h"
#include "tandem/common/agenda.h"
#include "tandem/npu/choice_listener.h"
#include "tandem/npu/config.h"
#include "tandem/npu/dma.h"
#include "tandem/npu/engine.h"
#include "tandem/npu/matrix_turn.h"
#include "tandem/npu/pim_port.h"
#include "tandem/npu/token_oracle.h"

namespace tandem::npu {

// Functions to be called at a later time, forgotten by reset().
class Deferred {
 public:
  explicit Deferred(common::Agenda& agenda) : agenda_(agenda) {}

  void at(std::uint64_t time_ps, std::function<void()> function) {
    if (free_.empty()) {
      free_.push_back(functions_.size());
      functions_.emplace_back();
    }
    const std::size_t slot = free_.back();
    free_.pop_back();
    functions_[slot] = std::move(function);
    agenda_.at(time_ps, [this, slot] {
      const std::function<void()> call = std::move(functions_[slot]);
      free_.push_back(slot);
      call();
    });
  }
  void reset() {
    agenda_.clear();
    functions_.clear();
    free_.clear();
  }

 private:
  common::Agenda& agenda_;  // used by nobody else
  std::vector<std::function<void()>> functions_;
  std::vector<std::size_t> free_;
};

struct PassCounters {
  std::uint64_t passes = 0;
  std::uint64_t weight_bytes = 0;  // requested at the memory port
};

// What a stage of the model cost in commands of one phase.
struct StageCounters {
  // Time in which the first primitive not done, in the order of the program, was of the stage;
  // commands side by side count each for itself.
  std::uint64_t time_ps = 0;
  std::uint64_t pim_ps = 0;      // with a job of the stage at the PIM
  std::uint64_t matrix_ps = 0;   // work of the stage on the array
  std::uint64_t vector_ps = 0;   // and on the vector unit
  std::uint64_t read_bytes = 0;  // weights, keys and values asked for at the memory port
};

struct Core {
  Core(const Config& configuration, common::Agenda& agenda_, Dma& dma_)
      : config(configuration),
        later(agenda_),
        dma(dma_),
        pim(dma_, configuration.pim_job_overhead_ps),
        array(configuration.array),
        vector(configuration.vector),
        sampler(configuration.sampler),
        activations(configuration.timing_only ? 0 : configuration.activation_bytes) {}

  std::uint64_t cycles_ps(std::uint64_t cycles) const { return cycles * config.clock_period_ps; }

  Config config;
  Deferred later;
  Dma& dma;
  PimPort pim;
  pe_array::ArrayCore array;
  VectorUnit vector;
  Sampler sampler;
  Engine matrix_engine, vector_engine, sampler_engine;
  MatrixTurn turn;
  std::vector<std::uint8_t> activations;
  TokenOracle* oracle = nullptr;  // with Config::timing_only
  observe::Timeline* timeline = nullptr;
  ChoiceListener* choices = nullptr;
  // "Linear, layer 3"
  observe::Timeline::Name name_of(const abi::Primitive& primitive);
  std::array<std::vector<observe::Timeline::Name>, abi::kPrimitiveOps> primitive_names;  // by layer

  std::uint64_t kv_held_bytes = 0;  // of the KV buffer
  std::uint64_t commands = 0, primitives = 0, failed_commands = 0;
  std::uint64_t pim_primitives = 0;
  std::uint64_t buffer_bytes = 0;  // moved through the on-chip buffers
  std::uint64_t attention_since_ps = 0, attention_in_flight = 0, attention_ps = 0;
  std::array<PassCounters, abi::kPhases> phases{};
  std::array<std::array<StageCounters, abi::kStages>, abi::kPhases> stages{};
};

}  // namespace tandem::npu
