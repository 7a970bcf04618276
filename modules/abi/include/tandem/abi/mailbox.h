// SPDX-License-Identifier: Apache-2.0
// Structures in the mailbox's rings: what the host asks for, what the firmware reports.
#pragma once
#include "tandem/abi/enumerations.h"
#include "tandem/abi/structures.h"

namespace tandem::abi {

#define TANDEM_REQUEST_MEMBERS(ONE, MANY)                    \
  ONE(u32, request_id, "Chosen by the host, unique")         \
  ONE(u32, prompt_count, "Tokens of the prompt, at least 1") \
  ONE(u64, prompt, "Bus address of u32 token ids")           \
  ONE(u32, max_tokens, "Tokens to emit at most")             \
  ONE(u32, sampling, "Sampling")                             \
  ONE(u32, temperature, "FP32 bits")                         \
  ONE(u32, stop_count, "Valid entries of stop_ids")          \
  MANY(u32, stop_ids, 4, "Token ids that end the answer")    \
  ONE(u64, arrival_ns, "Time of arrival")                    \
  MANY(u32, reserved, 2, "0")
TANDEM_STRUCTURE(Request, 64, "Entry of the request ring", TANDEM_REQUEST_MEMBERS)

#define TANDEM_RECORD_KINDS(ITEM)                                                            \
  ITEM(Tokens, 1, "Tokens, one round's worth; drafted and accepted say how they came about") \
  ITEM(Finished, 2, "Status and stop reason; nothing more will come for this request")       \
  ITEM(Failed, 3, "Status says why")
TANDEM_ENUM(RecordKind, u32, "Record::kind", TANDEM_RECORD_KINDS)

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
  MANY(u32, tokens, 20, "Token ids")
TANDEM_STRUCTURE(Record, 128, "Entry of the record ring", TANDEM_RECORD_MEMBERS)

}  // namespace tandem::abi
