// SPDX-License-Identifier: Apache-2.0
// What of the NPU's state goes into a checkpoint. No command is in flight then, so there are no
// executions, transfers or jobs.
#include "tandem/common/archive.h"

#include <algorithm>

#include "tandem/npu/npu.h"

namespace tandem::npu {

using common::Archive;

// Dependences, tiles and the layers left out follow from the driver's program.
void Program::archive(Archive& archive, bool pim_bound, bool computes,
                      std::uint32_t replay_layers) {
  std::vector<abi::Primitive> written = times_.empty() ? primitives_ : loaded_;
  std::uint64_t address = address_;
  std::uint32_t turn = turn_;
  archive(address, turn);
  archive.plain_items(written);
  if (!archive.loading()) return;
  unload();
  if (written.empty()) return;
  if (load(address, std::move(written), pim_bound, computes, replay_layers)) {
    throw common::ArchiveError("a resident program is not valid");
  }
  turn_ = turn;
}

void Core::archive(Archive& archive) {
  archive(pim, array, vector, sampler, link, matrix_engine, vector_engine, sampler_engine, watch);
  archive.pages(activations.data(), activations.size(), nullptr);
  archive(kv_held_bytes, times, commands, failed_commands, primitives, pim_primitives);
  archive(buffer_bytes, attention_ps, attention_since_ps, attention_in_flight, phases, stages);
}

bool Npu::quiescent() const {
  const bool contexts_idle =
      std::all_of(contexts_.begin(), contexts_.end(),
                  [](const Context& context) { return !context.busy && context.stream->empty(); });
  return idle() && contexts_idle && in_flight_.empty() && dma_.idle() && core_.pim.idle() &&
         core_.turn.idle() && core_.watch.idle() && later_.empty() && dma_agenda_.empty() &&
         target_.quiescent() && lt_queue_.empty();
}

void Npu::archive(Archive& archive) {
  archive(bank_, target_, irq_, control_, dma_, core_);
  const Config& config = core_.config;
  for (Context& context : contexts_) {
    archive(*context.stream);
    context.program.archive(archive, config.pim_bound, !config.timing_only, config.replay_layers);
  }
  for (const auto& queue : queues_) archive(*queue);
  archive(next_serial_, times_.phase_ps, times_.idle_ps, accounted_ps_, told_phase_, perf_base_);
  archive(in_reset_);
  archive(perf_cycles_.elapsed, perf_cycles_.matrix, perf_cycles_.vector, clock_divider_);
  if (archive.loading()) set_periods(undivided_period_ps_ * clock_divider_);
}

}  // namespace tandem::npu
