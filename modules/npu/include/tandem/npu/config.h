// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "tandem/npu/link.h"
#include "tandem/npu/sampler.h"
#include "tandem/npu/vector_unit.h"
#include "tandem/pe_array/array_core.h"

namespace tandem::npu {

// How the memory port talks: phases from SC_METHODs, or one SC_THREAD that calls b_transport, for
// hosts that know nothing else.
enum class Initiator : std::uint8_t { kAt, kLt };

// In what order ATTENTION asks the banks for scores and outputs.
enum class PimOrder : std::uint8_t {
  kChannels,  // channels in turn; outputs as soon as scores are normalised
  kRequests,  // request after request; outputs when the scores of all are normalised
};

// In what order LINEAR has the banks multiply a matrix that lies in tiles.
enum class PimTileOrder : std::uint8_t {
  kSlices,  // all tiles with the same columns, then the next columns
  kRows,    // all tiles with the same rows, then the next rows: fewer sums at a time
};

struct Config {
  std::uint64_t clock_period_ps = 1000;

  std::uint32_t queue_pairs = 4;  // 4..8
  std::uint32_t contexts = 4;     // programs resident at once, 2..15
  std::uint32_t max_primitives = 4096;
  std::uint32_t max_rows = 256;   // token positions of one command
  std::uint32_t fetch_ahead = 4;  // commands of a queue pair fetched before they run

  std::uint64_t activation_bytes = 512ull * 1024;
  std::uint64_t weight_buffer_bytes = 64ull * 1024;  // of each context
  std::uint64_t weight_tile_bytes = 8ull * 1024;     // fetched as one; at most half the buffer
  std::uint64_t kv_buffer_bytes = 64ull * 1024;      // keys and values in flight for attention

  std::uint32_t burst_bytes = 512;  // of one transaction, a power of two, 64..65536
  std::uint32_t outstanding = 16;   // transactions in flight at the memory port
  // Of these, vectors and commands for a PIM. A PIM whose queue is full holds them, and if its port
  // has no room for more, nothing passes on the bus behind them: less by eight than that port takes
  // (pim::Config::max_outstanding), which are for results.
  std::uint32_t pim_outstanding = 56;
  Initiator initiator = Initiator::kAt;

  std::uint32_t command_cycles = 16;   // decoding a command and binding its slots
  std::uint32_t primitive_cycles = 4;  // issuing a primitive to an engine
  std::uint64_t register_latency_ps = 10'000;
  std::uint64_t semaphore_poll_ps = 1'000'000;

  bool pim_bound = false;
  PimOrder pim_order = PimOrder::kChannels;
  PimTileOrder pim_tile_order = PimTileOrder::kSlices;
  // What `auto` placement expects of the memory port, in bytes per microsecond.
  std::uint64_t memory_bytes_per_us = 12'800;
  // And of a PIM job beyond its multiplications, before it has seen any (assumed).
  std::uint64_t pim_job_overhead_ps = 500'000;

  // Tensors move but are not computed: descriptors, programs, tables and tokens stay what they are,
  // and tokens come from the TokenOracle. Activations take no memory.
  bool timing_only = false;
  // Timing-only, coarse: keys, values and weights move in transactions of up to this many bytes,
  // and a matrix is cut into few tiles whose multiplication overlaps with their arrival. 0: the
  // transactions and tiles of functional execution, which take exactly its time. Not with serial.
  std::uint64_t bulk_bytes = 0;

  // Timing-only: so many layers of a program stand for all of them where layers are alike; a
  // command ends later by what the others would have taken, and everything counts as if they had
  // been run (README.md). 0: all layers are run.
  std::uint32_t replay_layers = 0;

  // One primitive and one weight tile at a time, nothing ahead: the machine that the sequencer is
  // measured against.
  bool serial = false;

  // Energy of moving a byte through the activation or weight buffer, and where the figure is from.
  double buffer_fj_per_byte = 0.0;
  const char* buffer_energy_source = "not modelled";

  pe_array::Config array;
  VectorUnit::Config vector;
  Sampler::Config sampler;
  Link::Config link;  // several devices: with timing_only, as the others are not simulated

  // Throws std::invalid_argument naming the field, its value and the rule.
  void validate() const;
};

}  // namespace tandem::npu
