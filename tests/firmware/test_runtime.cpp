// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "fake_machine.h"
#include "tandem/firmware/runtime/kv_cache.h"
#include "tandem/firmware/runtime/llama_passes.h"
#include "tandem/firmware/runtime/program_writer.h"

using namespace tandem;
using namespace tandem::firmware;
using test::FakeMachine;

namespace {

struct Fixture {
  Fixture() : machine(fake.hal()), control(FakeMachine::kSharedBase, fake.boot().shared_bytes) {
    REQUIRE(machine.open_shared(fake.boot().shared_base, fake.boot().shared_bytes));
  }
  const abi::Primitive& primitive(const ProgramRef& program, std::uint32_t index) {
    return fake.at<abi::Primitive>(program.address + index * sizeof(abi::Primitive));
  }
  std::set<unsigned> predecessors(const ProgramRef& program, std::uint32_t index) {
    const abi::Primitive& p = primitive(program, index);
    return {p.predecessors, p.predecessors + p.predecessor_count};
  }

  FakeMachine fake;
  Machine machine;
  RangeAllocator control;
};

ActivationLayout layout_of(const abi::ModelImage& model) {
  ActivationLayout layout{};
  REQUIRE(plan_activations(model, {1u << 20, 256, 2, 5, 16}, layout));
  return layout;
}

}  // namespace

TEST_CASE("ranges are handed out aligned until they are used up") {
  RangeAllocator range(0x1001, 256);
  CHECK(range.take(1) == 0x1040);
  CHECK(range.take(64) == 0x1080);
  CHECK(range.take(66) == 0);
  CHECK(range.failed());
  CHECK(range.take(1) == 0);
}

