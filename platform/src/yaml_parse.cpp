// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "tandem/platform/yaml_reader.h"
#include "text.h"

namespace tandem::platform {
namespace {

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const YamlEntry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

// Depth of the tree, a scalar having 1.
std::size_t depth_of(const YamlNode& node) {
  std::size_t deepest = 0;
  for (const YamlNode& item : node.items) deepest = std::max(deepest, depth_of(item));
  for (const YamlEntry& entry : node.entries) deepest = std::max(deepest, depth_of(entry.value));
  return deepest + 1;
}

std::string plain_words(const std::string& parser_message) {
  if (parser_message == YAML::ErrorMsg::END_OF_MAP_FLOW) return "a '{' is not closed";
  if (parser_message == YAML::ErrorMsg::END_OF_SEQ_FLOW) return "a '[' is not closed";
  return printable(parser_message);
}

// Builds the tree from the parser's events, so that every limit is checked while it grows.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const YamlSource> source) : source_(std::move(source)) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "expected one document, found a second");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.mark = convert(mark);
    add(std::move(node), anchor, 1, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "this anchor contains itself");
    YamlNode copy = found->second;
    const std::size_t nodes = count_nodes(copy);
    const std::size_t depth = depth_of(copy);
    copy.mark = convert(mark);
    add(std::move(copy), YAML::NullAnchor, nodes, depth);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node;
    node.kind = YamlKind::kScalar;
    node.text = value;
    node.quoted = tag == "!";
    node.mark = convert(mark);
    add(std::move(node), anchor, 1, 1);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::kSequence);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::set<std::string> keys;
    bool has_key = false;  // a key was read and waits for its value
    std::string key;
    YamlMark key_mark;
  };

  YamlMark convert(const YAML::Mark& mark) const {
    return {source_, mark.line + 1, mark.column + 1};
  }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) const {
    throw ScenarioError(convert(mark), "", message);
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    fail(mark, "tags are not used here, got '" + printable(tag) + "'");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlKind kind) {
    refuse_tag(mark, tag);
    refuse_as_key(mark, kind);
    if (frames_.size() >= kMaxYamlDepth) fail(mark, "nested too deeply");
    Frame frame;
    frame.node.kind = kind;
    frame.node.mark = convert(mark);
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(frame.node), frame.anchor, 1, 1);
  }

  bool at_key() const {
    return !frames_.empty() && frames_.back().node.kind == YamlKind::kMap &&
           !frames_.back().has_key;
  }

  // The parser takes an open bracket at the start of a document for a key as well.
  void refuse_as_key(const YAML::Mark& mark, YamlKind kind) const {
    if (!at_key()) return;
    fail(mark, kind == YamlKind::kMap ? "expected a word as key, got a map; is its '}' missing?"
                                      : "expected a word as key, got a list; is its ']' missing?");
  }

  // `nodes` and `depth` of the subtree that is added here for the first time.
  void add(YamlNode node, YAML::anchor_t anchor, std::size_t nodes, std::size_t depth) {
    nodes_ += nodes;
    if (nodes_ > kMaxYamlNodes) throw ScenarioError(node.mark, "", "too many values");
    if (frames_.size() + depth > kMaxYamlDepth + 1) {
      throw ScenarioError(node.mark, "", "nested too deeply");
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlKind::kSequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, node);
    } else {
      frame.node.entries.push_back({frame.key, frame.key_mark, std::move(node)});
      frame.has_key = false;
    }
  }

  void take_key(Frame& frame, const YamlNode& node) const {
    if (node.kind != YamlKind::kScalar)
      throw ScenarioError(node.mark, "", "expected a word as key");
    if (!frame.keys.insert(node.text).second) {
      throw ScenarioError(node.mark, "",
                          "duplicate key '" + printable(node.text) + "'; first at " +
                              frame.node.find(node.text)->mark.text());
    }
    frame.key = node.text;
    frame.key_mark = node.mark;
    frame.has_key = true;
  }

  std::shared_ptr<const YamlSource> source_;
  YamlNode root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

}  // namespace

YamlNode parse_yaml(std::string_view text, const std::shared_ptr<const YamlSource>& source) {
  const YamlMark start{source, 1, 1};
  if (text.size() > kMaxYamlBytes) {
    throw ScenarioError(start, "", "larger than " + std::to_string(kMaxYamlBytes) + " bytes");
  }
  if (!is_utf8(text)) throw ScenarioError(start, "", "this is no UTF-8 text");
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(source);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const YamlMark mark =
        error.mark.is_null() ? start : YamlMark{source, error.mark.line + 1, error.mark.column + 1};
    throw ScenarioError(mark, "", "no valid YAML: " + plain_words(error.msg));
  }
  YamlNode root = builder.take_root();
  if (!root.mark.source) root.mark = start;
  return root;
}

}  // namespace tandem::platform
