// SPDX-License-Identifier: Apache-2.0
// A few layers that stand for all of them: which programs allow it, and that time and counters
// come out as if every layer had been run.
#include <catch2/catch.hpp>
#include <set>

#include "decoder_layer.h"
#include "tandem/npu/engine.h"
#include "tandem/npu/replay.h"

using namespace tandem;

namespace {

constexpr std::uint32_t kLayers = 12;

// The embedding, `layers` times the decoder layer, and a norm behind them.
std::vector<abi::Primitive> deep(const std::vector<abi::Primitive>& one, std::uint32_t layers) {
  const std::size_t size = one.size() - 1;
  std::vector<abi::Primitive> program = {one.front()};
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    for (std::size_t i = 1; i <= size; ++i) {
      abi::Primitive& primitive = program.emplace_back(one[i]);
      primitive.layer = static_cast<std::uint16_t>(layer);
      primitive.stage = 1 + static_cast<std::uint32_t>(i) % 4;
      for (std::size_t p = 0; p < primitive.predecessor_count; ++p) {
        primitive.predecessors[p] =
            static_cast<std::uint16_t>(primitive.predecessors[p] + layer * size);
      }
    }
  }
  abi::Primitive norm = one[1];
  norm.predecessors[0] = static_cast<std::uint16_t>(layers * size);
  program.push_back(norm);
  return program;
}

npu::Config deep_npu(std::uint32_t replay_layers) {
  npu::Config config = test::small_npu();
  config.timing_only = true;
  config.bulk_bytes = 2u << 20;
  config.weight_tile_bytes = 32 * 2 * test::kDim;
  config.weight_buffer_bytes = 4 * config.weight_tile_bytes;
  config.replay_layers = replay_layers;
  return config;
}

double figure(const observe::StatisticsTable& table, const char* path) {
  const observe::Statistic* const found = table.find(path);
  REQUIRE(found != nullptr);
  return found->as_double();
}

struct Machine {
  Machine(const char* name, const npu::Config& config)
      : device((std::string("npu_") + name).c_str(), config),
        stack((std::string("memory_") + name).c_str(), test::stack_config("lpddr5_6400")),
        rig(device, stack, (std::string("driver_") + name).c_str()) {
    device.memory.bind(stack.target());
  }
  abi::Command prepare(std::uint32_t layers) {
    rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
    abi::Command command = rig.prepare(deep(test::DecoderLayer(rig).program(), layers));
    command.phase = static_cast<std::uint16_t>(abi::Phase::kDecode);
    return command;
  }
  std::uint64_t time_ps() const { return device.phase_times().phase_ps[4]; }
  observe::StatisticsTable statistics() const {
    observe::StatisticsTable table;
    device.collect(table);
    stack.collect(table);
    return table;
  }

  npu::Npu device;
  memory::Stack stack;
  test::RigDriver rig;
};

std::vector<abi::Primitive> layers_without_tensors(std::uint32_t layers) {
  std::vector<abi::Primitive> one;
  one.push_back(test::primitive(abi::PrimitiveOp::kGather));
  one.push_back(test::primitive(abi::PrimitiveOp::kNorm, {0}));
  one.push_back(test::primitive(abi::PrimitiveOp::kLinear, {1}));
  one.push_back(test::primitive(abi::PrimitiveOp::kElementwise, {0, 2}));
  return deep(one, layers);
}

}  // namespace

TEST_CASE("every layer is stood for once, whatever the number of blocks and the turn") {
  for (const std::uint32_t layers : {5u, 12u, 33u, 80u}) {
    for (std::uint32_t blocks = 4; blocks < std::min(layers, 12u); ++blocks) {
      CAPTURE(layers, blocks);
      const auto replay = npu::plan_replay(layers_without_tensors(layers), blocks);
      REQUIRE(replay);
      std::uint32_t stood_for = 0;
      for (std::uint32_t block = 0; block < blocks; ++block) {
        const std::uint32_t times = replay->times(block);
        std::set<std::uint32_t> seen;
        for (std::uint32_t turn = 0; turn < times; ++turn) seen.insert(replay->layer(block, turn));
        CHECK(seen.size() == times);
        CHECK(*seen.begin() == stood_for);
        stood_for += times;
        CHECK(*seen.rbegin() + 1 == stood_for);
      }
      CHECK(stood_for == layers);
      CHECK(replay->layer(0, 7) == 0);
      CHECK(replay->layer(1, 7) == 1);
      CHECK(replay->layer(blocks - 1, 7) == layers - 1);
    }
  }
}

