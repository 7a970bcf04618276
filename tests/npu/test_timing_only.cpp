// SPDX-License-Identifier: Apache-2.0
// Timing-only execution: the same transactions and the same time, without the arithmetic.
#include <catch2/catch.hpp>

#include "decoder_layer.h"
#include "tandem/common/timing_only.h"

using namespace tandem;
using test::NpuRig;

namespace {

npu::Config layer_npu() {
  npu::Config config = test::small_npu();
  config.contexts = 2;
  config.weight_tile_bytes = 32 * 2 * test::kDim;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  return config;
}

npu::Config bulk_npu() {
  npu::Config config = layer_npu();
  config.timing_only = true;
  config.bulk_bytes = 2u << 20;
  return config;
}

// An NPU with a memory of its own and a layer in it.
struct Machine {
  Machine(const char* name, const npu::Config& config)
      : device((std::string("npu_") + name).c_str(), config),
        stack((std::string("memory_") + name).c_str(), test::stack_config("lpddr5_6400")),
        rig(device, stack, (std::string("driver_") + name).c_str()) {
    device.memory.bind(stack.target());
  }
  void start() {
    rig.enable();
    rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
    const test::DecoderLayer layer(rig);
    abi::Command command = rig.prepare(layer.program());
    command.phase = static_cast<std::uint16_t>(abi::Phase::kDecode);
    rig.submit(command);
  }
  std::uint64_t time_ps() const { return device.phase_times().phase_ps[4]; }
  std::uint64_t weight_bytes() const {
    return device.pass_counters(abi::Phase::kDecode).weight_bytes;
  }

  npu::Npu device;
  memory::Stack stack;
  test::RigDriver rig;
};

// The same layer on two machines, from the same moment on: refreshes come at the same times.
struct Race {
  Race(const npu::Config& one, const npu::Config& other) : a("a", one), b("b", other) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    a.start();
    b.start();
    REQUIRE(test::status_of(a.rig.wait()) == abi::Status::kOk);
    REQUIRE(test::status_of(b.rig.wait()) == abi::Status::kOk);
  }
  void check_same() const {
    CHECK(b.time_ps() == a.time_ps());
    CHECK(b.weight_bytes() == a.weight_bytes());
    CHECK(b.stack.traffic(0).read_bytes == a.stack.traffic(0).read_bytes);
    CHECK(b.stack.traffic(0).write_bytes == a.stack.traffic(0).write_bytes);
  }
  void check_near(double tolerance) const {
    CHECK(static_cast<double>(b.time_ps()) ==
          Approx(static_cast<double>(a.time_ps())).epsilon(tolerance));
    CHECK(b.weight_bytes() == a.weight_bytes());
  }

  Machine a, b;
};

void check_same(const npu::Config& functional) {
  npu::Config timing = functional;
  timing.timing_only = true;
  Race(functional, timing).check_same();
}

// Counts what the NPU sends, and leaves the answers to the memory behind it.
struct Tap : sc_core::sc_module {
  tlm_utils::simple_target_socket<Tap> in;
  tlm_utils::simple_initiator_socket<Tap> out;
  unsigned marked = 0, longest = 0, without_data = 0;

  explicit Tap(const sc_core::sc_module_name& name) : sc_module(name), in("in"), out("out") {
    in.register_nb_transport_fw(this, &Tap::forward);
    out.register_nb_transport_bw(this, &Tap::backward);
  }
  tlm::tlm_sync_enum forward(common::Payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay) {
    if (phase == tlm::BEGIN_REQ) {
      if (common::is_timing_only(payload)) ++marked;
      longest = std::max(longest, payload.get_data_length());
      if (payload.get_data_ptr() == nullptr) ++without_data;
    }
    return out->nb_transport_fw(payload, phase, delay);
  }
  tlm::tlm_sync_enum backward(common::Payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay) {
    return in->nb_transport_bw(payload, phase, delay);
  }
};

}  // namespace

