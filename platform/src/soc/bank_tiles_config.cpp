// SPDX-License-Identifier: Apache-2.0
// Whether the memory and the PIM allow matrices in tiles, and how large a tile is.
#include "soc_config.h"
#include "tandem/abi/pim_registers.h"
#include "tandem/pim/bank_layout.h"
#include "tandem/platform/errors.h"
#include "tandem/platform/units.h"

namespace tandem::platform {
namespace {

constexpr const char* kRefusal = "policy.placement.weight_layout: bank_tiles cannot be had with ";

// Rows of all banks are a contiguous stretch if nothing lies above the row in the address.
std::string why_not_contiguous(const memory::Stack::Config& memory) {
  const memory::DeviceGeometry& geometry = memory.device.geometry;
  const pim::BankLayout layout =
      pim::bank_layout(memory::AddressMapping(memory.mapping, memory.channels, geometry,
                                              memory.interleave_bytes, memory.hash),
                       geometry);
  if (!layout.possible()) return layout.why_not;
  namespace regs = abi::pim;
  const std::uint32_t below = regs::BANK_LAYOUT_ROW.get(layout.banks_word) +
                              regs::BANK_LAYOUT_BANKS.get(layout.banks_word) +
                              regs::CHANNEL_LAYOUT_CHANNELS.get(layout.channels_word);
  if (regs::BANK_LAYOUT_ROW_STRIDE.get(layout.banks_word) == below) return {};
  return "the row is not above the channel in the address";
}

}  // namespace

std::optional<BankTiles> bank_tiles(const Scenario& scenario) {
  if (scenario.policy.placement.weight_layout == WeightLayout::kRows) return std::nullopt;
  const pim::Config config = pim_config(scenario.platform);
  const memory::DeviceGeometry& geometry = config.memory.device.geometry;
  const std::string why_not = why_not_contiguous(config.memory);
  if (!why_not.empty()) {
    throw UserError(kRefusal + ("platform.dram.mapping: " + why_not),
                    "interleave channels and banks by whole rows of " +
                        format_quantity(geometry.row_bytes, Quantity::kBytes) +
                        " below the row, or choose rows");
  }
  if (config.command_set == pim::CommandSetKind::kHbmPim) {
    throw UserError(std::string(kRefusal) +
                        "the commands of hbm_pim: its registers keep sums over the rows of a whole "
                        "dot product, which tiles break off after every slice",
                    "choose rows");
  }
  BankTiles tiles;
  tiles.row_bytes = geometry.row_bytes;
  tiles.bytes = std::uint64_t{config.memory.channels} * geometry.banks() * geometry.row_bytes;
  tiles.vector_bytes = std::uint64_t{config.global_buffer_rows} * geometry.row_bytes;
  if (tiles.widest(abi::Format::kFp16) < abi::kChunk) {
    throw UserError(
        kRefusal + ("rows of " + format_quantity(geometry.row_bytes, Quantity::kBytes) +
                    ": a slice has at least " + std::to_string(abi::kChunk) + " columns"),
        "choose rows");
  }
  return tiles;
}

}  // namespace tandem::platform
