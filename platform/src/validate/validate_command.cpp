// SPDX-License-Identifier: Apache-2.0
#include "validate/validate_command.h"

#include <stdlib.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <iomanip>
#include <memory>
#include <ostream>
#include <set>
#include <sstream>
#include <thread>

#include "cli_list.h"
#include "text.h"
#include "validate/system_runs.h"
#include "validate/validation_report.h"

namespace tandem::platform {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kExtension = ".figures.yaml";
constexpr const char* kResults = "RESULTS.md";
constexpr unsigned kMaxJobs = 256;
constexpr const char* kSeeHelp = "'tandem validate --help' shows the options";

constexpr const char* kHelp =
    R"(Published figures beside those of runs.

Usage
  tandem validate [SYSTEM ...] [options]

SYSTEM is a name that 'tandem list published' shows, or a figures file; all systems if none is given.
scenarios/published/README.md describes the files and what the columns mean.

Options
  --jobs N      simulations at a time; default: one per processor
  --out DIR     keep the results of all runs in DIR/SYSTEM/RUN
  --write       write the sections of these systems into RESULTS.md beside the figures files
  --check       compare them with those in RESULTS.md instead
  --strict      a figure outside its tolerance is a failure
  --at A=POINT  only this point of the axis A; may be repeated. Not with --write and --check

Exit code: 0 all runs were made, 1 one failed (or --check found a difference, --strict a figure
outside its tolerance), 2 a mistake in the files or the command line.
)";

struct Options {
  std::vector<std::string> systems;
  unsigned jobs = 1;
  fs::path out;
  bool write = false;
  bool check = false;
  bool strict = false;
  std::vector<std::pair<std::string, std::string>> at;  // axis and point
};

std::vector<std::pair<std::string, std::string>> parse_points(
    const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> points;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UserError("validate: --at " + printable(text) + ": expected AXIS=POINT", kSeeHelp);
    }
    points.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return points;
}

