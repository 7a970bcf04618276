// SPDX-License-Identifier: Apache-2.0
#include "binder.h"
#include "device_schema.h"
#include "model_schema.h"

namespace tandem::platform {
namespace {

constexpr bool kRequired = true;
constexpr const char* kNone = "none";
constexpr std::uint32_t kManyCycles = 1'000'000;
constexpr std::uint32_t kManyTokens = 1'000'000;
constexpr std::uint32_t kManyRequests = 1'000'000;
constexpr std::uint32_t kManyDevices = 1024;
constexpr std::uint32_t kFirmwareSequences = 512;  // see the limits of the firmware

void bind_dram(Binder& b, DramConfig& d) {
  b.named_file({"device", "device file, or its name (`tandem list devices`)"}, d.device);
  b.integer({"channels", "independent channels"}, d.channels, 1, 256);
  b.measure({"capacity", "of all channels together"}, d.capacity_bytes, Quantity::kBytes);
  b.word({"mapping", "how an address is cut, such as RoRaBaCoBgCh; left out: the device's"},
         d.mapping);
  b.measure({"channel_interleave", "contiguous bytes before the next channel"},
            d.channel_interleave_bytes, Quantity::kBytes);
  b.integer({"queue_depth", "requests that a channel holds"}, d.queue_depth, 1, 1024);
  b.flag({"check_timing", "judge every command by the timing table (fidelity command)"},
         d.check_timing);
  b.section({"geometry", "overrides of the device's geometry"},
            [&](Binder& inner) { bind_dram_geometry(inner, d.overrides.geometry, false); });
  b.section({"timing", "overrides of the device's timing"},
            [&](Binder& inner) { bind_dram_timing(inner, d.overrides.timing, false); });
  b.section({"energy", "overrides of the device's energy"},
            [&](Binder& inner) { bind_dram_energy(inner, d.overrides.energy); });
}

void bind_pim_lane_overrides(Binder& b, PimLaneOverrides& l) {
  const auto lanes = [&b](const char* name, const char* meaning,
                          std::optional<std::uint32_t>& value) {
    b.integer({name, meaning}, value, 1, 4096);
  };
  lanes("fp16", "FP16 weights", l.fp16);
  lanes("bf16", "BF16 weights", l.bf16);
  lanes("int8", "INT8 weights", l.int8);
  lanes("int4", "INT4 weights", l.int4);
  lanes("e2m1", "E2M1 weights", l.e2m1);
  lanes("e3m0", "E3M0 weights", l.e3m0);
  lanes("bsfp_draft", "the 4-bit plane of BSFP weights", l.bsfp_draft);
}

void bind_pim(Binder& b, PimConfig& p) {
  b.flag({"enabled", "whether the memory can compute"}, p.enabled);
  b.choice({"command_set", "how the banks are commanded"}, p.command_set);
  b.choice({"commands", "one command for a run of columns, or one each"}, p.commands);
  b.choice({"command_path", "how commands come to the channels"}, p.command_path);
  b.choice({"row_buffer", "row buffers of a bank"}, p.row_buffer);
  b.measure({"clock", "of the units in the banks"}, p.clock_hz, Quantity::kFrequency);
  b.section({"lanes", "multiply-accumulates per bank and PIM clock"},
            [&](Binder& inner) { bind_pim_lane_overrides(inner, p.lanes); });
  b.integer({"global_buffer_rows", "DRAM rows of input vector that a channel holds"},
            p.global_buffer_rows, 1, 64);
  b.integer({"accumulators_per_bank", "results that a bank holds"}, p.accumulators_per_bank, 1,
            4096);
  b.integer({"command_queue_depth", "PIM commands that a channel holds"}, p.command_queue_depth, 1,
            4096);
  b.measure({"vector_window", "vectors that wait for the banks, of all jobs, at most 960 KiB"},
            p.vector_window_bytes, Quantity::kBytes, 64);
  b.measure({"result_window", "results that wait to be read, of all jobs, at most 1 MiB"},
            p.result_window_bytes, Quantity::kBytes, 64);
  b.measure(
      {"mac_energy", "one FP16 multiply-accumulate in a bank, where commands do not contain it"},
      p.mac_energy_fj, Quantity::kEnergy, 0);
}

void bind_array(Binder& b, PeArrayConfig& a) {
  b.integer({"rows", "processing elements along the inputs"}, a.rows, 1, 1024);
  b.integer({"columns", "processing elements along the outputs"}, a.columns, 1, 1024);
  b.integer({"count", "arrays side by side"}, a.count, 1, 64);
  b.choice({"dataflow", "what stays in the array"}, a.dataflow);
  b.integer({"reconfiguration_cycles", "to change between draft and verify mode"},
            a.reconfiguration_cycles, 0, kManyCycles);
}

void bind_dma(Binder& b, DmaConfig& d) {
  b.integer({"outstanding", "bursts in flight"}, d.outstanding, 1, 1024);
  b.measure({"burst", "bytes of one bus transaction, a power of two, 64 B..64 KiB"}, d.burst_bytes,
            Quantity::kBytes);
}

void bind_npu(Binder& b, NpuConfig& n) {
  b.measure({"clock", "of the whole NPU"}, n.clock_hz, Quantity::kFrequency);
  b.section({"array", "the reconfigurable PE array"},
            [&](Binder& inner) { bind_array(inner, n.array); });
  b.measure({"weight_buffer", "on-chip bytes for weights, both halves of the double buffer"},
            n.weight_buffer_bytes, Quantity::kBytes);
  b.measure({"activation_buffer", "on-chip bytes for activations"}, n.activation_buffer_bytes,
            Quantity::kBytes);
  b.measure({"kv_buffer", "on-chip bytes for keys and values on their way to attention"},
            n.kv_buffer_bytes, Quantity::kBytes);
  b.section({"dma", "movement between memory and buffers"},
            [&](Binder& inner) { bind_dma(inner, n.dma); });
  b.integer({"vector_lanes", "elements per clock of the vector unit"}, n.vector_lanes, 1, 4096);
  b.integer({"vector_units", "units that share the lanes and take rows in turn"}, n.vector_units, 1,
            4096);
  b.integer({"queue_pairs", "submission and completion rings"}, n.queue_pairs, 4, 8);
  b.integer({"contexts", "program contexts resident at once"}, n.contexts, 2, 15);
  b.integer({"max_rows", "token positions of one command"}, n.max_rows, 1, 65'536);
  b.choice({"sequencer", "how primitives are issued"}, n.sequencer);
  b.choice({"pim_order", "in what order attention asks the banks for heads"}, n.pim_order);
  b.choice({"pim_tile_order", "in what order the banks multiply matrices that lie in tiles"},
           n.pim_tile_order);
}

void bind_interconnect(Binder& b, InterconnectConfig& i) {
  b.measure({"clock", "of the bus"}, i.clock_hz, Quantity::kFrequency);
  b.measure({"width", "bytes per port and clock"}, i.width_bytes, Quantity::kBytes);
  b.integer({"latency_cycles", "from initiator to target"}, i.latency_cycles, 0, kManyCycles);
  b.choice({"arbitration", "between initiators of one target"}, i.arbitration);
}

void bind_address_map(Binder& b, AddressMap& m) {
  b.address({"interrupt_controller", "base address, 4 KiB"}, m.interrupt_controller);
  b.address({"timer", "base address, 4 KiB"}, m.timer);
  b.address({"uart", "base address, 4 KiB"}, m.uart);
  b.address({"mailbox", "base address, 4 KiB"}, m.mailbox);
  b.address({"system_control", "base address, 4 KiB"}, m.system_control);
  b.address({"npu", "base address, 4 KiB"}, m.npu);
  b.address({"pim", "base address, 2 MiB"}, m.pim);
  b.address({"sram", "base address, platform.sram.size"}, m.sram);
  b.address({"firmware", "base address, platform.cpu.riscv.memory"}, m.firmware);
  b.address({"dram", "base address, platform.dram.capacity"}, m.dram);
}

void bind_devices(Binder& b, DevicesConfig& d) {
  b.integer({"count", "devices that share the matrices of the model; one is simulated", kRequired},
            d.count, 1, kManyDevices);
  b.section({"link", "what they exchange over"}, [&](Binder& inner) {
    inner.measure({"bandwidth", "of a device, each direction", kRequired},
                  d.link.bandwidth_bytes_per_s, Quantity::kBandwidth);
    inner.measure({"latency", "of a step of an exchange", kRequired}, d.link.latency_ps,
                  Quantity::kTime, 0);
    inner.choice({"topology", "who is linked with whom"}, d.link.topology);
    inner.measure({"energy", "what a device spends on sending", false, kNone},
                  d.link.energy_fj_per_bit, Quantity::kEnergyPerBit, 0);
  });
}

void bind_cpu(Binder& b, CpuConfig& c) {
  b.choice({"form", "how the firmware is executed; `riscv` where that section is given"}, c.form);
  b.choice({"app", "what the firmware is"}, c.app);
  b.measure({"hal_call", "simulated time that one call of the HAL takes; of `native`"},
            c.hal_call_ps, Quantity::kTime);
  b.measure({"command_timeout", "after which the driver gives a command up; 1 us..4000 s"},
            c.command_timeout_ps, Quantity::kTime);
  b.optional_section({"riscv", "the core of form `riscv`"}, c.riscv.present, [&](Binder& inner) {
    RiscvConfig& r = c.riscv;
    inner.path({"elf", "a firmware of one's own; else that of `app`", false, kNone}, r.elf);
    inner.measure({"clock", "of the core"}, r.clock_hz, Quantity::kFrequency);
    inner.integer({"cycles_per_instruction", "of every instruction; an assumption"},
                  r.cycles_per_instruction, 1, 1000);
    inner.measure({"memory", "of the core's own, at address_map.firmware"}, r.memory_bytes,
                  Quantity::kBytes);
    inner.measure({"quantum", "how far the core runs ahead of the others"}, r.quantum_ps,
                  Quantity::kTime);
  });
}

void bind_platform(Binder& b, HardwareConfig& h) {
  b.section({"dram", "the memory stack"}, [&](Binder& inner) { bind_dram(inner, h.dram); });
  b.section({"pim", "processing in memory"}, [&](Binder& inner) { bind_pim(inner, h.pim); });
  b.section({"npu", "the accelerator"}, [&](Binder& inner) { bind_npu(inner, h.npu); });
  b.section({"interconnect", "the bus"},
            [&](Binder& inner) { bind_interconnect(inner, h.interconnect); });
  b.section({"sram", "control memory: rings, programs, tables"}, [&](Binder& inner) {
    inner.measure({"size", "bytes"}, h.sram.size_bytes, Quantity::kBytes);
    inner.measure({"latency", "of one access"}, h.sram.latency_ps, Quantity::kTime);
  });
  b.section_of({"cpu", "the processor that runs the firmware; a word stands for its form"}, "form",
               [&](Binder& inner) { bind_cpu(inner, h.cpu); });
  b.section({"address_map", "where the bus finds what"},
            [&](Binder& inner) { bind_address_map(inner, h.address_map); });
  b.optional_section({"devices", "several of all this, tensor-parallel (execution timing)"},
                     h.devices.present, [&](Binder& inner) { bind_devices(inner, h.devices); });
}

void bind_sampling(Binder& b, Sampling& s) {
  b.real({"temperature", "divides the logits", kRequired}, s.temperature, 1e-3, 100.0);
  b.choice({"rule", "how drafted tokens are accepted"}, s.rule);
}

void bind_arrivals(Binder& b, ArrivalConfig& a) {
  b.choice({"kind", "`as_given`: the times of the file, at once where it has none"}, a.kind);
  b.measure({"rate", "requests per time on average; of `fixed` and `poisson`"},
            a.rate_per_megasecond, Quantity::kRate);
}

void bind_trace(Binder& b, TraceConfig& t) {
  b.path({"file", "CSV: input_tokens, output_tokens, perhaps arrival_s or arrival_ms", kRequired},
         t.file);
  b.integer({"requests", "the first so many; all unless given"}, t.requests, 1, kManyRequests);
  b.real({"time_scale", "factor on the arrival times; 0.5: twice as fast"}, t.time_scale, 1e-6,
         1e6);
  b.integer({"max_input", "longer prompts are cut to this"}, t.max_input, 1, kManyTokens);
  b.integer({"max_output", "longer answers are cut to this"}, t.max_output, 1, kManyTokens);
  b.section({"arrivals", "when requests come"},
            [&](Binder& inner) { bind_arrivals(inner, t.arrivals); });
}

void bind_length(Binder& b, LengthRange& l) {
  b.integer({"min", "the shortest"}, l.min, 1, kManyTokens);
  b.integer({"max", "the longest"}, l.max, 1, kManyTokens);
}

void bind_generate(Binder& b, GenerateConfig& g) {
  b.integer({"requests", "how many", kRequired}, g.requests, 1, kManyRequests);
  const std::vector<const char*> both = {"min", "max"};
  b.section(
      {"input_tokens", "prompt length, drawn evenly; a number stands for both"},
      [&](Binder& inner) { bind_length(inner, g.input); }, both);
  b.section(
      {"output_tokens", "new tokens, drawn evenly; a number stands for both"},
      [&](Binder& inner) { bind_length(inner, g.output); }, both);
  b.section({"arrivals", "when requests come"},
            [&](Binder& inner) { bind_arrivals(inner, g.arrivals); });
}

void bind_batch(Binder& b, BatchConfig& c) {
  b.path({"file", "CSV: context, perhaps channel; or size and context here"}, c.file);
  b.integer({"size", "sequences"}, c.size, 0, kManyRequests);
  b.integer({"context", "tokens of each that the KV cache holds before the first step"}, c.context,
            0, kManyTokens);
}

void bind_sources(Binder& b, Workload& w) {
  b.prompts({"prompts", "texts (BOS is put before them) or lists of token ids (used as written)"},
            w.prompts);
  b.optional_section({"trace", "or requests from a file, with drawn prompts"}, w.trace.present,
                     [&](Binder& inner) { bind_trace(inner, w.trace); });
  b.optional_section({"generate", "or drawn requests"}, w.generate.present,
                     [&](Binder& inner) { bind_generate(inner, w.generate); });
  b.optional_section({"batch", "or sequences in the midst of decoding (execution timing)"},
                     w.batch.present, [&](Binder& inner) { bind_batch(inner, w.batch); });
}

void bind_workload(Binder& b, Workload& w) {
  bind_sources(b, w);
  if (w.source() == WorkloadSource::kTrace || w.source() == WorkloadSource::kGenerate) {
    b.reserved({"max_tokens", "reserved"},
               "only of prompts and batch: this workload says itself how long answers are");
  } else {
    b.integer({"max_tokens", "new tokens per request at most, of prompts and batch"}, w.max_tokens,
              1, kManyTokens);
  }
  b.flag({"stop_at_eos", "whether the end-of-sequence token ends a request; false without prompts"},
         w.stop_at_eos);
  b.section({"slo", "what a request must keep to count for the goodput"}, [&](Binder& inner) {
    inner.measure({"ttft", "arrival to first token, at most"}, w.slo.ttft_ps, Quantity::kTime);
    inner.measure({"tpot", "time per token after the first, at most"}, w.slo.tpot_ps,
                  Quantity::kTime);
  });
  b.word_or_section({"sampling", "`greedy`, or a map"}, "greedy", w.sampling.greedy,
                    [&](Binder& inner) { bind_sampling(inner, w.sampling); });
}

void bind_draft(Binder& b, DraftConfig& d) {
  b.choice({"format", "number format of the draft weights"}, d.format);
  b.choice({"group", "weights that share one draft scale"}, d.group);
  b.choice({"scale", "how a draft scale is chosen"}, d.scale);
  b.integer({"length", "tokens drafted per round at most"}, d.length, 1, 16);
  b.real({"stop_below", "drafting stops after a token less probable than this; 0: never"},
         d.stop_below, 0.0, 1.0);
  b.choice({"classifier", "weights of the draft's last layer"}, d.classifier);
  b.choice({"scope", "weights that share one BSFP table"}, d.scope);
  b.choice({"kv", "KV cache of the draft"}, d.kv);
  b.integer({"ahead", "tokens drafted beyond a round while it is verified; 0: rounds in turn"},
            d.ahead, 0, 15);
  b.choice({"control", "whether drafting ahead goes on"}, d.control);
  b.flag(
      {"pre_verify", "with ahead: a round's head is verified where drafts run, if there is time"},
      d.pre_verify);
}

void bind_policy(Binder& b, PolicyConfig& p) {
  b.choice({"name", "how tokens are decoded"}, p.name);
  b.choice({"granularity", "work per command"}, p.granularity);
  b.integer({"max_batch", "sequences decoded together at most"}, p.max_batch, 1,
            kFirmwareSequences);
  b.integer({"prefill_chunk", "prompt tokens of a sequence per command, at most"}, p.prefill_chunk,
            1, 65'536);
  b.integer({"batch_tokens", "token positions per command, at most; 0: what the NPU holds"},
            p.batch_tokens, 0, 65'536);
  b.integer({"page_tokens", "tokens of a KV page; bank_rows and head_split follow the banks"},
            p.page_tokens, 16, 65'536);
  b.choice({"kv_layout", "where keys and values lie in the memory"}, p.kv_layout);
  b.choice({"channel_packing", "bank_rows: which channel a sequence goes to"}, p.channel_packing);
  b.integer({"sub_batches", "parts of the batch with a command each in flight"}, p.sub_batches, 1,
            2);
  b.integer({"sub_batch_min", "sequences in work from which on there are two parts"},
            p.sub_batch_min, 2, kFirmwareSequences);
  b.section({"placement", "which engine runs what"}, [&](Binder& inner) {
    inner.choice({"attention", "attention over the KV cache"}, p.placement.attention);
    inner.choice({"linear", "the matrices of the layers"}, p.placement.linear);
    inner.choice({"draft_attention", "attention of draft passes"}, p.placement.draft_attention);
    inner.choice({"draft_linear", "the matrices of draft passes"}, p.placement.draft_linear);
    inner.choice({"weight_layout", "how matrices lie in the memory"}, p.placement.weight_layout);
  });
  b.section({"draft", "speculation; checked but unused by `plain`"},
            [&](Binder& inner) { bind_draft(inner, p.draft); });
}

void bind_oracle(Binder& b, OracleConfig& o) {
  b.choice({"kind", "where acceptance and confidences come from"}, o.kind);
  b.real({"acceptance", "bernoulli: of a drafted token behind no wrong one (assumed)"},
         o.acceptance, 0.0, 1.0);
  b.reals({"table", "table: acceptance by index in the round; the last one holds on", false, kNone},
          o.table, 0.0, 1.0);
  b.path({"file", "table, confidence or replay: measured or recorded (CSV)", false, kNone}, o.file);
  b.word({"method", "rows of the file with this method"}, o.method);
  b.word({"category", "and this category; ALL: of every category"}, o.category);
  b.integer({"beta_a", "confidence without a file: drawn from Beta(a, b) (assumed)"}, o.beta_a, 1,
            64);
  b.integer({"beta_b", "see beta_a"}, o.beta_b, 1, 64);
  b.section({"experts", "which experts a token is sent to"}, [&](Binder& inner) {
    inner.choice({"kind", "how experts are drawn"}, o.experts.kind);
    inner.path({"file", "popularity: tokens per expert (CSV)", false, kNone}, o.experts.file);
    inner.word({"model", "rows of the file with this model"}, o.experts.model);
    inner.word({"domain", "and this domain; ALL: of every domain"}, o.experts.domain);
  });
}

void bind_reset(Binder& b, ResetConfig& r) {
  b.choice({"what", "what is reset"}, r.what);
  b.measure({"at", "of the first one", kRequired}, r.at_ps, Quantity::kTime, 0);
  b.measure({"every", "from one to the next"}, r.every_ps, Quantity::kTime);
  b.integer({"count", "how many"}, r.count, 1, 1'000'000);
}

void bind_run(Binder& b, RunConfig& r) {
  b.choice({"baseline", "what to compare with"}, r.baseline);
  b.section(
      {"timeline", "record of what ran when; `on` and `off` stand for `enabled`"},
      [&](Binder& inner) {
        inner.flag({"enabled", "whether timeline.json is written"}, r.timeline.enabled);
        inner.measure({"begin", "start of the window"}, r.timeline.begin_ps, Quantity::kTime, 0);
        inner.measure({"end", "end of the window"}, r.timeline.end_ps, Quantity::kTime);
        inner.integer({"max_events", "events kept; the rest is counted"}, r.timeline.max_events, 1,
                      10'000'000);
      },
      {"enabled"});
  b.section({"log", "which accesses and events access.log keeps; by module"}, [&](Binder& inner) {
    const ChoiceList modules = choices<LogModule>();
    for (std::size_t i = 0; i < kLogModules; ++i) {
      inner.choice({modules.data[i].name, modules.data[i].meaning}, r.log.levels[i]);
    }
    inner.measure({"max_size", "of access.log; later lines are counted"}, r.log.max_bytes,
                  Quantity::kBytes);
  });
  b.word({"registers", "registers to show, NAMES@TIME such as 'npu.STATUS,npu.SQ_*@10us; pim@1ms'",
          false, kNone},
         r.registers);
  b.measure({"max_simulated_time", "reaching it ends the run as incomplete"},
            r.max_simulated_time_ps, Quantity::kTime);
  b.measure({"max_wall_time", "of the host; reaching it ends the run as incomplete", false, kNone},
            r.max_wall_time_ps, Quantity::kTime);
  b.flag({"progress", "a progress line, if standard error is a terminal"}, r.progress);
  b.path({"record_oracle", "file for what was drafted and accepted, to be replayed", false, kNone},
         r.record_oracle);
  b.integer({"layers", "only the first so many layers of the model (timing)", false, kNone},
            r.layers, 1, 4096);
  b.integer({"steps", "only so many decoding steps of each sequence (timing, plain)", false, kNone},
            r.steps, 1, 1'000'000);
  b.optional_section({"reset", "hardware resets while the run goes on"}, r.reset.present,
                     [&](Binder& inner) { bind_reset(inner, r.reset); });
}

void bind_fault(Binder& b, FaultConfig& f) {
  constexpr std::uint64_t kManyTimes = 1'000'000'000;
  b.choice({"kind", "what goes wrong", kRequired}, f.kind);
  b.word({"where", "path of a port, line or unit; needed unless the kind has one place only"},
         f.where);
  b.measure({"at", "not before this time"}, f.at_ps, Quantity::kTime, 0);
  std::uint64_t address = f.address.value_or(0);
  bool has_address = f.address.has_value();
  b.integer(
      {"address", "only accesses to these bytes", false, kNone},
      Binder::Integer{address, 0, std::numeric_limits<std::uint64_t>::max(), &has_address, true});
  if (has_address) f.address = address;
  b.measure({"bytes", "from the address on"}, f.bytes, Quantity::kBytes);
  b.integer({"nth", "the first time: at the so many-th access, edge, completion or byte"}, f.nth, 1,
            kManyTimes);
  b.integer({"every", "then at every so many-th"}, f.every, 1, kManyTimes);
  b.integer({"count", "so often in all"}, f.count, 1, kManyTimes);
  b.measure({"delay", "late_completion: by how much (1 ms); ecc_corrected: it takes (50 ns)", false,
             kNone},
            f.delay_ps, Quantity::kTime, 0);
  b.integer({"bits", "corrupt_...: how many, drawn (2)", false, kNone}, f.bits, 1, 64);
}

void bind_faults(Binder& b, FaultsConfig& f) {
  b.sections({"list", "one by one; a list in place of the map stands for it"},
             {f.list.size(), [&f] { f.list.emplace_back(); },
              [&f](Binder& inner, std::size_t i) { bind_fault(inner, f.list[i]); }});
  b.optional_section({"random", "and some that are drawn"}, f.random.present, [&](Binder& inner) {
    inner.integer({"seed", "of kinds, places and times"}, f.random.seed, 0,
                  std::numeric_limits<std::uint64_t>::max());
    inner.integer({"number", "how many"}, f.random.number, 1, 1000);
    inner.measure({"within", "their times: from the start until then"}, f.random.within_ps,
                  Quantity::kTime);
    inner.words({"kinds", "what they are drawn from; all unless given", false, kNone},
                f.random.kinds, choices<FaultKind>());
  });
}

}  // namespace

void bind_scenario(Binder& b, Scenario& s) {
  b.integer({"version", "version of this format", kRequired}, s.version, 1, 1);
  b.integer({"seed", "of everything random"}, s.seed, 0, std::numeric_limits<std::uint64_t>::max());
  b.choice({"execution", "whether tensors are computed"}, s.execution);
  b.section({"fidelity", "detail of memory timing; a word stands for both"},
            [&](Binder& inner) {
              inner.choice({"memory", "ordinary traffic"}, s.fidelity.memory);
              inner.choice({"pim", "processing in memory"}, s.fidelity.pim);
              inner.choice({"transfers",
                            "of tensors in timing-only execution: long ones, or those of "
                            "functional execution"},
                           s.fidelity.transfers);
              inner.choice({"layers",
                            "of the model that are simulated in timing-only execution; replay "
                            "needs transaction fidelity"},
                           s.fidelity.layers);
              inner.integer({"replay_layers", "simulated with `layers: replay`"},
                            s.fidelity.replay_layers, 4, 4096);
            },
            {"memory", "pim"});
  b.section({"platform", "the hardware"}, [&](Binder& inner) { bind_platform(inner, s.platform); });
  b.section({"model", "what is decoded; a word stands for `preset`"},
            [&](Binder& inner) { bind_model(inner, s.model); }, {"preset"});
  b.section({"workload", "what is asked"},
            [&](Binder& inner) { bind_workload(inner, s.workload); });
  b.section({"policy", "how it is decoded"}, [&](Binder& inner) { bind_policy(inner, s.policy); });
  b.section({"oracle", "decides in place of tensors; checked but unused by `functional`"},
            [&](Binder& inner) { bind_oracle(inner, s.oracle); });
  b.section({"run", "what is recorded, and limits"},
            [&](Binder& inner) { bind_run(inner, s.run); });
  b.optional_section(
      {"faults", "what goes wrong; not in the baseline"}, s.faults.present,
      [&](Binder& inner) { bind_faults(inner, s.faults); }, "list");
  b.reserved({"sweep", "reserved"}, "sweeps are not available yet; run one scenario per point");
}

}  // namespace tandem::platform
