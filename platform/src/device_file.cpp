// SPDX-License-Identifier: Apache-2.0
#include "tandem/platform/device_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <utility>

#include "device_energy.h"
#include "device_schema.h"
#include "tandem/memory/field_error.h"
#include "text.h"
#include "yaml_binder.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTransfersPerMegatransfer = 1'000'000;
constexpr unsigned kRowBits = 32;

// Keys that do not carry the name of their field.
constexpr std::array<std::pair<const char*, const char*>, 4> kKeysOfFields = {{
    {"geometry.row_bytes", "geometry.row"},
    {"geometry.bus_bits", "geometry.bus_width_bits"},
    {"geometry.data_rate_mtps", "geometry.data_rate"},
    {"interleave_bytes", "interleave"},
}};

// Writes the values of `from` that are set over those of `to`.
template <typename T>
void overlay(std::optional<T>& to, const std::optional<T>& from) {
  if (from) to = from;
}

void overlay(DramOverrides& to, const DramOverrides& from) {
  DramGeometry& g = to.geometry;
  overlay(g.ranks, from.geometry.ranks);
  overlay(g.bank_groups, from.geometry.bank_groups);
  overlay(g.banks_per_group, from.geometry.banks_per_group);
  overlay(g.rows, from.geometry.rows);
  overlay(g.row_bytes, from.geometry.row_bytes);
  overlay(g.bus_width_bits, from.geometry.bus_width_bits);
  overlay(g.burst_length, from.geometry.burst_length);
  overlay(g.data_rate_transfers_per_s, from.geometry.data_rate_transfers_per_s);
  overlay(g.command_buses, from.geometry.command_buses);
  for (const auto& [name, value] : from.timing.values) to.timing.values[name] = value;
  DramEnergy& e = to.energy;
  overlay(e.activate_fj, from.energy.activate_fj);
  overlay(e.read_fj_per_bit, from.energy.read_fj_per_bit);
  overlay(e.write_fj_per_bit, from.energy.write_fj_per_bit);
  overlay(e.io_fj_per_bit, from.energy.io_fj_per_bit);
  overlay(e.refresh_fj, from.energy.refresh_fj);
  overlay(e.refresh_bank_fj, from.energy.refresh_bank_fj);
  overlay(e.active_standby_uw, from.energy.active_standby_uw);
  overlay(e.standby_uw, from.energy.standby_uw);
  if (!from.energy.source.empty()) e.source = from.energy.source;
}

memory::DeviceGeometry geometry_of(const DramGeometry& written) {
  memory::DeviceGeometry g;
  g.ranks = written.ranks.value_or(0);
  if (g.ranks == 0) throw memory::FieldError("geometry.ranks", "0 is not a power of two");
  g.bank_groups = written.bank_groups.value_or(0);
  g.banks_per_group = written.banks_per_group.value_or(0);
  g.rows = written.rows.value_or(0);
  if (written.row_bytes.value_or(0) > std::numeric_limits<unsigned>::max()) {
    throw memory::FieldError("geometry.row_bytes", "must be less than 4 GiB");
  }
  g.row_bytes = static_cast<unsigned>(written.row_bytes.value_or(0));
  g.bus_bits = written.bus_width_bits.value_or(0);
  g.burst_length = written.burst_length.value_or(0);
  const std::uint64_t rate = written.data_rate_transfers_per_s.value_or(0);
  if (rate % kTransfersPerMegatransfer != 0) {
    throw memory::FieldError("geometry.data_rate_mtps", "must be a whole number of MT/s");
  }
  g.data_rate_mtps = static_cast<unsigned>(
      std::min<std::uint64_t>(rate / kTransfersPerMegatransfer, std::numeric_limits<int>::max()));
  g.separate_command_buses = written.command_buses.value_or(1) == 2;
  return g;
}

memory::DeviceTiming timing_of(const DramTiming& written) {
  memory::DeviceTiming timing;
  const std::optional<Duration> clock = written.get("tCK");
  if (clock && clock->in_cycles) {
    throw memory::FieldError("timing.tCK", "must have a unit, such as '1 ns'");
  }
  const std::uint64_t clock_ps = clock ? clock->value : 0;
  for (const memory::TimingField& field : memory::kTimingFields) {
    const std::optional<Duration> value = written.get(field.name());
    if (value) timing.*field.value = value->ps(clock_ps);
  }
  return timing;
}

std::string in_ps(std::uint64_t value) {
  return format_quantity(value, Quantity::kTime);
}

