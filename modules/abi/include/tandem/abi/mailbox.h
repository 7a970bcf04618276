// SPDX-License-Identifier: Apache-2.0
// Structures in the mailbox's rings: what the host asks for, what the firmware reports.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_REQUEST_FLAGS(ITEM)                                                        \
  ITEM(std::uint16_t, RequestWhole, 1u << 0,                                              \
       "All max_tokens are wanted: NO_SPACE at once where positions or pages cannot do")  \
  ITEM(std::uint16_t, RequestCached, 1u << 1,                                             \
       "The KV cache is taken to hold all of the prompt but its last token: no prefill. " \
       "Only where tensors are not computed")
TANDEM_CONSTANTS(RequestFlags, "Request::flags", TANDEM_REQUEST_FLAGS)

#define TANDEM_REQUEST_MEMBERS(ONE, MANY)                                                        \
  ONE(u32, request_id, "Chosen by the host, unique")                                             \
  ONE(u32, prompt_count, "Tokens of the prompt, at least 1")                                     \
  ONE(u64, prompt, "Bus address of u32 token ids, until REQUEST_HEAD passes the request")        \
  ONE(u32, max_tokens, "Tokens to emit at most")                                                 \
  ONE(u32, sampling, "Sampling")                                                                 \
  ONE(u32, temperature, "FP32 bits")                                                             \
  ONE(u32, stop_count, "Valid entries of stop_ids")                                              \
  MANY(u32, stop_ids, 4, "Token ids that end the answer")                                        \
  ONE(u64, arrival_ns, "Time of arrival")                                                        \
  ONE(u16, flags, "kRequest... bits")                                                            \
  ONE(u16, channel, "Layout BankRows: 1 + memory channel of its KV pages; 0: firmware's choice") \
  ONE(u32, reserved, "0")
TANDEM_STRUCTURE(Request, 64, "Entry of the request ring", TANDEM_REQUEST_MEMBERS)

#define TANDEM_RECORD_KINDS(ITEM)                                                            \
  ITEM(Tokens, 1, "Tokens, one round's worth; drafted and accepted say how they came about") \
  ITEM(Finished, 2, "Status and stop reason; nothing more will come for this request")       \
  ITEM(Failed, 3, "Status says why")                                                         \
  ITEM(Recovery, 4,                                                                          \
       "Of no request: the driver has overcome a fault. stop_reason: Recovery; round: how "  \
       "often so far; status: of the command that failed last")
TANDEM_ENUM(RecordKind, u32, "Record::kind", TANDEM_RECORD_KINDS)

#define TANDEM_RECOVERIES(ITEM)                                                          \
  ITEM(AccessRetried, 0, "A register access that had a bus error was made again")        \
  ITEM(WorkRepeated, 1, "A command failed, its group was computed again from its start") \
  ITEM(DeviceReset, 2, "The NPU was reset, what was in flight was started again")        \
  ITEM(ByteSentAgain, 3, "The console had lost a byte")
TANDEM_ENUM(Recovery, u32, "Record::stop_reason of kind Recovery", TANDEM_RECOVERIES)
constexpr std::uint32_t kRecoveries =
    static_cast<std::uint32_t>(DescribeEnumeration<Recovery>::kInfo.enumerator_count);

#define TANDEM_MAILBOX_LIMITS(ITEM) ITEM(std::uint32_t, RecordTokens, 20, "Tokens of a record")
TANDEM_CONSTANTS(MailboxLimits, "Limits of the mailbox", TANDEM_MAILBOX_LIMITS)

#define TANDEM_RECORD_MEMBERS(ONE, MANY)                                   \
  ONE(u32, kind, "RecordKind")                                             \
  ONE(u32, request_id, "")                                                 \
  ONE(u32, count, "Valid entries of tokens")                               \
  ONE(u32, drafted, "Drafted tokens checked in this round")                \
  ONE(u32, accepted, "Drafted tokens accepted in this round")              \
  ONE(u32, status, "Status")                                               \
  ONE(u32, stop_reason, "StopReason")                                      \
  ONE(u32, round, "Round of the request; 0: the token that prefill gives") \
  ONE(u64, time_ns, "When")                                                \
  MANY(u32, reserved, 2, "0")                                              \
  MANY(u32, tokens, 20, "Token ids; Finished and Failed: EndReport")
TANDEM_STRUCTURE(Record, 128, "Entry of the record ring", TANDEM_RECORD_MEMBERS)

#define TANDEM_END_REPORT_MEMBERS(ONE, MANY)                                                      \
  ONE(u64, started_ns, "When the request got its first KV pages; 0: never")                       \
  ONE(u32, preemptions, "Times that it gave its KV pages up and was computed anew")               \
  ONE(u32, kv_pages, "KV pages of the firmware, of all requests; 0: it does not tell")            \
  ONE(u32, kv_pages_free, "Of them free now, those of this request included")                     \
  ONE(u32, kv_pages_most_used, "Most that were ever in use at once")                              \
  ONE(u32, largest_batch, "Most sequences that one decoding step took along so far")              \
  ONE(u32, kv_pages_wanted, "That it waited for, or with NO_SPACE lacks; 0: it lacked none")      \
  ONE(u64, decode_steps, "Decoding steps so far: a draft with its verification, or a plain pass") \
  ONE(u64, decode_step_sequences, "Sequences in all of them together")                            \
  ONE(u64, drafts_dropped, "Tokens drafted ahead so far that no verification was asked about")    \
  ONE(u32, pre_verifications, "Heads of rounds verified where drafts run, so far")                \
  ONE(u32, decided_early, "Rounds that were decided by that")
TANDEM_STRUCTURE(EndReport, 64, "What firmware says when a request has ended",
                 TANDEM_END_REPORT_MEMBERS)
static_assert(sizeof(EndReport) <= sizeof(Record::tokens));

}  // namespace tandem::abi
