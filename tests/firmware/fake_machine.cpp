// SPDX-License-Identifier: Apache-2.0
#include "fake_machine.h"

#include <algorithm>

#include "tandem/abi/peripheral_registers.h"

namespace tandem::test {

namespace mailbox = abi::mailbox;
namespace uart = abi::uart;
using abi::TensorKind;
using abi::TensorRole;

namespace {

constexpr std::uint64_t kModelAddress = FakeMachine::kControlBase + 0x1000;
constexpr std::uint64_t kTensorsAddress = FakeMachine::kControlBase + 0x2000;
constexpr std::uint64_t kPiecesAddress = FakeMachine::kControlBase + 0x6000;
constexpr std::uint64_t kTextAddress = FakeMachine::kControlBase + 0x7000;
constexpr std::uint64_t kPromptsAddress = FakeMachine::kControlBase + 0x1'0000;
constexpr std::uint32_t kOne = 0x3F80'0000;

FakeMachine& self(void* context) {
  return *static_cast<FakeMachine*>(context);
}

bool within(std::uint64_t address, std::uint64_t base) {
  return address >= base && address < base + 0x1000;
}

}  // namespace

FakeMachine::FakeMachine() : memory_(kControlBytes), next_prompt_(kPromptsAddress) {
  npu_.attach([this](std::uint64_t address) { return &at<std::uint8_t>(address); });
  hal_.context = this;
  hal_.read32 = [](void* context, std::uint64_t address, std::uint32_t* value) -> int {
    *value = 0;
    if (address == self(context).faulty_register) return TANDEM_HAL_BUS_ERROR;
    *value = self(context).read(address);
    return TANDEM_HAL_OK;
  };
  hal_.write32 = [](void* context, std::uint64_t address, std::uint32_t value) -> int {
    if (address == self(context).faulty_register) return TANDEM_HAL_BUS_ERROR;
    self(context).write(address, value);
    return TANDEM_HAL_OK;
  };
  hal_.dma_window = [](void* context, std::uint64_t address, std::uint64_t bytes) -> void* {
    const bool inside = address >= kControlBase && bytes <= kControlBytes &&
                        address - kControlBase <= kControlBytes - bytes;
    return inside ? &self(context).at<std::uint8_t>(address) : nullptr;
  };
  hal_.barrier = [](void*) {};
  hal_.relax = [](void* context) { self(context).pass_time(1000); };
  hal_.wait_irq = [](void* context, std::uint64_t) {
    self(context).pass_time(1000);
    return 1;
  };
  hal_.now_ns = [](void* context) { return self(context).now_ns_; };
  hal_.log = [](void*, const char*, std::uint32_t) {};

  abi::BootInfo& info = boot();
  info.magic = abi::kBootMagic;
  info.abi_version = abi::kAbiVersion;
  info.seed = 7;
  info.npu_base = kNpu;
  info.intc_base = kIntc;
  info.uart_base = kUart;
  info.mailbox_base = kMailbox;
  info.npu_irq = 3;
  info.mailbox_irq = 4;
  info.shared_base = kSharedBase;
  info.shared_bytes = kControlBase + kControlBytes - kSharedBase;
  info.dram_base = kDramBase;
  info.dram_bytes = 1u << 30;
  info.kv_base = kDramBase + (1u << 20);
  info.kv_bytes = 1u << 20;
  info.model_image = kModelAddress;
  info.timeout_us = 1000;
  info.policy = {};
  info.policy.draft_length = 4;
  info.policy.max_batch = 1;
  info.policy.prefill_chunk = 4;
  info.policy.page_tokens = 16;
  write_model();
}

void FakeMachine::write_model() {
  abi::ModelImage& image = model();
  image.magic = abi::kModelMagic;
  image.abi_version = abi::kAbiVersion;
  image.dim = 8;
  image.hidden_dim = 16;
  image.layers = 2;
  image.heads = 2;
  image.kv_heads = 1;
  image.head_dim = 4;
  image.vocabulary = FakeNpu::kVocabulary;
  image.max_positions = 64;
  image.norm_epsilon = image.attention_scale = kOne;
  image.flags = abi::kModelSharedClassifier;
  image.bos_id = 1;
  image.eos_id = 2;
  image.tensors = kTensorsAddress;
  image.pieces = kPiecesAddress;
  image.piece_count = FakeNpu::kVocabulary;
  image.text = kTextAddress;
  image.text_bytes = 2 * FakeNpu::kVocabulary;
  image.weights_base = kDramBase;
  image.weights_bytes = 1u << 20;

  const auto add = [&](TensorKind kind, std::uint32_t layer, std::uint32_t rows,
                       std::uint32_t columns, abi::Format format, TensorRole role) {
    auto& entry =
        at<abi::TensorEntry>(kTensorsAddress + image.tensor_count++ * sizeof(abi::TensorEntry));
    entry.kind = static_cast<std::uint32_t>(kind);
    entry.role = static_cast<std::uint32_t>(role);
    entry.layer = static_cast<std::uint16_t>(layer);
    entry.format = static_cast<std::uint8_t>(format);
    entry.rows = rows;
    entry.columns = columns;
    entry.stream = kDramBase + image.tensor_count * 4096ull;
    if (abi::is_bsfp_full(format)) entry.remainder = entry.stream + 1024;
    if (abi::is_bsfp(format)) entry.tables = entry.stream + 3072;
  };
  const auto add_both = [&](TensorKind kind, std::uint32_t layer, std::uint32_t rows,
                            std::uint32_t columns) {
    add(kind, layer, rows, columns, abi::Format::kBsfpIFull, TensorRole::kFull);
    add(kind, layer, rows, columns, abi::Format::kBsfpIDraft, TensorRole::kDraft);
  };
  add(TensorKind::kEmbedding, 0, image.vocabulary, image.dim, abi::Format::kBsfpIFull,
      TensorRole::kFull);
  add_both(TensorKind::kClassifier, 0, image.vocabulary, image.dim);
  add(TensorKind::kFinalNorm, 0, 1, image.dim, abi::Format::kFp16, TensorRole::kFull);
  add(TensorKind::kInverseFrequency, 0, 1, 2, abi::Format::kFp32, TensorRole::kFull);
  for (std::uint32_t layer = 0; layer < image.layers; ++layer) {
    add(TensorKind::kAttentionNorm, layer, 1, image.dim, abi::Format::kFp16, TensorRole::kFull);
    add(TensorKind::kFfnNorm, layer, 1, image.dim, abi::Format::kFp16, TensorRole::kFull);
    add_both(TensorKind::kQuery, layer, 8, image.dim);
    add_both(TensorKind::kKey, layer, 4, image.dim);
    add_both(TensorKind::kValue, layer, 4, image.dim);
    add_both(TensorKind::kAttentionOutput, layer, image.dim, 8);
    add_both(TensorKind::kGate, layer, image.hidden_dim, image.dim);
    add_both(TensorKind::kUp, layer, image.hidden_dim, image.dim);
    add_both(TensorKind::kDown, layer, image.dim, image.hidden_dim);
  }
  for (std::uint32_t i = 0; i < image.piece_count; ++i) {  // " A", " B", ...
    at<abi::TokenPiece>(kPiecesAddress + i * sizeof(abi::TokenPiece)) = {2 * i, 2};
    at<char>(kTextAddress + 2 * i) = ' ';
    at<char>(kTextAddress + 2 * i + 1) = static_cast<char>('A' + i);
  }
}

void FakeMachine::post(std::uint32_t id, const std::vector<std::uint32_t>& prompt,
                       std::uint32_t max_tokens, const std::function<void(abi::Request&)>& change) {
  abi::Request request{};
  request.request_id = id;
  request.prompt = next_prompt_;
  request.prompt_count = static_cast<std::uint32_t>(prompt.size());
  request.max_tokens = max_tokens;
  for (const std::uint32_t token : prompt) {
    at<std::uint32_t>(next_prompt_) = token;
    next_prompt_ += 4;
  }
  if (change) change(request);
  waiting_.push_back(request);
}

int FakeMachine::start(const tandem_firmware& firmware) {
  firmware_ = &firmware;
  arena_.assign(firmware.arena_bytes, 0);
  return firmware.init(arena_.data(), &hal_, kControlBase);
}

bool FakeMachine::run(unsigned limit) {
  for (unsigned i = 0; i < limit; ++i) {
    feed_requests();
    const int next = firmware_->step(arena_.data(), &hal_);
    take_records();
    if (next == TANDEM_STEP_DONE) return true;
    if (next == TANDEM_STEP_WAIT) pass_time(1000);
  }
  return false;
}

void FakeMachine::pass_time(std::uint64_t ns) {
  now_ns_ += ns;
  uart_taken_ = 0;
  npu_.work();
}

void FakeMachine::feed_requests() {
  const std::uint32_t size = mailbox_[mailbox::REQUEST_SIZE];
  while (size != 0 && !waiting_.empty()) {
    const std::uint32_t next = (request_tail_ + 1) % size;
    if (next == mailbox_[mailbox::REQUEST_HEAD]) return;
    at<abi::Request>(mailbox_[mailbox::REQUEST_BASE_LO] + request_tail_ * sizeof(abi::Request)) =
        waiting_.front();
    waiting_.erase(waiting_.begin());
    request_tail_ = next;
  }
}

void FakeMachine::take_records() {
  while (!record_ring_stuck && record_head_ != mailbox_[mailbox::RECORD_TAIL]) {
    records_.push_back(
        at<abi::Record>(mailbox_[mailbox::RECORD_BASE_LO] + record_head_ * sizeof(abi::Record)));
    record_head_ = (record_head_ + 1) % mailbox_[mailbox::RECORD_SIZE];
  }
}

std::uint32_t FakeMachine::read(std::uint64_t address) {
  if (within(address, kNpu)) return npu_.read(static_cast<std::uint32_t>(address - kNpu));
  if (address == kUart + uart::STATUS) return uart::STATUS_FULL.put(uart_taken_ >= uart_room);
  switch (address - kMailbox) {
    case mailbox::REQUEST_TAIL:
      return request_tail_;
    case mailbox::RECORD_HEAD:
      return record_head_;
    case mailbox::STATUS:
      return mailbox::STATUS_CLOSED.put(waiting_.empty());
    default:
      return 0;
  }
}

void FakeMachine::write(std::uint64_t address, std::uint32_t value) {
  if (within(address, kNpu)) {
    npu_.write(static_cast<std::uint32_t>(address - kNpu), value);
  } else if (address == kUart + uart::TX) {
    ++uart_taken_;
    uart_.push_back(static_cast<char>(value));
  } else if (within(address, kMailbox)) {
    mailbox_[static_cast<std::uint32_t>(address - kMailbox)] = value;
  }
}

std::vector<abi::Record> FakeMachine::records(std::uint32_t id) const {
  std::vector<abi::Record> found;
  for (const abi::Record& record : records_) {
    if (record.request_id == id) found.push_back(record);
  }
  return found;
}

std::vector<std::uint32_t> FakeMachine::tokens(std::uint32_t id) const {
  std::vector<std::uint32_t> all;
  for (const abi::Record& record : records(id)) {
    if (record.kind != static_cast<std::uint32_t>(abi::RecordKind::kTokens)) continue;
    all.insert(all.end(), record.tokens, record.tokens + record.count);
  }
  return all;
}

}  // namespace tandem::test