// Published sets contradict themselves at times. What follows from the others is used, with a
// warning, unless the device file says that it means it.
void mend(memory::DeviceTiming& t, bool accept_published,
          std::vector<std::pair<std::string, std::string>>& warnings) {
  if (accept_published) return;
  if (t.tRC < t.tRAS + t.tRP) {
    warnings.emplace_back("timing.tRC", in_ps(t.tRC) + " is less than tRAS + tRP; " +
                                            in_ps(t.tRAS + t.tRP) +
                                            " is used (accept_published: true keeps it)");
    t.tRC = t.tRAS + t.tRP;
  }
  if (t.tRAS < t.tRCDRD) {
    warnings.emplace_back("timing.tRAS", in_ps(t.tRAS) + " is less than tRCDRD, " +
                                             in_ps(t.tRCDRD) + ": are the units mixed?");
  }
  if (t.CWL > t.CL) {
    warnings.emplace_back(
        "timing.CWL", in_ps(t.CWL) + " is more than CL, " + in_ps(t.CL) + ": are they swapped?");
  }
}

unsigned hash_bit(const char* key, const std::string& text) {
  if (text.empty()) return memory::AddressHash::kNone;
  unsigned bit = 0;
  const char* const end = text.data() + text.size();
  if (text.compare(0, 2, "Ro") == 0) {
    if (text.size() == 2) return 0;
    const auto result = std::from_chars(text.data() + 2, end, bit);
    if (result.ec == std::errc() && result.ptr == end && bit < kRowBits) return bit;
    if (result.ec != std::errc::invalid_argument && result.ptr == end) {
      throw memory::FieldError(key, "'" + printable(text) +
                                        "': the bits of a row number are Ro0.." + "Ro" +
                                        std::to_string(kRowBits - 1));
    }
  }
  throw memory::FieldError(key, "expected Ro or Ro and a bit number, such as Ro4, got '" +
                                    printable(text) + "'; other fields make no bijection");
}

memory::AddressHash hash_of(const HashKeys& keys) {
  return {hash_bit("hash.Ch", keys.channel), hash_bit("hash.Ra", keys.rank),
          hash_bit("hash.Bg", keys.bank_group), hash_bit("hash.Ba", keys.bank)};
}

memory::ComputeBanks compute_banks(const PimTimingKeys& keys, const PimDevice& pim,
                                   std::uint64_t clock_ps) {
  const auto cycles = [clock_ps](const std::optional<Duration>& value) {
    if (!value) return 0u;
    return static_cast<std::uint32_t>((value->ps(clock_ps) + clock_ps - 1) / clock_ps);
  };
  memory::ComputeBanks banks;
  banks.dual_row_buffer = pim.row_buffer == RowBuffer::kDual;
  banks.banks_per_activate = keys.banks_per_activate;
  banks.activate_spacing = cycles(keys.activate_spacing);
  banks.activate_to_compute = cycles(keys.activate_to_compute);
  banks.compute_spacing = cycles(keys.compute_spacing);
  banks.compute_to_precharge = cycles(keys.compute_to_precharge);
  banks.pipeline_computes = keys.pipeline_computes;
  banks.result_spacing = cycles(keys.result_spacing);
  banks.buffer_write_cycles = cycles(keys.buffer_write);
  banks.mode_cycles = cycles(keys.mode);
  return banks;
}

void check_pim(const PimDevice& pim, const memory::DeviceGeometry& geometry) {
  const auto rule = [](bool holds, const char* key, const std::string& message) {
    if (!holds) throw memory::FieldError(key, message);
  };
  const auto power_of_two = [](unsigned value) { return value != 0 && (value & (value - 1)) == 0; };
  const std::string banks = std::to_string(geometry.banks_per_rank());
  rule(pim.clock_hz > 0, "pim.clock", "this key is required in a `pim` section");
  rule(power_of_two(pim.banks_per_unit) && pim.banks_per_unit <= geometry.banks_per_rank(),
       "pim.banks_per_unit",
       std::to_string(pim.banks_per_unit) + " is no power of two of at most the " + banks +
           " banks of a rank");
  rule(power_of_two(pim.banks.banks_per_activate) &&
           pim.banks.banks_per_activate <= geometry.banks_per_rank(),
       "pim.timing.banks_per_activate",
       std::to_string(pim.banks.banks_per_activate) + " is no power of two of at most the " +
           banks + " banks of a rank");
  const bool newton =
      pim.command_set == PimCommandSet::kNewton || pim.command_set == PimCommandSet::kNeupims;
  rule(newton || pim.row_buffer == RowBuffer::kSingle, "pim.row_buffer",
       "dual: only newton and neupims command a second row buffer");
  const auto positive = [&rule](std::uint32_t cycles, const char* key) {
    rule(cycles > 0, key, "must be given, and must not be 0");
  };
  positive(pim.banks.activate_spacing, "pim.timing.activate_spacing");
  positive(pim.banks.activate_to_compute, "pim.timing.activate_to_compute");
  positive(pim.banks.compute_spacing, "pim.timing.compute_spacing");
  positive(pim.banks.compute_to_precharge, "pim.timing.compute_to_precharge");
  positive(pim.banks.result_spacing, "pim.timing.result_spacing");
  if (newton) positive(pim.banks.buffer_write_cycles, "pim.timing.buffer_write");
}