TEST_CASE("timing-only execution takes exactly the time and the bytes of functional execution") {
  check_same(layer_npu());
}

TEST_CASE("timing-only execution, one primitive at a time: the same time") {
  npu::Config config = layer_npu();
  config.serial = true;
  check_same(config);
}

TEST_CASE("timing-only execution over b_transport: the same time") {
  npu::Config config = layer_npu();
  config.initiator = npu::Initiator::kLt;
  check_same(config);
}

TEST_CASE("in bulk a layer takes the time of its bursts within 3 percent, and the same bytes") {
  npu::Config exact = layer_npu();
  exact.timing_only = true;
  Race(exact, bulk_npu()).check_near(0.03);
}

TEST_CASE("timing-only transactions are marked, have data, and are as long as asked for") {
  npu::Npu device("npu", bulk_npu());
  memory::Stack stack("memory", test::stack_config("lpddr5_6400"));
  Tap tap("tap");
  device.memory.bind(tap.in);
  tap.out.bind(stack.target());
  test::RigDriver rig(device, stack);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  rig.enable();
  abi::Primitive linear = test::primitive(abi::PrimitiveOp::kLinear);
  linear.n = linear.k = test::kDim;
  linear.input = test::on_chip(0, test::kDim);
  linear.output = test::on_chip(2 * test::kDim, test::kDim);
  linear.weight = test::in_memory(test::kTensors);
  REQUIRE(test::status_of(rig.run_program({linear})) == abi::Status::kOk);
  CHECK(tap.marked > 0);
  CHECK(tap.marked < 16);
  CHECK(tap.longest > 512u * 1024);
  CHECK(tap.without_data == 0);
  CHECK(device.pass_counters(abi::Phase::kOther).weight_bytes == test::kMatrixBytes);
}

TEST_CASE("weights that lie outside the memory end a timing-only command, and the next one works") {
  NpuRig rig(bulk_npu());
  const std::uint64_t size = rig.memory.config().size_bytes();
  abi::Primitive linear = test::primitive(abi::PrimitiveOp::kLinear);
  linear.n = linear.k = test::kDim;
  linear.input = test::on_chip(0, test::kDim);
  linear.output = test::on_chip(2 * test::kDim, test::kDim);
  linear.weight = test::in_memory(test::kTensors);
  for (const std::uint64_t inside : {std::uint64_t{0}, test::kMatrixBytes / 2}) {
    CAPTURE(inside);
    const abi::Command command = rig.prepare({linear});
    abi::ParameterBlock parameters = rig.parameters();
    parameters.slots[1] = {size - inside - test::kTensors, size,
                           static_cast<std::uint32_t>(abi::Space::kBus), 1};
    rig.put(test::kParameters, parameters);
    CHECK(test::status_of(rig.run(command)) == abi::Status::kBusError);
    CHECK(test::status_of(rig.run_program({linear})) == abi::Status::kOk);
  }
}

TEST_CASE("without an oracle nobody can choose a token") {
  NpuRig rig(bulk_npu());
  abi::Primitive accept = test::primitive(abi::PrimitiveOp::kAccept);
  accept.n = 512;
  accept.row_mode = static_cast<std::uint8_t>(abi::RowMode::kEntries);
  accept.input = test::on_chip(0, 512);
  CHECK(test::status_of(rig.run_program({accept})) == abi::Status::kNoEngine);
}

TEST_CASE("bulk transactions are refused where bytes count, or nothing may overlap") {
  npu::Config config = layer_npu();
  config.bulk_bytes = 1u << 20;
  CHECK_THROWS_WITH(config.validate(), Catch::Contains("bulk_bytes"));
  config.timing_only = true;
  CHECK_NOTHROW(config.validate());
  config.serial = true;
  CHECK_THROWS_WITH(config.validate(), Catch::Contains("bulk_bytes"));
}
