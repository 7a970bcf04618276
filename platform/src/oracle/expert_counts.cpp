// SPDX-License-Identifier: Apache-2.0
#include "expert_counts.h"

#include <map>
#include <numeric>

#include "../text.h"

namespace tandem::platform {
namespace {

constexpr std::uint64_t kMaxLayer = 4095;
constexpr std::uint64_t kMaxExpert = 4095;
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 48;

class CountReader {
 public:
  CountReader(const CsvFile& file, const std::string& model, const std::string& domain)
      : file_(file),
        model_(model),
        domain_(domain),
        wide_(file.has("mmlu_subject")),
        models_(file.column("model")),
        domains_(file.column(wide_ ? "mmlu_subject" : "domain")),
        layers_(file.column("layer")) {}

  std::vector<ExpertCounts> read(std::uint32_t top_k) {
    wide_ ? read_wide() : read_long(top_k);
    std::vector<ExpertCounts> counts;
    for (auto& [layer, of_layer] : by_layer_) counts.push_back(std::move(of_layer));
    if (counts.empty()) {
      file_.fail("no row has model '" + printable(model_) + "' and domain '" + printable(domain_) +
                 "'" + (wide_ || top_k == 0 ? "" : " and routing top" + std::to_string(top_k)));
    }
    for (const ExpertCounts& c : counts) {
      for (const std::uint64_t tokens : c.tokens) {
        if (tokens == kMissing) file_.fail_at(c.line, "an expert of this layer has no row");
      }
    }
    return counts;
  }

 private:
  static constexpr std::uint64_t kMissing = ~std::uint64_t{0};

  bool wanted(std::size_t row) const {
    return file_.text(row, models_) == model_ &&
           (domain_ == "ALL" || file_.text(row, domains_) == domain_);
  }

  void add(std::size_t row, std::uint64_t layer, std::uint64_t expert, std::uint64_t count) {
    const auto key = static_cast<std::uint32_t>(layer);
    ExpertCounts& counts =
        by_layer_.try_emplace(key, ExpertCounts{key, {}, file_.line(row)}).first->second;
    if (counts.tokens.size() <= expert) counts.tokens.resize(expert + 1, kMissing);
    std::uint64_t& tokens = counts.tokens[expert];
    tokens = tokens == kMissing ? count : tokens + count;
  }

  void read_wide() {
    const std::size_t first = file_.column("expert0");
    for (std::size_t row = 0; row < file_.rows(); ++row) {
      const std::uint64_t layer = file_.integer(row, layers_, kMaxLayer);
      for (std::size_t column = first; column < file_.columns(); ++column) {
        const std::uint64_t count = file_.integer(row, column, kMaxCount);
        if (wanted(row)) add(row, layer, column - first, count);
      }
    }
  }

  void read_long(std::uint32_t top_k) {
    const std::size_t routings = file_.column("routing");
    const std::size_t experts = file_.column("expert");
    const std::size_t counts = file_.column("count");
    const std::string routing = "top" + std::to_string(top_k);
    for (std::size_t row = 0; row < file_.rows(); ++row) {
      const std::uint64_t layer = file_.integer(row, layers_, kMaxLayer);
      const std::uint64_t expert = file_.integer(row, experts, kMaxExpert);
      const std::uint64_t count = file_.integer(row, counts, kMaxCount);
      const bool routed = top_k == 0 || file_.text(row, routings) == routing;
      if (routed && wanted(row)) add(row, layer, expert, count);
    }
  }

  const CsvFile& file_;
  const std::string& model_;
  const std::string& domain_;
  const bool wide_;
  const std::size_t models_, domains_, layers_;
  std::map<std::uint32_t, ExpertCounts> by_layer_;
};

}  // namespace

std::vector<ExpertCounts> expert_counts(const CsvFile& file, const std::string& model,
                                        const std::string& domain, std::uint32_t top_k) {
  return CountReader(file, model, domain).read(top_k);
}

std::vector<PopularExperts::Layer> expert_shares(const CsvFile& file,
                                                 const std::vector<ExpertCounts>& counts,
                                                 std::uint32_t experts, std::uint32_t top_k) {
  std::vector<PopularExperts::Layer> layers;
  for (const ExpertCounts& of_layer : counts) {
    const std::vector<std::uint64_t>& tokens = of_layer.tokens;
    if (tokens.size() != experts) {
      file.fail_at(of_layer.line, "it has " + std::to_string(tokens.size()) +
                                      " experts, the model has " + std::to_string(experts));
    }
    const std::uint64_t total = std::accumulate(tokens.begin(), tokens.end(), std::uint64_t{0});
    PopularExperts::Layer layer{of_layer.layer, {}};
    std::uint64_t sum = 0;
    for (const std::uint64_t count : tokens) {
      if (count * top_k > total) {
        file.fail_at(of_layer.line, "in layer " + std::to_string(of_layer.layer) +
                                        " one expert has more than 1/" + std::to_string(top_k) +
                                        " of the choices: these are not counts of top-" +
                                        std::to_string(top_k) + " routing");
      }
      sum += count;
      layer.until.push_back(static_cast<double>(sum) * top_k / static_cast<double>(total));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace tandem::platform
