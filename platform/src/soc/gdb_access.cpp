// SPDX-License-Identifier: Apache-2.0
#include "gdb_access.h"

#include "tandem/platform/errors.h"
#ifdef TANDEM_HAVE_RISCV
#include "debug/hart_debugger.h"
#include "debug/server.h"
#endif

namespace tandem::platform {

#ifdef TANDEM_HAVE_RISCV
namespace {

cpu::RiscvCpu& core_of(Soc& soc) {
  auto* core = dynamic_cast<cpu::RiscvCpu*>(&soc.cpu());
  if (core == nullptr) throw InternalError("gdb was asked to look at a processor that has no core");
  return *core;
}

std::string invitation(const std::string& address, const Soc& soc) {
  return "waiting for gdb at " + address + "; connect from the repository root with\n" +
         "  gdb-multiarch " + soc.firmware()->path.string() + " -ex 'target remote " + address +
         "'\n";
}

}  // namespace

struct GdbAccess::Parts {
  Parts(const std::string& where, Soc& soc)
      : server(debug::parse_address(where)),
        debugger(core_of(soc), register_blocks(soc.hardware()),
                 [this] { return server.accept(); }) {}

  debug::Server server;
  debug::HartDebugger debugger;
};

GdbAccess::GdbAccess(const std::string& where, Soc& soc, RunObserver& observer)
    : parts_(std::make_unique<Parts>(where, soc)) {
  core_of(soc).attach(&parts_->debugger);
  observer.message(invitation(parts_->server.name(), soc));
}

GdbAccess::~GdbAccess() = default;

bool GdbAccess::killed() const {
  return parts_->debugger.killed();
}

void GdbAccess::end(const std::string& why) {
  parts_->debugger.end(why.empty() ? 0 : 1, why.empty() ? why : "the run is incomplete: " + why);
}

#else

struct GdbAccess::Parts {};

GdbAccess::GdbAccess(const std::string&, Soc&, RunObserver&) {
  throw InternalError("no RISC-V core in this build");
}

GdbAccess::~GdbAccess() = default;

bool GdbAccess::killed() const {
  return false;
}

void GdbAccess::end(const std::string&) {}

#endif

}  // namespace tandem::platform
