// SPDX-License-Identifier: Apache-2.0
#include "tandem/firmware/runtime/draft_stream.h"

namespace tandem::firmware {

void DraftStream::clear(u32 total) {
  confirmed = 0;
  drop(total);
  busy = false;
  stale = false;
  failure = abi::Status::kOk;
}

u32 DraftStream::drop(u32 total) {
  const u32 untaken = end() - smaller(end(), larger(first, asked));
  start = 0;
  count = 0;
  first = total;
  asked = total;
  closed = false;
  stale = busy;
  closing_pattern = DraftControl::kNoPattern;
  history = confirmed;
  return untaken;
}

void DraftStream::prepare(Machine& machine) {
  abi::DraftBlock& tokens = *machine.shared<abi::DraftBlock>(block);
  for (u32 i = 0; start > 0 && i < count; ++i) {
    tokens.tokens[i] = tokens.tokens[start + i];
    tokens.confidences[i] = tokens.confidences[start + i];
    patterns[i] = patterns[start + i];
    grades[i] = grades[start + i];
  }
  start = 0;
  tokens.count = count;
  tokens.stopped_early = 0;
  tokens.distributions = 0;
  patterns[count] = static_cast<u16>(DraftControl::pattern(history, count));
  busy = true;
}

bool DraftStream::append(Machine& machine, DraftControl& control, u32& cached) {
  busy = false;
  if (stale) {
    stale = false;
    return false;
  }
  const abi::DraftBlock& tokens = *machine.shared<abi::DraftBlock>(block);
  const u32 grade = DraftControl::grade(tokens.confidences[start + count]);
  grades[start + count] = static_cast<u8>(grade);
  history = DraftControl::push(history, grade);
  ++count;
  cached = end() - 1;
  const u32 next = DraftControl::pattern(history, count);
  if (tokens.stopped_early != 0) {
    closed = true;
  } else if (!control.goes_on(next)) {
    closed = true;
    closing_pattern = next;
  }
  return true;
}

u32 DraftStream::settle(Machine& machine, const u32* target, u32 total, DraftControl& control,
                        u32& cached) {
  if (first >= total) return 0;
  const abi::DraftBlock& tokens = *machine.shared<abi::DraftBlock>(block);
  while (count > 0 && first < total) {
    const bool right = tokens.tokens[start] == target[first];
    control.learn(patterns[start], right);
    if (!right) {
      cached = smaller(cached, first);
      return drop(total);
    }
    confirmed = DraftControl::push(confirmed, grades[start]);
    ++start;
    ++first;
    --count;
  }
  // Had drafting gone on, it might have been right.
  if (count == 0 && closing_pattern != DraftControl::kNoPattern) {
    control.learn(closing_pattern, true);
  }
  closing_pattern = DraftControl::kNoPattern;
  closed = false;
  // With a DRAFT in flight its token may be what the target has just said.
  if (count == 0 && !busy) drop(total);
  return 0;
}

void DraftStream::take(Machine& machine, u64 to, u32 tokens) {
  const abi::DraftBlock& from = *machine.shared<abi::DraftBlock>(block);
  abi::DraftBlock& taken = *machine.shared<abi::DraftBlock>(to);
  for (u32 i = 0; i < tokens; ++i) {
    taken.tokens[i] = from.tokens[start + i];
    taken.confidences[i] = from.confidences[start + i];
  }
  taken.count = tokens;
  asked = first + tokens;
}

}  // namespace tandem::firmware
