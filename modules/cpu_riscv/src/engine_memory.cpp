// SPDX-License-Identifier: Apache-2.0
// Which memory the engine accesses directly, and which by calls.
#include <algorithm>

#include "causes.h"
#include "engine.h"
#include "memory_access.h"

namespace tandem::cpu {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

std::uint64_t page_of(std::uint64_t address) {
  return address & ~(kPageBytes - 1);
}

}  // namespace

bool Engine::on_unmapped(uc_engine*, uc_mem_type type, std::uint64_t address, int, std::int64_t,
                         void* self) {
  Engine& engine = *static_cast<Engine*>(self);
  const bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
  const bool store = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
  const bool unmapped = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_READ_UNMAPPED ||
                        type == UC_MEM_WRITE_UNMAPPED;
  if (engine.stopped_) return false;
  const bool fetch_of_page = type == UC_MEM_FETCH_PROT && engine.has_page(address, address);
  if ((unmapped || fetch_of_page) && engine.map(address, fetch)) return true;
  if (fetch) {
    engine.fetch_failed(address);
  } else if (engine.again_) {
    --engine.executed_;
    engine.stop(Stop::kBudget);
  } else {
    engine.fault(store ? Stop::kStoreFault : Stop::kLoadFault, address);
  }
  return false;
}

// Comes before any instruction of the block that is being translated. Only one cut off by the end
// of its page can fail behind the first; those before it are executed first.
void Engine::fetch_failed(std::uint64_t address) {
  pc_ = engine_pc();
  const std::uint64_t instruction =
      address != pc_ && address % kPageBytes == 0 ? address - 2 : address;
  if (!again_ && instruction > pc_) {
    until_ = instruction;
    again_ = true;
  }
  if (again_) {
    stop(Stop::kBudget);
  } else {
    fault(Stop::kFetchFault, address);
  }
}

// Pages in a region that has become direct are given up, which has to wait for the end of the run.
bool Engine::map(std::uint64_t address, bool fetch) {
  const Direct direct = whole_pages(surroundings_.direct(address, fetch));
  if (address - direct.address < direct.bytes) {
    const std::uint64_t last = direct.address + (direct.bytes - 1);
    if (has_page(direct.address, last)) {
      reconsidered_.push_back({direct.address, last});
      again_ = true;
      return false;
    }
    if (map_direct(direct)) return true;
  }
  return !fetch && map_page(page_of(address));
}

// What of it can be mapped; `bytes` 0: nothing.
Engine::Direct Engine::whole_pages(Direct direct) {
  const std::uint64_t skipped = (kPageBytes - direct.address % kPageBytes) % kPageBytes;
  if (direct.bytes < skipped + kPageBytes) return {};
  direct.address += skipped;
  direct.data += skipped;
  direct.bytes = (direct.bytes - skipped) & ~(kPageBytes - 1);
  return direct;
}

bool Engine::map_direct(const Direct& direct) {
  if (direct.bytes == 0) return false;
  if (is_mapped(direct.address, direct.address + (direct.bytes - 1))) return false;
  std::uint32_t rights = UC_PROT_READ | UC_PROT_EXEC;
  if (direct.writable) rights |= UC_PROT_WRITE;
  if (uc_mem_map_ptr(uc_, direct.address, direct.bytes, rights, direct.data) != UC_ERR_OK) {
    return false;
  }
  regions_.push_back(direct);
  return true;
}

bool Engine::map_page(std::uint64_t address) {
  pages_.push_back(std::make_unique<Page>(Page{this, address, false}));
  Page* page = pages_.back().get();
  const uc_err error =
      uc_mmio_map(uc_, address, kPageBytes, &Engine::on_load, page, &Engine::on_store, page);
  if (error != UC_ERR_OK) pages_.pop_back();
  return error == UC_ERR_OK;
}

bool Engine::is_mapped(std::uint64_t first, std::uint64_t last) const {
  const auto in_region = [&](const Direct& r) {
    return r.address <= last && r.address + (r.bytes - 1) >= first;
  };
  return std::any_of(regions_.begin(), regions_.end(), in_region) || has_page(first, last);
}