TEST_CASE("what is run depends on what would have been done before it") {
  const std::vector<abi::Primitive> program = layers_without_tensors(9);
  const auto replay = npu::plan_replay(program, 5);
  REQUIRE(replay);
  const std::vector<abi::Primitive> run = npu::primitives_run(program, *replay);
  REQUIRE(run.size() == 1 + 5 * 3 + 1);
  for (std::size_t i = 1; i < run.size(); ++i) {
    for (std::size_t p = 0; p < run[i].predecessor_count; ++p) {
      const std::size_t distance = i - run[i].predecessors[p];
      CAPTURE(i, p);
      CHECK(distance >= 1);
      CHECK(distance <= 3);
    }
  }
  CHECK(run.back().predecessors[0] == run.size() - 2);
}

TEST_CASE("programs whose layers differ are run in full") {
  const std::vector<abi::Primitive> alike = layers_without_tensors(9);
  CHECK(npu::plan_replay(alike, 4));
  CHECK_FALSE(npu::plan_replay(alike, 9));
  CHECK_FALSE(npu::plan_replay({}, 4));
  const std::size_t place = 1 + 3 * 6 + 1;  // the LINEAR of layer 6
  const auto refused = [&](const char* what, const auto& change) {
    INFO(what);
    std::vector<abi::Primitive> program = alike;
    change(program);
    CHECK_FALSE(npu::plan_replay(program, 4));
  };
  using Program = std::vector<abi::Primitive>;
  refused("shape", [&](Program& program) { program[place].n = 77; });
  refused("dependence", [&](Program& program) { program[place].predecessors[0] = 0; });
  refused("operation", [&](Program& program) {
    program[place].op = static_cast<std::uint8_t>(abi::PrimitiveOp::kNorm);
  });
  refused("number of primitives", [&](Program& program) {
    program.erase(program.begin() + static_cast<std::ptrdiff_t>(place));
  });
  refused("experts", [&](Program& program) {
    for (abi::Primitive& primitive : program) {
      primitive.groups = 8;
      primitive.index_slot = 0;
    }
  });
  refused("predicates", [&](Program& program) {
    for (abi::Primitive& primitive : program) primitive.predicate_slot = 3;
  });
}

TEST_CASE("a last layer that ends early does not count, and is run") {
  std::vector<abi::Primitive> program = layers_without_tensors(9);
  program.resize(1 + 3 * 8 + 2);
  const auto replay = npu::plan_replay(program, 4);
  REQUIRE(replay);
  CHECK(replay->layers == 8);
  CHECK(npu::primitives_run(program, *replay).size() == 1 + 3 * 4 + 2);
}

TEST_CASE("a command with layers that stand for others takes the time of all and counts all") {
  Machine all("all", deep_npu(0)), replay("replay", deep_npu(5));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  all.rig.enable();
  replay.rig.enable();
  all.rig.submit(all.prepare(kLayers));
  replay.rig.submit(replay.prepare(kLayers));
  REQUIRE(test::status_of(all.rig.wait()) == abi::Status::kOk);
  REQUIRE(test::status_of(replay.rig.wait()) == abi::Status::kOk);
  CHECK(static_cast<double>(replay.time_ps()) ==
        Approx(static_cast<double>(all.time_ps())).epsilon(0.005));

  const observe::StatisticsTable full = all.statistics(), some = replay.statistics();
  for (const char* name : {"primitives", "dma.kv.read_bytes", "dma.kv.written_bytes",
                           "dma.kv.transfers", "dma.weights.read_bytes", "matrix.macs",
                           "matrix.busy_cycles", "vector.elements", "phases.decode.weight_bytes",
                           "phases.decode.ffn.read_bytes", "write_bytes", "channel0.write_bytes"}) {
    CAPTURE(name);
    CHECK(figure(some, name) == figure(full, name));
    CHECK(figure(full, name) > 0);
  }
  // Without the program, of which both have fetched all.
  for (const char* name : {"read_bytes", "channel0.read_bytes", "channel0.busy", "channel0.active",
                           "matrix.busy_ps"}) {
    CAPTURE(name);
    CHECK(figure(some, name) == Approx(figure(full, name)).epsilon(0.005));
  }
  CHECK(figure(some, "attention_ps") == Approx(figure(full, "attention_ps")).epsilon(0.02));
  std::uint64_t stages_ps = 0;
  for (std::size_t stage = 0; stage < abi::kStages; ++stage) {
    stages_ps += replay.device.stage_counters(4, stage).time_ps;
  }
  CHECK(stages_ps <= replay.time_ps());
  CHECK(static_cast<double>(stages_ps) > 0.99 * static_cast<double>(replay.time_ps()));
}

