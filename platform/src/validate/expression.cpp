// SPDX-License-Identifier: Apache-2.0
#include "validate/expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text.h"

namespace tandem::platform {
namespace {

constexpr int kMaxNesting = 32;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Parser {
 public:
  Parser(const YamlNode& node, const std::string& key_path, const NameReader& reader)
      : node_(node), text_(node.text), key_path_(key_path), reader_(reader) {}

  Expression parse() {
    read_sum();
    skip_blanks();
    if (at_ != text_.size()) fail(at_, "expected an operator or the end, got " + shown_rest());
    return std::move(terms_);
  }

 private:
  YamlMark mark_at(std::size_t at) const {
    YamlMark mark = node_.mark;
    mark.column += static_cast<int>(at) + (node_.quoted ? 1 : 0);
    return mark;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& message) const {
    throw ScenarioError(mark_at(at), key_path_, message);
  }

  std::string shown_rest() const {
    return at_ == text_.size() ? "the end" : "'" + printable(text_.substr(at_)) + "'";
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void require(char c) {
    if (!take(c)) fail(at_, std::string("expected '") + c + "', got " + shown_rest());
  }

  void add(Term::Kind kind) {
    Term term;
    term.kind = kind;
    term.mark = mark_at(at_);
    terms_.push_back(std::move(term));
  }

  void read_sum() {
    if (++nesting_ > kMaxNesting) fail(at_, "nested too deeply");
    read_product();
    for (;;) {
      if (take('+')) {
        read_product();
        add(Term::Kind::kAdd);
      } else if (take('-')) {
        read_product();
        add(Term::Kind::kSubtract);
      } else {
        break;
      }
    }
    --nesting_;
  }

  void read_product() {
    read_signed();
    for (;;) {
      if (take('*')) {
        read_signed();
        add(Term::Kind::kMultiply);
      } else if (take('/')) {
        read_signed();
        add(Term::Kind::kDivide);
      } else {
        break;
      }
    }
  }

  void read_signed() {
    bool negative = false;
    while (take('-')) negative = !negative;
    read_power();
    if (negative) add(Term::Kind::kNegate);
  }

  void read_power() {
    read_primary();
    if (!take('^')) return;
    if (++nesting_ > kMaxNesting) fail(at_, "nested too deeply");
    read_signed();
    --nesting_;
    add(Term::Kind::kPower);
  }

  void read_primary() {
    if (take('(')) {
      read_sum();
      require(')');
      return;
    }
    if (at_ < text_.size() && is_letter(text_[at_])) return read_name();
    if (at_ < text_.size() && is_digit(text_[at_])) return read_number();
    fail(at_, "expected a number, a name or '(', got " + shown_rest());
  }

  void read_number() {
    Term term;
    term.mark = mark_at(at_);
    const char* const begin = text_.data() + at_;
    const auto result = std::from_chars(begin, text_.data() + text_.size(), term.number);
    if (result.ec != std::errc() || !std::isfinite(term.number)) fail(at_, "this is no number");
    at_ += static_cast<std::size_t>(result.ptr - begin);
    if (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '.')) {
      fail(at_, "expected an operator after a number, got " + shown_rest());
    }
    terms_.push_back(std::move(term));
  }

  void read_name() {
    const std::size_t begin = at_;
    const auto in_name = [](char c) { return is_letter(c) || is_digit(c) || c == '.'; };
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    const std::string name = text_.substr(begin, at_ - begin);
    if ((name == "min" || name == "max") && take('(')) {
      read_sum();
      require(',');
      read_sum();
      require(')');
      add(name == "min" ? Term::Kind::kSmaller : Term::Kind::kLarger);
      return;
    }
    if (name.back() == '.' || name.find("..") != std::string::npos) {
      fail(begin, "'" + printable(name) + "' is no name: expected a key after each dot");
    }
    const Expression meaning = reader_(name, mark_at(begin));
    terms_.insert(terms_.end(), meaning.begin(), meaning.end());
    if (terms_.size() > kMaxYamlNodes) fail(begin, "this expression is too long");
  }

  const YamlNode& node_;
  const std::string& text_;
  const std::string& key_path_;
  const NameReader& reader_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  Expression terms_;
};

double apply(Term::Kind kind, double left, double right) {
  switch (kind) {
    case Term::Kind::kAdd:
      return left + right;
    case Term::Kind::kSubtract:
      return left - right;
    case Term::Kind::kMultiply:
      return left * right;
    case Term::Kind::kDivide:
      return left / right;
    case Term::Kind::kPower:
      return std::pow(left, right);
    case Term::Kind::kSmaller:
      return std::min(left, right);
    case Term::Kind::kLarger:
      return std::max(left, right);
    case Term::Kind::kNumber:
    case Term::Kind::kName:
    case Term::Kind::kNegate:
      break;
  }
  throw InternalError("not an operation of two numbers");
}

}  // namespace

Expression parse_expression(const YamlNode& node, const std::string& key_path,
                            const NameReader& reader) {
  if (node.kind != YamlKind::kScalar) {
    throw ScenarioError(node.mark, key_path, "expected a number or an expression");
  }
  return Parser(node, key_path, reader).parse();
}

double evaluate(const Expression& expression, const std::function<double(const Term&)>& value_of) {
  std::vector<double> stack;
  for (const Term& term : expression) {
    if (term.kind == Term::Kind::kNumber) {
      stack.push_back(term.number);
    } else if (term.kind == Term::Kind::kName) {
      stack.push_back(value_of(term));
    } else if (term.kind == Term::Kind::kNegate) {
      stack.back() = -stack.back();
    } else {
      const double right = stack.back();
      stack.pop_back();
      stack.back() = apply(term.kind, stack.back(), right);
    }
  }
  return stack.at(0);
}

}  // namespace tandem::platform
