// SPDX-License-Identifier: Apache-2.0
#include "draft_tensor.h"

#include <utility>

#include "tandem/numerics/bsfp.h"
#include "tandem/numerics/quant.h"
#include "tandem/platform/errors.h"

namespace tandem::platform {
namespace {

abi::Grouping grouping_of(DraftGroup group) {
  switch (group) {
    case DraftGroup::k128:
      return abi::Grouping::kGroup128;
    case DraftGroup::kRow:
      return abi::Grouping::kRow;
    case DraftGroup::kTensor:
      break;
  }
  return abi::Grouping::kTensor;
}

numerics::ScaleRule rule_of(DraftScale scale) {
  switch (scale) {
    case DraftScale::kAbsmax:
      return numerics::ScaleRule::kAbsmax;
    case DraftScale::kMse:
      return numerics::ScaleRule::kMse;
    case DraftScale::kPow2:
      break;
  }
  return numerics::ScaleRule::kPow2;
}

template <class Table>
DraftTensor from_packed(numerics::Packed<Table> packed, const Matrix& matrix,
                        const DraftConfig& draft, const std::string& name) {
  if (!packed) throw UserError(name + " has no bit-sharing form: " + packed.reason);
  numerics::BsfpTensor<Table>& tensor = *packed.tensor;
  DraftTensor result;
  result.tables = tensor.table_bytes();
  if (draft.group != DraftGroup::kTensor) {
    result.scales = numerics::fit_draft_scales(
        matrix.elements.data(), numerics::draft_values(tensor).data(), matrix.rows, matrix.columns,
        grouping_of(draft.group), rule_of(draft.scale));
  }
  result.stream = std::move(tensor.plane);
  result.remainder = std::move(tensor.remainder);
  return result;
}

DraftTensor make_bsfp(const Matrix& matrix, const DraftConfig& draft, const std::string& name) {
  const std::uint16_t* weights = matrix.elements.data();
  const auto scope =
      draft.scope == DraftScope::kRow ? abi::TableScope::kRow : abi::TableScope::kTensor;
  if (draft.format == DraftFormat::kBsfpE) {
    return from_packed(numerics::make_bsfp_e(weights, matrix.rows, matrix.columns, scope), matrix,
                       draft, name);
  }
  const auto levels = draft.format == DraftFormat::kBsfpIShiftAdd ? numerics::Levels::kShiftAdd
                                                                  : numerics::Levels::kAny;
  return from_packed(numerics::make_bsfp_i(weights, matrix.rows, matrix.columns, scope, levels),
                     matrix, draft, name);
}

abi::Format low_bit_format(DraftFormat format) {
  switch (format) {
    case DraftFormat::kE2m1:
      return abi::Format::kE2m1;
    case DraftFormat::kE3m0:
      return abi::Format::kE3m0;
    default:
      return abi::Format::kInt4;
  }
}

}  // namespace

bool is_bsfp(DraftFormat format) {
  return format == DraftFormat::kBsfpE || format == DraftFormat::kBsfpI ||
         format == DraftFormat::kBsfpIShiftAdd;
}

DraftForm draft_form(const DraftConfig& draft, std::uint32_t rows, std::uint32_t columns) {
  DraftForm form{{}, abi::Format::kFp16};
  form.layout.rows = rows;
  form.layout.cols = columns;
  form.layout.grouping = grouping_of(draft.group);
  if (!is_bsfp(draft.format)) {
    form.layout.format = low_bit_format(draft.format);
    return form;
  }
  const bool exponents = draft.format == DraftFormat::kBsfpE;
  form.layout.format = exponents ? abi::Format::kBsfpEDraft : abi::Format::kBsfpIDraft;
  form.full_format = exponents ? abi::Format::kBsfpEFull : abi::Format::kBsfpIFull;
  // The table belongs to the tensor already.
  if (draft.group == DraftGroup::kTensor) form.layout.grouping = abi::Grouping::kNone;
  if (draft.scope == DraftScope::kRow) form.layout.table_scope = abi::TableScope::kRow;
  return form;
}

DraftTensor make_draft_tensor(const Matrix& matrix, const DraftConfig& draft,
                              const std::string& name) {
  if (is_bsfp(draft.format)) return make_bsfp(matrix, draft, name);
  numerics::QuantTensor quantized = numerics::quantize(
      matrix.elements.data(), matrix.rows, matrix.columns, low_bit_format(draft.format),
      grouping_of(draft.group), rule_of(draft.scale));
  return {std::move(quantized.stream), {}, std::move(quantized.scales), {}};
}

}  // namespace tandem::platform
