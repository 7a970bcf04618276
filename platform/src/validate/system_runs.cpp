// SPDX-License-Identifier: Apache-2.0
#include "validate/system_runs.h"

#include <fstream>
#include <memory>
#include <optional>

#include "text.h"
#include "validate/result_number.h"
#include "validate/run_process.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;

struct Place {
  ValidatedSystem* system;
  std::size_t run;
  fs::path folder;  // the result; its errors lie beside it
};

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return printable_path(line);
}

class Runs {
 public:
  Runs(const std::vector<std::unique_ptr<ValidatedSystem>>& systems, const RunOptions& options)
      : options_(options) {
    for (const auto& system : systems) {
      system->numbers.resize(system->plan.runs().size());
      for (std::size_t i = 0; i < system->plan.runs().size(); ++i) add(*system, i);
    }
  }

  void make() {
    run_processes(options_.program, orders_, options_.jobs,
                  [this](std::size_t order, const ProcessEnd& end) {
                    take(order, end);
                    return !wrong_path_;
                  });
    if (wrong_path_) throw ScenarioError(*wrong_path_);
  }

 private:
  void add(ValidatedSystem& system, std::size_t run) {
    const PlannedRun& planned = system.plan.runs()[run];
    const fs::path folder = options_.out / system.file.system / planned.folder;
    fs::create_directories(folder.parent_path());
    ProcessOrder order;
    order.arguments = {"run", planned.scenario, "--quiet", "--out", folder.string()};
    for (const std::string& assignment : planned.assignments()) {
      order.arguments.insert(order.arguments.end(), {"--set", assignment});
    }
    order.directory = system.file.file.parent_path();
    if (order.directory.empty()) order.directory = ".";
    order.errors = folder.string() + ".errors.txt";
    orders_.push_back(std::move(order));
    places_.push_back({&system, run, folder});
  }

  // Never throws: it is called from the threads that wait for the processes.
  void take(std::size_t order, const ProcessEnd& end) {
    const Place& place = places_[order];
    const PlannedRun& planned = place.system->plan.runs()[place.run];
    try {
      if (end.ok) {
        read(place, planned);
      } else {
        const std::string said = first_line(orders_[order].errors);
        fail(place, planned, end.reason + (said.empty() ? "" : ": " + said));
      }
      if (!options_.keep_results) fs::remove_all(place.folder);
      if (options_.progress) options_.progress(++ended_, orders_.size());
    } catch (const std::exception& error) {
      fail(place, planned, error.what());
    }
  }

  static void fail(const Place& place, const PlannedRun& planned, const std::string& why) {
    place.system->failures.push_back("run '" + planned.label + "' failed: " + why);
  }

  void read(const Place& place, const PlannedRun& planned) {
    std::ifstream stream(place.folder / "result.json");
    const nlohmann::json result = nlohmann::json::parse(stream);
    for (const auto& [path, term] : planned.paths) {
      try {
        place.system->numbers[place.run][path] = result_number(result, path);
      } catch (const UserError& error) {
        if (wrong_path_) continue;
        wrong_path_.emplace(term.mark, "figures", "run '" + planned.label + "': " + error.what(),
                            error.hint());
      }
    }
  }

  const RunOptions& options_;
  std::vector<ProcessOrder> orders_;
  std::vector<Place> places_;
  std::size_t ended_ = 0;
  std::optional<ScenarioError> wrong_path_;
};

}  // namespace

double ValidatedSystem::number_of(const Term& name, const Combination& combination) const {
  return numbers.at(plan.index_of(name.run, combination)).at(name.path);
}

void make_runs(const std::vector<std::unique_ptr<ValidatedSystem>>& systems,
               const RunOptions& options) {
  Runs(systems, options).make();
}

}  // namespace tandem::platform
