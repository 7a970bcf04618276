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
#include "tandem/common/archive.h"
#include "tandem/npu/choice_listener.h"
#include "tandem/npu/config.h"
#include "tandem/npu/dma.h"
#include "tandem/npu/engine.h"
#include "tandem/npu/fault_hooks.h"
#include "tandem/npu/matrix_turn.h"
#include "tandem/npu/pim_port.h"
#include "tandem/npu/stage_watch.h"
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

  template <typename Archive>
  void archive(Archive& archive) {
    archive(passes, weight_bytes);
  }
};

// Cycles of a time that is counted in ps while the clock's period changes now and then.
class CycleCount {
 public:
  std::uint64_t at(std::uint64_t ps, std::uint64_t period_ps) const {
    return cycles_ + (ps - settled_ps_) / period_ps;
  }
  // What has come so far had this period.
  void settle(std::uint64_t ps, std::uint64_t period_ps) {
    cycles_ = at(ps, period_ps);
    settled_ps_ = ps;
  }

  template <typename Archive>
  void archive(Archive& archive) {
    archive(cycles_, settled_ps_);
  }

 private:
  std::uint64_t cycles_ = 0;
  std::uint64_t settled_ps_ = 0;
};

// What a stage of the model cost in commands of one phase.
struct StageCounters {
  // Time in which the first primitive not done, in the order of the program, was of the stage;
  // commands side by side count each for itself.
  std::uint64_t time_ps = 0;
  CycleCount cycles;             // of time_ps
  std::uint64_t pim_ps = 0;      // with a job of the stage at the PIM
  CycleCount pim_cycles;         // of pim_ps
  std::uint64_t matrix_ps = 0;   // work of the stage on the array
  std::uint64_t vector_ps = 0;   // and on the vector unit
  std::uint64_t link_ps = 0;     // with an exchange of the stage on the link
  std::uint64_t read_bytes = 0;  // weights, keys and values asked for at the memory port

  template <typename Archive>
  void archive(Archive& archive) {
    archive(time_ps, cycles, pim_ps, pim_cycles, matrix_ps, vector_ps, link_ps, read_bytes);
  }
};

// A sum in which everything counts as often as Core::times says when it is added.
class Tally {
 public:
  explicit Tally(const std::uint64_t& times) : times_(times) {}
  void operator+=(std::uint64_t value) { sum_ += times_ * value; }
  void operator++() { *this += 1; }
  operator std::uint64_t() const { return sum_; }
  template <typename Archive>
  void archive(Archive& archive) {
    archive(sum_);
  }

 private:
  const std::uint64_t& times_;
  std::uint64_t sum_ = 0;
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
        link(configuration.link),
        activations(configuration.timing_only ? 0 : configuration.activation_bytes) {}

  void count_times(std::uint64_t how_often) {
    times = how_often;
    dma.count_times(times);
    array.count_times(times);
    vector.count_times(times);
    link.count_times(times);
    for (Engine* engine : {&matrix_engine, &vector_engine, &sampler_engine}) {
      engine->count_times(times);
    }
  }

  // When no command is in flight.
  void archive(common::Archive& archive);

  std::uint64_t cycles_ps(std::uint64_t cycles) const { return cycles * config.clock_period_ps; }

  Config config;
  Deferred later;
  Dma& dma;
  PimPort pim;
  pe_array::ArrayCore array;
  VectorUnit vector;
  Sampler sampler;
  Link link;
  Engine matrix_engine, vector_engine, sampler_engine;
  MatrixTurn turn;
  StageWatch watch{[this] { return worked(); }};
  // For how long memory and PIM have worked so far, as shares of their channels: who has built them
  // knows. Nobody: 0.
  std::function<BusyTimes()> outside;
  BusyTimes worked() const;
  std::vector<std::uint8_t> activations;
  TokenOracle* oracle = nullptr;  // with Config::timing_only
  observe::Timeline* timeline = nullptr;
  ChoiceListener* choices = nullptr;
  FaultHooks* faults = nullptr;  // null: nothing goes wrong
  // "Linear, layer 3"
  observe::Timeline::Name name_of(const abi::Primitive& primitive);
  std::array<std::vector<observe::Timeline::Name>, abi::kPrimitiveOps> primitive_names;  // by layer

  std::uint64_t kv_held_bytes = 0;  // of the KV buffer
  std::uint64_t times = 1;          // see Repeated
  std::uint64_t commands = 0, failed_commands = 0;
  Tally primitives{times}, pim_primitives{times};
  Tally buffer_bytes{times};  // moved through the on-chip buffers
  Tally attention_ps{times};
  std::uint64_t attention_since_ps = 0, attention_in_flight = 0;
  std::array<PassCounters, abi::kPhases> phases{};
  std::array<std::array<StageCounters, abi::kStages>, abi::kPhases> stages{};
};

// As long as it lives, what is done counts `times` times: it stands for the same of other layers
// (Config::replay_layers).
class Repeated {
 public:
  Repeated(Core& core, std::uint64_t times) : core_(core), before_(core.times) {
    if (times != before_) core.count_times(times);
  }
  ~Repeated() {
    if (core_.times != before_) core_.count_times(before_);
  }
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;

 private:
  Core& core_;
  std::uint64_t before_;
};

}  // namespace tandem::npu