bool Engine::has_page(std::uint64_t first, std::uint64_t last) const {
  return std::any_of(pages_.begin(), pages_.end(), [&](const std::unique_ptr<Page>& page) {
    return page->address <= last && page->address + (kPageBytes - 1) >= first;
  });
}

const Engine::Direct* Engine::region(std::uint64_t address) const {
  for (const Direct& region : regions_) {
    if (address - region.address < region.bytes) return &region;
  }
  return nullptr;
}

std::uint64_t Engine::on_load(uc_engine*, std::uint64_t offset, unsigned size, void* page) {
  Engine* const engine = static_cast<Page*>(page)->engine;
  const std::uint64_t base = static_cast<Page*>(page)->address;
  std::uint64_t value = 0;
  // The second half of a wide access comes even after a stop.
  if (engine->stopped_ || engine->refuses_misaligned()) return 0;
  if (!engine->surroundings_.load(base + offset, size, value)) {
    engine->fault(Stop::kLoadFault, base + offset);
    return 0;
  }
  return value;
}

void Engine::on_store(uc_engine*, std::uint64_t offset, unsigned size, std::uint64_t value,
                      void* page) {
  Engine* const engine = static_cast<Page*>(page)->engine;
  const std::uint64_t base = static_cast<Page*>(page)->address;
  if (engine->stopped_ || engine->refuses_misaligned()) return;
  if (!engine->surroundings_.store(base + offset, size, value)) {
    engine->fault(Stop::kStoreFault, base + offset);
  }
}

// The engine makes several aligned accesses of a misaligned one.
bool Engine::is_misaligned() {
  const Access wanted = access();
  if (wanted.bytes == 0 || wanted.address % wanted.bytes == 0) return false;
  cause_ = wanted.is_store ? kMisalignedStore : kMisalignedLoad;
  fault_address_ = wanted.address;
  return true;
}

bool Engine::refuses_misaligned() {
  if (!is_misaligned()) return false;
  --executed_;
  stop(Stop::kException);
  return true;
}

// Of the instruction at pc_.
Engine::Access Engine::access() {
  const MemoryAccess fields = memory_access(instruction());
  return {x(fields.base) + static_cast<std::uint64_t>(fields.offset), fields.bytes,
          fields.is_store};
}

void Engine::withdraw(std::uint64_t first, std::uint64_t last) {
  withdrawn_.push_back({first, last});
  for (const std::unique_ptr<Page>& page : pages_) page->hopeless = false;
  if (running_) {
    end_soon();
  } else {
    unmap_withdrawn();
  }
}

void Engine::unmap_withdrawn() {
  for (const Range& gone : withdrawn_) {
    const auto overlaps = [&](const Direct& r) {
      return r.address <= gone.last && r.address + (r.bytes - 1) >= gone.first;
    };
    for (const Direct& region : regions_) {
      if (overlaps(region)) uc_mem_unmap(uc_, region.address, region.bytes);
    }
    regions_.erase(std::remove_if(regions_.begin(), regions_.end(), overlaps), regions_.end());
    code_ = {};
  }
  withdrawn_.clear();
}

void Engine::reconsider(std::uint64_t address) {
  const auto found = std::find_if(pages_.begin(), pages_.end(), [&](const auto& page) {
    return page->address == page_of(address);
  });
  if (found == pages_.end() || (*found)->hopeless) return;
  const Direct direct = whole_pages(surroundings_.direct(address, false));
  (*found)->hopeless = address - direct.address >= direct.bytes;
  if ((*found)->hopeless) return;
  reconsidered_.push_back({address, address});
  if (running_) end_soon();
}

// A page must not be unmapped in an access to it.
void Engine::unmap_reconsidered() {
  for (const Range& gone : reconsidered_) {
    const auto is_gone = [&](const std::unique_ptr<Page>& page) {
      return page->address <= gone.last && page->address + (kPageBytes - 1) >= gone.first;
    };
    for (const std::unique_ptr<Page>& page : pages_) {
      if (is_gone(page)) uc_mem_unmap(uc_, page->address, kPageBytes);
    }
    pages_.erase(std::remove_if(pages_.begin(), pages_.end(), is_gone), pages_.end());
  }
  reconsidered_.clear();
}

}  // namespace tandem::cpu
