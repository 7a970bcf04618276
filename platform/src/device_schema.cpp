// SPDX-License-Identifier: Apache-2.0
#include "device_schema.h"

namespace tandem::platform {
namespace {

constexpr bool kRequired = true;
constexpr std::uint32_t kMany = 1u << 30;
constexpr std::uint32_t kLongestQueue = 65'536;
constexpr double kManyTimes = 1e6;

void bind_currents(Binder& b, DramCurrents& c) {
  const auto current = [&b](const char* name, const char* meaning,
                            std::optional<std::uint64_t>& value) {
    b.measure({name, meaning}, value, Quantity::kCurrent, 0);
  };
  b.integer({"devices", "devices of a rank that share the bus, each with these currents"},
            c.devices, 1, 64);
  b.measure({"VDD", "supply voltage"}, c.vdd_uv, Quantity::kVoltage);
  current("IDD0", "one activate and precharge per tRC", c.idd0_ua);
  current("IDD2N", "all banks shut", c.idd2n_ua);
  current("IDD3N", "a row open", c.idd3n_ua);
  current("IDD4R", "reading all the time", c.idd4r_ua);
  current("IDD4W", "writing all the time", c.idd4w_ua);
  current("IDD5AB", "refreshing all banks all the time", c.idd5ab_ua);
  current("IDD5PB", "refreshing one bank all the time", c.idd5pb_ua);
  b.word({"source", "where the currents come from"}, c.source);
}

void bind_controller(Binder& b, memory::ControllerConfig& c) {
  b.choice({"scheduling", "which request goes first"}, c.scheduling);
  b.choice({"page", "what happens to a row after its last access"}, c.page);
  b.choice({"queues", "what has a command queue"}, c.queues);
  b.choice({"refresh", "what one refresh command covers"}, c.refresh);
  b.integer({"command_queue", "requests in each command queue"}, c.command_queue, 1, kLongestQueue);
  b.integer({"read_queue", "reads that wait for a command queue"}, c.read_queue, 1, kLongestQueue);
  b.integer({"write_queue", "writes that wait; when it is full they are drained"}, c.write_queue, 1,
            kLongestQueue);
  b.integer({"write_low", "more writes than this are drained when no command is queued"},
            c.write_low, 0, kLongestQueue);
  b.integer({"write_idle", "idle cycles after which any write is drained"}, c.write_idle, 0, kMany);
  b.integer({"row_hit_cap", "accesses to an open row before an older miss may close it"},
            c.row_hit_cap, 1, kMany);
}

void bind_pim_timing(Binder& b, PimTimingKeys& t) {
  b.integer({"banks_per_activate", "banks that one group activate opens"}, t.banks_per_activate, 1,
            64);
  b.duration({"activate_spacing", "group activate to any activate of the rank"},
             t.activate_spacing);
  b.duration({"activate_to_compute", "group activate to compute"}, t.activate_to_compute);
  b.duration({"compute_spacing", "compute to compute"}, t.compute_spacing);
  b.duration({"compute_to_precharge", "compute or result read to precharge of its row"},
             t.compute_to_precharge);
  b.integer({"pipeline_computes", "least length, in computes, of a run before its result"},
            t.pipeline_computes, 0, kMany);
  b.duration({"result_spacing", "result read to the next compute or column command"},
             t.result_spacing);
  b.duration({"buffer_write", "filling the global buffer from a row, until computes may use it"},
             t.buffer_write);
  b.duration({"mode", "change to or from PIM mode to any command"}, t.mode);
}

void bind_pim_energy(Binder& b, PimEnergyKeys& e) {
  b.real({"group_activate", "group activate, in activates of one bank"}, e.group_activate, 0,
         kManyTimes);
  b.real({"compute", "compute of all banks, in reads of one burst from the array"}, e.compute, 0,
         kManyTimes);
  b.real({"buffer_write", "filling the global buffer, in reads of one burst"}, e.buffer_write, 0,
         kManyTimes);
  b.real({"result_read", "result read, in reads of one burst"}, e.result_read, 0, kManyTimes);
  b.measure({"column_read", "a bank's column to its unit, for sources that give no `compute`"},
            e.column_read_fj_per_bit, Quantity::kEnergyPerBit, 0);
  b.measure({"mac", "one multiply-accumulate, if `compute` does not contain it"}, e.mac_fj,
            Quantity::kEnergy, 0);
  b.word({"source", "where these energies come from"}, e.source);
}

void bind_pim_device(Binder& b, DeviceDocument& d) {
  PimDevice& p = d.pim;
  b.choice({"command_set", "how the banks are commanded"}, p.command_set);
  b.word({"source", "where this section comes from"}, p.source);
  b.choice({"row_buffer", "row buffers of a bank"}, p.row_buffer);
  b.measure({"clock", "of the units in the banks"}, p.clock_hz, Quantity::kFrequency);
  b.section({"lanes", "multiply-accumulates of a unit per clock"},
            [&](Binder& inner) { bind_pim_lanes(inner, p.lanes); });
  b.integer({"banks_per_unit", "banks that share one unit"}, p.banks_per_unit, 1, 64);
  b.integer({"global_buffer_rows", "rows of input vector that a channel holds"},
            p.global_buffer_rows, 1, 64);
  b.integer({"accumulators_per_bank", "results that a bank holds"}, p.accumulators_per_bank, 1,
            4096);
  b.section({"timing", "rules of the computing banks"},
            [&](Binder& inner) { bind_pim_timing(inner, d.pim_timing); });
  b.section({"energy", "energy of the computing banks"},
            [&](Binder& inner) { bind_pim_energy(inner, d.pim_energy); });
}

}  // namespace

void bind_dram_geometry(Binder& b, DramGeometry& g, bool whole) {
  const auto count = [&b, whole](const char* name, const char* meaning,
                                 std::optional<std::uint32_t>& value, std::uint32_t max) {
    b.integer({name, meaning, whole}, value, 1, max);
  };
  count("ranks", "ranks of a channel, a power of two like all counts", g.ranks, 64);
  count("bank_groups", "bank groups of a rank", g.bank_groups, 64);
  count("banks_per_group", "banks of a bank group", g.banks_per_group, 64);
  if (whole) count("rows", "rows of a bank", g.rows, kMany);
  b.measure({"row", "bytes of one row of a bank, over all devices of the rank", whole}, g.row_bytes,
            Quantity::kBytes);
  count("bus_width_bits", "data pins of a channel", g.bus_width_bits, 4096);
  count("burst_length", "transfers per column access", g.burst_length, 256);
  b.measure({"data_rate", "transfers per second and pin", whole}, g.data_rate_transfers_per_s,
            Quantity::kTransferRate);
  b.integer({"command_buses", "1, or 2: rows and columns have one each, as HBM has"},
            g.command_buses, 1, 2);
}

void bind_dram_timing(Binder& b, DramTiming& t, bool whole) {
  for (const memory::TimingField& field : memory::kTimingFields) {
    std::optional<Duration> value = t.get(field.name());
    b.duration({field.name(), field.meaning, whole && field.needed}, value);
    if (value) t.values[field.name()] = *value;
  }
}

void bind_dram_energy(Binder& b, DramEnergy& e) {
  b.measure({"activate", "one activate with its precharge"}, e.activate_fj, Quantity::kEnergy, 0);
  b.measure({"read", "from the array to the pins"}, e.read_fj_per_bit, Quantity::kEnergyPerBit, 0);
  b.measure({"write", "from the pins to the array"}, e.write_fj_per_bit, Quantity::kEnergyPerBit,
            0);
  b.measure({"io", "drivers and termination, either direction"}, e.io_fj_per_bit,
            Quantity::kEnergyPerBit, 0);
  b.measure({"refresh", "one refresh of all banks of a rank"}, e.refresh_fj, Quantity::kEnergy, 0);
  b.measure({"refresh_bank", "one refresh of one bank"}, e.refresh_bank_fj, Quantity::kEnergy, 0);
  b.measure({"active_standby", "a rank with a row open"}, e.active_standby_uw, Quantity::kPower, 0);
  b.measure({"standby", "a rank with all banks shut"}, e.standby_uw, Quantity::kPower, 0);
  b.word({"source", "where these energies come from"}, e.source);
}

void bind_pim_lanes(Binder& b, PimLanes& l) {
  b.integer({"fp16", "FP16 weights"}, l.fp16, 1, 4096);
  b.integer({"bf16", "BF16 weights"}, l.bf16, 1, 4096);
  b.integer({"int8", "INT8 weights"}, l.int8, 1, 4096);
  b.integer({"int4", "INT4 weights"}, l.int4, 1, 4096);
  b.integer({"e2m1", "E2M1 weights"}, l.e2m1, 1, 4096);
  b.integer({"e3m0", "E3M0 weights"}, l.e3m0, 1, 4096);
  b.integer({"bsfp_draft", "the 4-bit plane of BSFP weights"}, l.bsfp_draft, 1, 4096);
}

void bind_address_hash(Binder& b, HashKeys& h) {
  b.word({"Ch", "channel: XOR with row bits, `Ro` from bit 0 on, `Ro4` from bit 4 on"}, h.channel);
  b.word({"Ra", "rank, likewise"}, h.rank);
  b.word({"Bg", "bank group, likewise"}, h.bank_group);
  b.word({"Ba", "bank, likewise"}, h.bank);
}

void bind_device(Binder& b, DeviceDocument& d) {
  b.word({"name", "name of the device", kRequired}, d.name);
  b.word({"source", "where geometry and timing come from", kRequired}, d.source);
  b.flag({"accept_published", "use a published set as it is, although it contradicts itself"},
         d.accept_published);
  b.section({"geometry", "one channel"},
            [&](Binder& inner) { bind_dram_geometry(inner, d.dram.geometry, kRequired); });
  b.section({"timing", "cycles of tCK (integers), or times with a unit"},
            [&](Binder& inner) { bind_dram_timing(inner, d.dram.timing, kRequired); });
  b.section({"currents", "energies are computed from these where `energy` gives none"},
            [&](Binder& inner) { bind_currents(inner, d.currents); });
  b.section({"energy", "energies"}, [&](Binder& inner) { bind_dram_energy(inner, d.dram.energy); });
  b.section({"controller", "how the channel is scheduled at command fidelity"},
            [&](Binder& inner) { bind_controller(inner, d.controller); });
  b.word({"mapping",
          "how an address is cut, most significant field first, each of Ro (row), Ra "
          "(rank), Bg (bank group), Ba (bank), Co (column), Ch (channel) once",
          kRequired},
         d.mapping);
  b.measure({"interleave", "contiguous bytes of a row below all other fields"}, d.interleave_bytes,
            Quantity::kBytes);
  b.section({"hash", "row bits that are XORed into other fields"},
            [&](Binder& inner) { bind_address_hash(inner, d.hash); });
  b.section({"pim", "what computes in the banks; left out: nothing does"},
            [&](Binder& inner) { bind_pim_device(inner, d); });
}

}  // namespace tandem::platform