TEST_CASE("a fault behind layers that are left out has the index of the driver's program") {
  test::NpuRig rig(deep_npu(4));
  rig.put(test::kPageTable, std::vector<std::uint64_t>(4, test::kPages));
  std::vector<abi::Primitive> program = deep(test::DecoderLayer(rig).program(), kLayers);
  program.back().output.slot = 9;
  const abi::Completion completion = rig.run_program(program);
  CHECK(test::status_of(completion) == abi::Status::kBadOperand);
  CHECK(completion.primitive == program.size() - 1);
}

TEST_CASE("CANCEL does not wait for the layers that are left out") {
  Machine machine("cancel", deep_npu(4));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  machine.rig.enable();
  machine.rig.submit(machine.prepare(kLayers));
  // Four of twelve layers take a third of the time; then the command waits.
  sc_core::sc_start(sc_core::sc_time(30, sc_core::SC_MS));
  REQUIRE(machine.device.phase() == static_cast<std::uint32_t>(abi::Phase::kDecode));
  const sc_core::sc_time before = sc_core::sc_time_stamp();
  abi::Command cancel = test::RigDriver::command(abi::Opcode::kCancel);
  cancel.flags = 0;
  cancel.tag = 0x99;
  cancel.semaphore_address = 0x1234;
  machine.rig.submit(cancel, 1);
  CHECK(test::status_of(machine.rig.wait()) == abi::Status::kCancelled);
  CHECK(sc_core::sc_time_stamp() - before < sc_core::sc_time(8, sc_core::SC_MS));
}

namespace {

void check_reset(std::uint64_t after_us) {
  Machine machine("reset", deep_npu(4));
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  machine.rig.enable();
  machine.rig.submit(machine.prepare(kLayers));
  sc_core::sc_start(sc_core::sc_time(static_cast<double>(after_us), sc_core::SC_US));
  REQUIRE(machine.device.phase() == static_cast<std::uint32_t>(abi::Phase::kDecode));
  machine.rig.driver.write32(abi::npu::CONTROL, abi::npu::CONTROL_SOFT_RESET.put(1));
  std::uint64_t time_ps = 0, vector_ps = 0;
  for (std::size_t stage = 0; stage < abi::kStages; ++stage) {
    time_ps += machine.device.stage_counters(4, stage).time_ps;
    vector_ps += machine.device.stage_counters(4, stage).vector_ps;
  }
  const observe::StatisticsTable statistics = machine.statistics();
  const double period_ps = static_cast<double>(machine.device.config().vector.clock_period_ps);
  CHECK(static_cast<double>(vector_ps) == figure(statistics, "vector.busy_cycles") * period_ps);
  CHECK(vector_ps > 0);
  CHECK(time_ps > machine.time_ps() / 4);
  CHECK(time_ps <= machine.time_ps());
  CHECK(figure(statistics, "phases.decode.weight_bytes") >=
        figure(statistics, "dma.weights.read_bytes"));
}

}  // namespace

TEST_CASE("a reset keeps what layers that stand for others have done") {
  check_reset(12'000);
}

TEST_CASE("a reset while layers that are left out take their time does not count all of it") {
  check_reset(30'000);
}

TEST_CASE("work given up by an engine is taken back as often as it counted") {
  npu::Engine engine;
  engine.reserve(4'000'000, 0, 0);
  engine.count_times(3);
  engine.reserve(2'000'000, 0, 0);
  engine.count_times(5);
  engine.reserve_flow(0, 0, 1'000'000, 0, 0);
  engine.count_times(1);
  CHECK(engine.busy_ps() == 4'000'000 + 3 * 2'000'000 + 5 * 1'000'000);
  sc_core::sc_start(sc_core::sc_time(5, sc_core::SC_US));
  engine.reset();
  CHECK(engine.busy_ps() == 4'000'000 + 3 * 1'000'000);
  engine.reserve(1'000'000, 0, 0);
  engine.reset();
  CHECK(engine.busy_ps() == 4'000'000 + 3 * 1'000'000);
}

TEST_CASE("layers can stand for others only where nothing is computed") {
  npu::Config config = deep_npu(4);
  CHECK_NOTHROW(config.validate());
  config.replay_layers = 3;
  CHECK_THROWS_WITH(config.validate(), Catch::Contains("replay_layers"));
  config = test::small_npu();
  config.replay_layers = 4;
  CHECK_THROWS_WITH(config.validate(), Catch::Contains("replay_layers"));
}