struct Device {
  DeviceFile file;
  std::vector<std::pair<std::string, std::string>> warnings;  // key, message
};

// Throws memory::FieldError.
Device convert(const DeviceDocument& document) {
  Device result;
  DeviceFile& file = result.file;
  memory::DeviceConfig& device = file.device;
  device.name = document.name;
  device.source = document.source;
  device.geometry = geometry_of(document.dram.geometry);
  device.timing = timing_of(document.dram.timing);
  mend(device.timing, document.accept_published, result.warnings);
  device.validate();  // before energies are computed from it
  device.energy = device_energy(document, device);
  device.validate();
  file.controller = document.controller;
  file.controller.validate_with(device);
  file.mapping = document.mapping;
  file.interleave_bytes = static_cast<unsigned>(
      std::min<std::uint64_t>(document.interleave_bytes, std::numeric_limits<unsigned>::max()));
  file.hash = hash_of(document.hash);
  const memory::AddressMapping check_only(file.mapping, 1, device.geometry, file.interleave_bytes,
                                          file.hash);
  file.pim = document.pim;
  if (file.pim.command_set != PimCommandSet::kNone) {
    file.pim.banks = compute_banks(document.pim_timing, file.pim, device.timing.tCK);
    check_pim(file.pim, device.geometry);
    file.pim.energy = pim_energy(document.pim_energy, file.pim, device);
  }
  return result;
}

DeviceDocument bind_document(const YamlNode& tree, BindingNotes& notes) {
  if (tree.kind != YamlKind::kMap) {
    throw ScenarioError(tree.mark, "", "expected a map of keys to values, such as 'name: ddr4'");
  }
  DeviceDocument document;
  YamlBinder binder(tree, "", notes);
  bind_device(binder, document);
  binder.finish();
  if (!notes.missing.empty()) {
    const auto& [path, mark] = notes.missing.front();
    throw ScenarioError(mark, path, "this key is required");
  }
  return document;
}

DeviceFile read_tree(const YamlNode& tree, const DramOverrides& overrides) {
  BindingNotes notes;
  DeviceDocument document = bind_document(tree, notes);
  Device device;
  try {
    device = convert(document);
  } catch (const memory::FieldError& error) {
    const std::string key = key_of_field(error.field());
    throw ScenarioError(notes.mark_of(key, tree.mark), key, error.rule());
  }
  std::vector<std::string> warnings;
  for (const auto& [key, message] : device.warnings) {
    std::string warning = notes.mark_of(key, tree.mark).text();
    warning.append(": ").append(key).append(": ").append(message);
    warnings.push_back(std::move(warning));
  }
  overlay(document.dram, overrides);
  Device overlaid = convert(document);
  for (const auto& warning : overlaid.warnings) {
    const auto known = std::find(device.warnings.begin(), device.warnings.end(), warning);
    if (known != device.warnings.end()) continue;
    warnings.push_back("platform.dram." + warning.first + ": " + warning.second);
  }
  overlaid.file.warnings = std::move(warnings);
  return std::move(overlaid.file);
}

}  // namespace

std::string key_of_field(const std::string& name) {
  for (const auto& [field, key] : kKeysOfFields) {
    if (name == field) return key;
  }
  return name;
}

DeviceFile read_device_file(const fs::path& file, const DramOverrides& overrides) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw UserError("cannot read the device file '" + printable_path(file) + "'",
                    "'tandem list devices' shows those that come with Tandem");
  }
  DeviceFile device = read_tree(read_yaml_file(file), overrides);
  device.path = file;
  return device;
}

DeviceFile read_named_device(const NamedFile& file, const DramOverrides& overrides) {
  const fs::path path = file.path.empty() ? find_device_file(file.name, "") : file.path;
  if (path.empty()) {
    throw UserError("there is no DRAM device '" + printable(file.name) + "'",
                    "'tandem list devices' shows those that come with Tandem; a file is written "
                    "with its ending, such as ./mine.yaml");
  }
  return read_device_file(path, overrides);
}

DeviceFile read_device_text(std::string_view text, const std::string& name,
                            const DramOverrides& overrides) {
  auto source = std::make_shared<YamlSource>();
  source->name = name;
  return read_tree(read_yaml_text(text, source), overrides);
}

}  // namespace tandem::platform
