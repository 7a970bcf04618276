// SPDX-License-Identifier: Apache-2.0
// An NPU that knows tokens only. Its KV cache holds token ids; the target's next token is a hash of
// the cache's contents, so that any mistake with pending tokens, positions or lengths changes the
// answer, and the draft's is the same with some errors put in.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tandem/abi/batch.h"
#include "tandem/abi/npu_registers.h"
#include "tandem/abi/program.h"

namespace tandem::test {

class FakeNpu {
 public:
  static constexpr std::uint32_t kVocabulary = 32;
  using Memory = std::function<std::uint8_t*(std::uint64_t address)>;

  FakeNpu();
  void attach(Memory memory) { memory_ = std::move(memory); }

  std::uint32_t read(std::uint32_t offset);
  void write(std::uint32_t offset, std::uint32_t value);
  // Executes the oldest command of the queue pairs that do not hang, if there is one.
  void work();

  // The token that the target gives after `history`, and the draft's guess.
  static std::uint32_t target_token(const std::vector<std::uint32_t>& history);
  static std::uint32_t draft_token(const std::vector<std::uint32_t>& history);
  // Plain decoding.
  static std::vector<std::uint32_t> reference(std::vector<std::uint32_t> prompt,
                                              std::uint32_t count);

  // The target's and the draft's KV caches hold these tokens already.
  void preload(std::uint32_t request_id, const std::vector<std::uint32_t>& tokens);

  // Faults. A command is counted from 0 since construction.
  std::map<unsigned, abi::Status> fail_command;
  unsigned fail_draft = ~0u;           // the first DRAFT after so many drafted entries: NotANumber
  std::set<unsigned> swallow_command;  // no completion ever
  // By queue pair, counted from 0 within it: no completion, the other queue pairs go on.
  std::map<unsigned, std::set<unsigned>> swallow_of_queue;
  // A queue pair waits while a command of another one hangs.
  std::map<unsigned, unsigned> waits_for_queue;
  // By queue pair: work() leaves a command alone so many times.
  std::map<unsigned, unsigned> delay_of_queue;
  bool cancels_late = false;          // no command is withdrawn any more
  bool lie_about_acceptance = false;  // more tokens than there were drafted
  unsigned stop_draft_after = ~0u;    // confidence is low at this many tokens
  bool drafts_are_wrong = false;      // all of them
  unsigned fail_verify = ~0u;         // the VERIFY after so many others: NotANumber
  std::uint32_t positions = ~0u;      // of a table of learned ones, which has no more

  std::map<std::uint32_t, std::uint32_t> registers;
  std::vector<abi::Command> executed;
  std::vector<std::uint32_t> draft_pending;  // pending tokens of each entry of each DRAFT
  std::size_t largest_batch = 0;
  std::size_t most_rows = 0;       // token positions of a command
  unsigned mixed_commands = 0;     // with entries of one pending token and of more
  std::size_t most_in_flight = 0;  // commands
  std::map<std::uint32_t, std::set<unsigned>> queues_of;  // that each request was worked on by
  unsigned resets = 0;
  unsigned cancelled = 0;               // commands
  std::size_t failed_drafts = 0;        // tokens that the VERIFY that failed was asked about
  std::vector<std::string> complaints;  // what the driver did wrong

 private:
  struct Program {
    bool appends = false;
    bool first_layer = false;
    bool chooses = false;
    bool samples = false;
    bool commits = false;
    unsigned kv_set = 0;
  };
  template <typename T>
  T& at(std::uint64_t address) {
    return *reinterpret_cast<T*>(memory_(address));
  }
  struct Queue {
    std::uint32_t fetched = 0;
    std::uint32_t completion_tail = 0;
    std::uint32_t phase = 1;
    unsigned executed = 0;  // not put back by a reset
  };
  struct Pending {
    unsigned queue;
    abi::Command command;
    unsigned delay;
  };
  std::uint32_t& queue_register(unsigned queue, std::uint32_t offset) {
    return registers[queue * abi::kQueuePairStride + offset];
  }
  void write_queue(unsigned queue, std::uint32_t offset, std::uint32_t value);
  void fetch(unsigned queue);
  void check_shared(const Pending& added);
  void cancel(const Pending& cancel);
  bool verify_the_same(const abi::Command& one, const abi::Command& other);
  bool verifies_right_tokens(const abi::Command& command);
  std::set<std::uint32_t> requests_of(const abi::Command& command);
  std::map<std::uint64_t, std::uint32_t> pages_of(const abi::Command& command);
  bool hangs(unsigned queue) const;
  void complete(unsigned queue, const abi::Command& command, abi::Status status,
                std::uint64_t value);
  Program inspect(const abi::Command& command);
  void execute(const abi::Command& command);
  void count_rows(const abi::Command& command);
  void run_entry(const abi::Command& command, const Program& program, abi::BatchEntry& entry,
                 abi::VerifyResult& result);
  void draft(const abi::Command& command, const Program& program, abi::BatchEntry& entry,
             std::vector<std::uint32_t>& cache);
  void accept(const abi::BatchEntry& entry, const std::vector<std::uint32_t>& drafted,
              abi::VerifyResult& result);
  void put(std::vector<std::uint32_t>& cache, std::uint32_t position, std::uint32_t token);
  void check_pages(const abi::BatchEntry& entry, unsigned kv_set, std::uint32_t tokens);
  void complain(const std::string& text);

  Memory memory_;
  std::deque<Pending> pending_;
  std::map<unsigned, Queue> queues_;
  unsigned command_count_ = 0;
  std::map<std::pair<std::uint32_t, unsigned>, std::vector<std::uint32_t>> caches_;
};

}  // namespace tandem::test