TEST_CASE("KV pages are handed out once and come back") {
  Fixture f;
  KvShape shape;
  shape.layers = 2;
  shape.kv_heads = 1;
  shape.head_dim = 4;
  shape.page_tokens = 16;
  shape.max_tokens = 80;
  shape.tables = 2;
  const u64 page_bytes = 2u * 2 * 1 * 16 * 4 * 2;
  RangeAllocator memory(0x8000'0000, 7 * page_bytes);
  PagedKvCache cache;
  REQUIRE(cache.start(shape, f.control, memory));
  const u32 pages = cache.free_pages();
  CHECK(pages >= 6);

  KvTable a{f.control.take(64), 0, 0, 0, 0};
  KvTable b{f.control.take(64), 0, 0, 0, 0};
  CHECK(cache.reserve(f.machine, a, 16));
  CHECK(a.page_count == 1);
  CHECK(cache.reserve(f.machine, a, 17));
  CHECK(a.page_count == 2);
  CHECK(cache.reserve(f.machine, a, 80));
  CHECK_FALSE(cache.reserve(f.machine, b, 80));
  CHECK(cache.free_pages() == 0);
  std::set<u64> used;
  for (u32 i = 0; i < a.page_count; ++i) used.insert(f.fake.at<u64>(a.page_table + 8 * i));
  for (u32 i = 0; i < b.page_count; ++i) used.insert(f.fake.at<u64>(b.page_table + 8 * i));
  CHECK(used.size() == pages);
  cache.release(f.machine, a);
  CHECK(cache.reserve(f.machine, b, 32));
  cache.release(f.machine, b);
  CHECK(cache.free_pages() == pages);
}

TEST_CASE("activations: batch first, then the prefill chunk, within the buffer") {
  Fixture f;
  const abi::ModelImage& model = f.fake.model();
  const u64 per_row = 2u * (8 + 8 + 8 + 4 + 4 + 8 + 8 + 16 + 16);
  ActivationLayout layout{};
  SECTION("room for everything") {
    REQUIRE(plan_activations(model, {1u << 20, 256, 4, 5, 16}, layout));
    CHECK(layout.sequences == 4);
    CHECK(layout.chunk == 16);
    CHECK(layout.rows == 64);
  }
  SECTION("not a whole chunk for every sequence") {
    const u64 bytes = 20 * 64 + 24 * per_row + 9 * 64;
    REQUIRE(plan_activations(model, {bytes, 256, 4, 5, 16}, layout));
    CHECK(layout.sequences == 4);
    CHECK(layout.rows >= 24);
    CHECK(layout.rows < 4 * 16);
    CHECK(layout.chunk == 16);
    CHECK(layout.bytes <= bytes);
  }
  SECTION("fewer sequences per command") {
    REQUIRE(plan_activations(model, {5 * 64 + 5 * per_row + 9 * 64, 256, 4, 5, 16}, layout));
    CHECK(layout.sequences == 1);
  }
  SECTION("few rows in the device") {
    REQUIRE(plan_activations(model, {1u << 20, 12, 4, 5, 16}, layout));
    CHECK(layout.sequences == 2);
    CHECK(layout.chunk == 12);
  }
  SECTION("not even one sequence") {
    CHECK_FALSE(plan_activations(model, {4 * per_row, 256, 4, 5, 16}, layout));
  }
}

TEST_CASE("predecessors are true dependences and overwritten buffers, nothing else") {
  Fixture f;
  ProgramWriter writer(f.machine, f.control);
  using Accesses = ProgramWriter::Accesses;
  const abi::Primitive blank = blank_primitive(abi::PrimitiveOp::kLinear);
  writer.begin(16);
  writer.add(blank, Accesses().write(Buffer::kNormed));                       // 0
  writer.add(blank, Accesses().read(Buffer::kNormed).write(Buffer::kQuery));  // 1
  writer.add(blank, Accesses().read(Buffer::kNormed).write(Buffer::kKey));    // 2
  writer.add(blank, Accesses().read(Buffer::kKey).write(Buffer::kKey));       // 3 in place
  writer.add(blank, Accesses().write(Buffer::kNormed));                       // 4
  writer.add(blank, Accesses().write(Buffer::kNormed));                       // 5
  writer.add(blank, Accesses().read(Buffer::kQuery).behind(3));               // 6
  const ProgramRef program = writer.end();
  CHECK(program.primitives == 7);
  CHECK(program.address % 64 == 0);
  CHECK(f.predecessors(program, 0).empty());
  CHECK(f.predecessors(program, 1) == std::set<unsigned>{0});
  CHECK(f.predecessors(program, 2) == std::set<unsigned>{0});
  CHECK(f.predecessors(program, 3) == std::set<unsigned>{2});
  CHECK(f.predecessors(program, 4) == std::set<unsigned>{1, 2});
  CHECK(f.predecessors(program, 5) == std::set<unsigned>{4});
  CHECK(f.predecessors(program, 6) == std::set<unsigned>{1, 3});
  CHECK_FALSE(writer.failed());
}

TEST_CASE("a program that outgrows its announced length is refused") {
  Fixture f;
  ProgramWriter writer(f.machine, f.control);
  writer.begin(1);
  writer.add(blank_primitive(abi::PrimitiveOp::kNorm), {});
  CHECK_FALSE(writer.failed());
  writer.add(blank_primitive(abi::PrimitiveOp::kNorm), {});
  CHECK(writer.failed());
}

TEST_CASE("the verify pass of a Llama model") {
  Fixture f;
  Model model;
  REQUIRE(model.open(f.machine, f.fake.boot().model_image) == abi::Status::kOk);
  const ActivationLayout layout = layout_of(model.shape());
  f.fake.policy().linear = static_cast<u32>(abi::Placement::kPim);
  const u32 formats = 1u << static_cast<u32>(abi::Format::kBsfpIDraft);
  const ConfiguredPlacement placement(f.fake.policy(), formats);
  const SelfSpeculation policy(f.fake.policy());
  LlamaPasses builder(model, layout, placement, policy, f.machine, f.control);
  PassPrograms passes[kPasses] = {};
  REQUIRE(builder.build(abi::Granularity::kStep, 4, 1024, passes) == abi::Status::kOk);

  const ProgramRef& verify = passes[static_cast<u32>(Pass::kVerify)].tail;
  REQUIRE(verify.primitives == 2 * 16 + 5);
  unsigned with_remainder = 0;
  for (u32 i = 0; i < verify.primitives; ++i) {
    const abi::Primitive& p = f.primitive(verify, i);
    CHECK(p.row_mode == static_cast<u8>(abi::RowMode::kAll));
    CHECK(p.engine_mask == abi::kEngineNpu);  // the PIM has no full BSFP
    with_remainder += p.remainder.slot != abi::kNoSlot;
    if (p.weight.slot != abi::kNoSlot) CHECK(p.weight.offset < model.shape().weights_bytes);
  }
  CHECK(with_remainder == 2 * 7 + 2);  // linears of two layers, embedding, classifier
  CHECK(f.primitive(verify, verify.primitives - 1).op ==
        static_cast<u8>(abi::PrimitiveOp::kKvCommit));

  const ProgramRef& draft = passes[static_cast<u32>(Pass::kDraft)].tail;
  unsigned on_pim = 0;
  for (u32 i = 0; i < draft.primitives; ++i) {
    const abi::Primitive& p = f.primitive(draft, i);
    on_pim += p.engine_mask == abi::kEnginePim;
    if (p.op == static_cast<u8>(abi::PrimitiveOp::kKvAppend)) CHECK(p.kv_set == 1);
  }
  CHECK(on_pim == 2 * 7 + 1);

  // Keys are enough in the last layer when no logits are wanted.
  const ProgramRef& extend = passes[static_cast<u32>(Pass::kExtend)].tail;
  CHECK(extend.primitives == 1 + 16 + 5 + 1);
}

TEST_CASE("independent linears of a layer do not wait for each other") {
  Fixture f;
  Model model;
  REQUIRE(model.open(f.machine, f.fake.boot().model_image) == abi::Status::kOk);
  const ActivationLayout layout = layout_of(model.shape());
  const ConfiguredPlacement placement(f.fake.policy(), 0);
  const PlainDecoding policy;
  LlamaPasses builder(model, layout, placement, policy, f.machine, f.control);
  PassPrograms passes[kPasses] = {};
  REQUIRE(builder.build(abi::Granularity::kStep, 4, 1024, passes) == abi::Status::kOk);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  // gather, norm, key, value, rotate, append, query, rotate, attention, output, add, norm, gate, up
  CHECK(f.predecessors(next, 1) == std::set<unsigned>{0});
  CHECK(f.predecessors(next, 2) == std::set<unsigned>{1});
  CHECK(f.predecessors(next, 3) == std::set<unsigned>{1});
  CHECK(f.predecessors(next, 5) == std::set<unsigned>{3, 4});
  CHECK(f.predecessors(next, 6) == std::set<unsigned>{1});
  CHECK(f.predecessors(next, 8) == std::set<unsigned>{7, 5});
  CHECK(f.predecessors(next, 12) == std::set<unsigned>{11});
  CHECK(f.predecessors(next, 13) == std::set<unsigned>{11});
  CHECK(passes[static_cast<u32>(Pass::kDraft)].tail.primitives == 0);
}

namespace {

// Appends a tensor to the directory of the fake machine.
void add_tensor(FakeMachine& fake, abi::TensorKind kind, std::uint32_t layer, std::uint32_t rows,
                std::uint32_t columns) {
  abi::ModelImage& image = fake.model();
  auto& entry =
      fake.at<abi::TensorEntry>(image.tensors + image.tensor_count++ * sizeof(abi::TensorEntry));
  entry = {};
  entry.kind = static_cast<u32>(kind);
  entry.layer = static_cast<abi::u16>(layer);
  entry.format = static_cast<abi::u8>(abi::Format::kFp16);
  entry.rows = rows;
  entry.columns = columns;
  entry.stream = image.weights_base + 64;
}

// The operations of the pass that gives the next token.
std::vector<abi::PrimitiveOp> next_pass(Fixture& f, PassPrograms* passes) {
  Model model;
  REQUIRE(model.open(f.machine, f.fake.boot().model_image) == abi::Status::kOk);
  const ActivationLayout layout = layout_of(model.shape());
  const ConfiguredPlacement placement(f.fake.policy(), 0);
  const PlainDecoding policy;
  LlamaPasses builder(model, layout, placement, policy, f.machine, f.control);
  REQUIRE(builder.build(abi::Granularity::kStep, 4, 1024, passes) == abi::Status::kOk);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  std::vector<abi::PrimitiveOp> ops;
  for (u32 i = 0; i < next.primitives; ++i) {
    ops.push_back(static_cast<abi::PrimitiveOp>(f.primitive(next, i).op));
  }
  return ops;
}

std::size_t count(const std::vector<abi::PrimitiveOp>& ops, abi::PrimitiveOp op) {
  return static_cast<std::size_t>(std::count(ops.begin(), ops.end(), op));
}

}  // namespace

TEST_CASE("a GPT model: positions once, biases, no gates, no rotation") {
  Fixture f;
  abi::ModelImage& image = f.fake.model();
  image.position_kind = static_cast<u32>(abi::PositionKind::kLearned);
  image.norm_kind = static_cast<u32>(abi::NormKind::kLayer);
  image.flags |= abi::kModelPlainFfn;
  add_tensor(f.fake, abi::TensorKind::kPositionTable, 0, image.max_positions, image.dim);
  add_tensor(f.fake, abi::TensorKind::kFinalNormBias, 0, 1, image.dim);
  for (u32 layer = 0; layer < image.layers; ++layer) {
    add_tensor(f.fake, abi::TensorKind::kAttentionNormBias, layer, 1, image.dim);
    add_tensor(f.fake, abi::TensorKind::kFfnNormBias, layer, 1, image.dim);
    add_tensor(f.fake, abi::TensorKind::kDownBias, layer, 1, image.dim);
  }
  PassPrograms passes[kPasses] = {};
  const auto ops = next_pass(f, passes);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  CHECK(ops.at(1) == abi::PrimitiveOp::kPosition);
  CHECK(count(ops, abi::PrimitiveOp::kPosition) == 1);
  CHECK(f.primitive(next, 1).k == image.max_positions);
  CHECK(f.predecessors(next, 1) == std::set<unsigned>{0});
  CHECK(f.predecessors(next, 2) == std::set<unsigned>{1});
  CHECK(count(ops, abi::PrimitiveOp::kLinear) == image.layers * 6 + 1);
  unsigned norm_biases = 0, linear_biases = 0, gelus = 0;
  for (u32 i = 0; i < next.primitives; ++i) {
    const abi::Primitive& p = f.primitive(next, i);
    const bool bias = p.bias.slot != abi::kNoSlot;
    norm_biases += bias && ops[i] == abi::PrimitiveOp::kNorm;
    linear_biases += bias && ops[i] == abi::PrimitiveOp::kLinear;
    gelus += ops[i] == abi::PrimitiveOp::kElementwise &&
             p.kind == static_cast<u8>(abi::ElementwiseKind::kGelu);
  }
  CHECK(norm_biases == image.layers * 2 + 1);
  CHECK(linear_biases == image.layers);
  CHECK(gelus == image.layers);
}

TEST_CASE("a layer with experts: router, choice, experts behind it, sum") {
  Fixture f;
  abi::ModelImage& image = f.fake.model();
  image.experts = 4;
  image.top_k = 2;
  image.expert_dim = 8;
  image.first_expert_layer = 1;
  add_tensor(f.fake, abi::TensorKind::kRouter, 1, 4, image.dim);
  add_tensor(f.fake, abi::TensorKind::kExpertGate, 1, 4 * 8, image.dim);
  add_tensor(f.fake, abi::TensorKind::kExpertUp, 1, 4 * 8, image.dim);
  add_tensor(f.fake, abi::TensorKind::kExpertDown, 1, 4 * image.dim, 8);
  PassPrograms passes[kPasses] = {};
  const auto ops = next_pass(f, passes);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  REQUIRE(count(ops, abi::PrimitiveOp::kRoute) == 1);
  REQUIRE(count(ops, abi::PrimitiveOp::kCombine) == 1);
  const auto route =
      static_cast<u32>(std::find(ops.begin(), ops.end(), abi::PrimitiveOp::kRoute) - ops.begin());
  unsigned over_experts = 0;
  for (u32 i = 0; i < next.primitives; ++i) {
    const abi::Primitive& p = f.primitive(next, i);
    if (p.groups <= 1) continue;
    ++over_experts;
    CHECK(p.layer == 1);
    CHECK(p.index_slot == f.primitive(next, route).index_slot);
    CHECK(f.predecessors(next, i).count(route) == 1);
    const bool down = p.kind == static_cast<u8>(abi::ExpertInput::kPerChoice);
    CHECK(p.n == (down ? image.dim : 8));
    CHECK(p.k == (down ? 8 : image.dim));
    CHECK(p.input.stride == 2 * (down ? 2 * 8 : image.dim));
    CHECK(p.output.stride == 2 * 2 * p.n);
  }
  CHECK(over_experts == 3);
}

namespace {

constexpr u32 kLatentDim = 24, kRopeDim = 2, kValueDim = 6;

void make_latent(FakeMachine& fake) {
  abi::ModelImage& image = fake.model();
  image.kv_heads = 1;
  image.latent_dim = kLatentDim;
  image.rope_dim = kRopeDim;
  image.v_head_dim = kValueDim;
  const u32 nope = image.head_dim - kRopeDim;
  for (u32 layer = 0; layer < image.layers; ++layer) {
    add_tensor(fake, abi::TensorKind::kLatent, layer, kLatentDim + kRopeDim, image.dim);
    add_tensor(fake, abi::TensorKind::kLatentNorm, layer, 1, kLatentDim);
    add_tensor(fake, abi::TensorKind::kKeyExpansion, layer, image.heads * kLatentDim, nope);
    add_tensor(fake, abi::TensorKind::kValueExpansion, layer, image.heads * kValueDim, kLatentDim);
  }
}

}  // namespace

TEST_CASE("latent attention: one key, made for all heads and read once") {
  Fixture f;
  make_latent(f.fake);
  const abi::ModelImage& image = f.fake.model();
  const u32 nope = image.head_dim - kRopeDim;
  PassPrograms passes[kPasses] = {};
  const auto ops = next_pass(f, passes);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  unsigned grouped = 0, on_latents = 0;
  std::set<unsigned> appended, norms;
  for (u32 i = 0; i < next.primitives; ++i) {
    const abi::Primitive& p = f.primitive(next, i);
    if (p.groups > 1) {
      ++grouped;
      CHECK(p.groups == image.heads);
      CHECK(p.index_slot == abi::kNoSlot);
      const bool to_latents = p.n == kLatentDim;
      CHECK(p.n == (to_latents ? kLatentDim : kValueDim));
      CHECK(p.k == (to_latents ? nope : kLatentDim));
      CHECK(p.output.stride == 2 * image.heads * p.n);
    }
    if (ops[i] == abi::PrimitiveOp::kNorm && p.n == kLatentDim) norms.insert(i);
    const bool append = ops[i] == abi::PrimitiveOp::kKvAppend;
    if (!append && ops[i] != abi::PrimitiveOp::kAttention) continue;
    ++on_latents;
    CHECK(p.kv_heads == 1);
    CHECK(p.head_dim == kLatentDim + kRopeDim);
    CHECK(p.value_dim == kLatentDim);
    CHECK(p.engine_mask == abi::kEngineNpu);
    if (append) {
      appended.insert(i);
      CHECK(p.input2.offset == p.input.offset + 2 * kLatentDim);
    } else {
      CHECK(p.heads == image.heads);
      CHECK(p.input2.stride == 2 * image.heads * image.head_dim);
      CHECK(f.predecessors(next, i).count(*appended.rbegin()) == 1);
    }
  }
  CHECK(grouped == 2 * image.layers);
  CHECK(on_latents == 2 * image.layers);
  CHECK(norms.size() == image.layers);
}

TEST_CASE("latent attention on the PIM alone is not supported") {
  Fixture f;
  make_latent(f.fake);
  abi::PolicyBlock policy = f.fake.policy();
  Model model;
  REQUIRE(model.open(f.machine, f.fake.boot().model_image) == abi::Status::kOk);
  const ActivationLayout layout = layout_of(model.shape());
  const PlainDecoding plain;
  PassPrograms passes[kPasses] = {};
  const auto build = [&](abi::Placement attention) {
    policy.attention = static_cast<u32>(attention);
    const ConfiguredPlacement placement(policy, ~0u);
    LlamaPasses builder(model, layout, placement, plain, f.machine, f.control);
    return builder.build(abi::Granularity::kStep, 4, 1024, passes);
  };
  CHECK(build(abi::Placement::kPim) == abi::Status::kUnsupported);
  CHECK(build(abi::Placement::kAuto) == abi::Status::kOk);
}

TEST_CASE("a header of latent attention that makes no sense is refused") {
  Fixture f;
  make_latent(f.fake);
  abi::ModelImage& image = f.fake.model();
  Model model;
  const auto opened = [&] { return model.open(f.machine, f.fake.boot().model_image); };
  REQUIRE(opened() == abi::Status::kOk);
  image.kv_heads = image.heads;
  CHECK(opened() == abi::Status::kBadParameter);
  image.kv_heads = 1;
  image.rope_dim = image.head_dim;
  CHECK(opened() == abi::Status::kBadParameter);
  image.rope_dim = kRopeDim;
  image.v_head_dim = 0;
  CHECK(opened() == abi::Status::kBadParameter);
}

TEST_CASE("devices that share a model sum the residual stream and gather the logits") {
  Fixture f;
  abi::ModelImage& image = f.fake.model();
  image.devices = 4;
  PassPrograms passes[kPasses] = {};
  const auto ops = next_pass(f, passes);
  const ProgramRef& next = passes[static_cast<u32>(Pass::kNext)].tail;
  CHECK(count(ops, abi::PrimitiveOp::kCollective) == 2 * image.layers + 1);
  unsigned sums = 0;
  for (u32 i = 1; i < next.primitives; ++i) {
    const abi::Primitive& p = f.primitive(next, i);
    if (ops[i] != abi::PrimitiveOp::kCollective) continue;
    CHECK(ops[i - 1] == abi::PrimitiveOp::kLinear);
    CHECK(f.predecessors(next, i) == std::set<unsigned>{i - 1});
    CHECK(f.predecessors(next, i + 1).count(i) == 1);
    CHECK(p.input.offset == p.output.offset);
    const bool gathers = p.collective == static_cast<u8>(abi::CollectiveOp::kAllGather);
    sums += !gathers;
    CHECK(p.n == (gathers ? image.vocabulary : image.dim));
    CHECK(p.row_mode == f.primitive(next, i - 1).row_mode);
  }
  CHECK(sums == 2 * image.layers);
}

TEST_CASE("a model without a tensor that a pass needs is refused") {
  Fixture f;
  f.fake.at<abi::TensorEntry>(f.fake.model().tensors + sizeof(abi::TensorEntry)).kind = 99;
  Model model;
  REQUIRE(model.open(f.machine, f.fake.boot().model_image) == abi::Status::kOk);
  const ActivationLayout layout = layout_of(model.shape());
  const ConfiguredPlacement placement(f.fake.policy(), 0);
  const SelfSpeculation policy(f.fake.policy());  // its draft classifier is the entry renamed above
  LlamaPasses builder(model, layout, placement, policy, f.machine, f.control);
  PassPrograms passes[kPasses] = {};
  CHECK(builder.build(abi::Granularity::kStep, 4, 1024, passes) == abi::Status::kBadParameter);
}