Options parse(const std::vector<std::string>& arguments) {
  po::options_description known;
  known.add_options()("jobs", po::value<unsigned>())("out", po::value<std::string>())("write", "")(
      "check", "")("strict", "")("at", po::value<std::vector<std::string>>()->composing())(
      "system", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("system", -1);
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  try {
    po::store(
        po::command_line_parser(arguments).options(known).positional(positional).style(style).run(),
        values);
  } catch (const po::error& error) {
    throw UserError("validate: " + printable(error.what()), kSeeHelp);
  }
  Options options;
  if (values.count("system") != 0) {
    options.systems = values["system"].as<std::vector<std::string>>();
  }
  options.jobs = std::max(1u, std::thread::hardware_concurrency());
  if (values.count("jobs") != 0) options.jobs = values["jobs"].as<unsigned>();
  if (options.jobs < 1 || options.jobs > kMaxJobs) {
    throw UserError("validate: --jobs: expected 1.." + std::to_string(kMaxJobs), kSeeHelp);
  }
  if (values.count("out") != 0) options.out = values["out"].as<std::string>();
  options.write = values.count("write") != 0;
  options.check = values.count("check") != 0;
  options.strict = values.count("strict") != 0;
  if (values.count("at") != 0)
    options.at = parse_points(values["at"].as<std::vector<std::string>>());
  if (!options.at.empty() && (options.write || options.check)) {
    throw UserError("validate: RESULTS.md has all points, --at is not for --write and --check",
                    kSeeHelp);
  }
  if (options.write && options.check) {
    throw UserError("validate: --write and --check exclude each other", kSeeHelp);
  }
  return options;
}

std::vector<std::string> systems_in(const fs::path& folder) {
  const std::string extension = kExtension;
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= extension.size()) continue;
    const std::size_t stem = name.size() - extension.size();
    if (name.compare(stem, std::string::npos, extension) == 0)
      names.push_back(name.substr(0, stem));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<fs::path> files_of(const std::vector<std::string>& chosen, const fs::path& folder) {
  const std::vector<std::string> known = systems_in(folder);
  std::vector<fs::path> files;
  for (const std::string& name : chosen.empty() ? known : chosen) {
    const bool is_file = name.find('/') != std::string::npos || name.find('.') != std::string::npos;
    if (!is_file && std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string meant = nearest(name, known);
      throw UserError("validate: there is no system '" + printable(name) + "'",
                      meant.empty() ? "'tandem list published' shows all of them"
                                    : "did you mean '" + meant + "'?");
    }
    files.push_back(is_file ? fs::path(name) : folder / (name + kExtension));
  }
  if (files.empty()) throw UserError("validate: no figures files found", kSeeHelp);
  return files;
}

// Where results of runs are put: the user's folder, or one that is removed at the end.
class ResultsFolder {
 public:
  explicit ResultsFolder(const fs::path& chosen) : path_(chosen) {
    if (!chosen.empty()) {
      path_ = fs::absolute(chosen);
      return;
    }
    std::string name = (fs::temp_directory_path() / "tandem-validate.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw UserError("cannot make a temporary folder");
    path_ = name;
    is_temporary_ = true;
  }
  ~ResultsFolder() {
    std::error_code ignored;
    if (is_temporary_) fs::remove_all(path_, ignored);
  }
  ResultsFolder(const ResultsFolder&) = delete;
  ResultsFolder& operator=(const ResultsFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool is_temporary_ = false;
};

std::string read_document(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_document(const fs::path& file, const std::string& text) {
  const fs::path draft = file.string() + ".new";
  std::ofstream stream(draft, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error;
  if (stream) fs::rename(draft, file, error);
  if (!stream || error) throw UserError("cannot write '" + printable_path(file) + "'");
}

class Validation {
 public:
  Validation(Options options, const CommandStreams& streams)
      : options_(std::move(options)), streams_(streams) {}

  void read(const std::vector<fs::path>& files) {
    std::set<std::string> names;
    for (const fs::path& file : files) {
      FiguresFile figures = read_figures_file(file);
      for (const auto& [axis, point] : options_.at) keep_point(figures, axis, point);
      systems_.push_back(std::make_unique<ValidatedSystem>(figures));
      const ValidatedSystem& system = *systems_.back();
      if (!names.insert(system.file.system).second) {
        throw UserError("validate: '" + printable(system.file.system) + "' is given twice");
      }
      check_scenarios(system.file, system.plan);
    }
  }

  void run(const fs::path& program) {
    const ResultsFolder folder(options_.out);
    RunOptions run;
    run.program = program;
    run.out = folder.path();
    run.keep_results = !options_.out.empty();
    run.jobs = options_.jobs;
    if (streams_.err_is_terminal) {
      run.progress = [this](std::size_t ended, std::size_t all) {
        streams_.err << '\r' << ended << " of " << all << " runs" << (ended == all ? "\n" : "")
                     << std::flush;
      };
    }
    make_runs(systems_, run);
  }

  int report() {
    int code = kExitOk;
    for (const auto& system : systems_) {
      for (const std::string& failure : system->failures) {
        streams_.err << "tandem: validate: " << system->file.system << ": " << failure << '\n';
        code = kExitInternal;
      }
      if (system->failures.empty() && !report(*system) && options_.strict) code = kExitInternal;
    }
    if (code == kExitOk || options_.strict) return std::max(code, compare_or_write());
    if (options_.write) streams_.err << "tandem: validate: " << kResults << " was not written\n";
    return code;
  }

 private:
  // Whether all figures are within their tolerances.
  bool report(const ValidatedSystem& system) {
    const std::vector<FigureRow> rows =
        figure_rows(system.file, [&](const Term& name, const Combination& combination) {
          return system.number_of(name, combination);
        });
    print_rows(system.file, rows, streams_.out);
    streams_.out << '\n';
    sections_[system.file.file.parent_path()].emplace_back(system.file.system,
                                                           results_section(system.file, rows));
    return std::none_of(rows.begin(), rows.end(),
                        [](const FigureRow& row) { return row.verdict == Verdict::kOutside; });
  }

  int compare_or_write() const {
    int code = kExitOk;
    for (const auto& [folder, sections] : sections_) {
      const fs::path file = folder / kResults;
      const std::string old = read_document(file);
      const std::string now = with_sections(old, sections);
      if (options_.write) write_document(file, now);
      if (!options_.check || now == old) continue;
      streams_.err << "tandem: validate: " << file.string()
                   << " differs from these runs; 'tandem validate --write' updates it\n";
      code = kExitInternal;
    }
    return code;
  }

  Options options_;
  const CommandStreams& streams_;
  std::vector<std::unique_ptr<ValidatedSystem>> systems_;
  std::map<fs::path, std::vector<std::pair<std::string, std::string>>> sections_;
};

}  // namespace

int run_validate(const std::vector<std::string>& arguments, const fs::path& program,
                 const CommandStreams& streams) {
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h") continue;
    streams.out << kHelp;
    return kExitOk;
  }
  Options options = parse(arguments);
  const std::vector<fs::path> files =
      files_of(options.systems, scenario_folder(program) / "published");
  Validation validation(std::move(options), streams);
  validation.read(files);
  validation.run(program);
  return validation.report();
}

void list_published(const fs::path& folder, std::ostream& out) {
  constexpr int kNameWidth = 36;
  out << "published figures and design points beside ours (tandem validate SYSTEM):\n";
  const std::vector<std::string> names = systems_in(folder);
  if (names.empty()) out << "  (none found)\n";
  for (const std::string& name : names) {
    out << "  " << std::left << std::setw(kNameWidth) << name << ' ';
    try {
      const FiguresFile file = read_figures_file(folder / (name + kExtension));
      out << file.title << ": " << file.publication << '\n';
    } catch (const UserError& error) {
      out << "cannot be used: " << error.what() << '\n';
    }
  }
}

}  // namespace tandem::platform
