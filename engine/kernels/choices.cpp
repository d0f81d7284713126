#include "kernels/choices.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "kernels/conv_shared.h"

namespace nibble {
namespace {

constexpr std::string_view kFirstLine = "nibble tuning 2";
constexpr size_t kLongestKernel = 64;

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// The part before the next blank, which is taken off; the rest where there is none.
std::string_view word(std::string_view& line) {
  const size_t blank = line.find(' ');
  const std::string_view first = line.substr(0, blank);
  line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
  return first;
}

bool number(std::string_view text, uint32_t& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size() && value > 0;
}

bool is_problem(std::string_view text) {
  return !text.empty() && text.size() <= kLongestProblem &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

Error damaged(size_t line, const char* what) {
  return Error{Code::corrupt_file, format("tuning, line %zu: %s", line, what)};
}

// The row of that name; null where this build has none.
const Kernel* row_named(std::string_view name) {
  const std::span<const Kernel> table = kernel_table();
  const auto row = std::find_if(table.begin(), table.end(), [&](const Kernel& k) { return k.name == name; });
  return row == table.end() ? nullptr : &*row;
}

bool is_of_second(const Kernel& row, const StepProblem& problem) {
  return problem.second && problem.second->family == row.family;
}

bool solves(const Kernel& row, const StepProblem& problem, const gpu::Caps& caps) {
  return (row.family == problem.family || is_of_second(row, problem)) && row.key == problem.key && caps.has(row.needs);
}

}  // namespace

std::string to_string(const Choice& choice) {
  std::string text = format("%s %ux%u in groups of %ux%u", choice.kernel.c_str(), choice.tile.x, choice.tile.o,
                            choice.tile.local_x, choice.tile.local_y);
  if (choice.tile.slices > 1) text += format("x%u", choice.tile.slices);
  return text;
}

StepProblem seen_by(const std::string& row, const StepProblem& problem) {
  StepProblem seen = problem;
  if (const Kernel* found = row_named(row); found && is_of_second(*found, problem)) {
    seen.family = problem.second->family;
    seen.bounds = problem.second->bounds;
  }
  seen.second.reset();
  return seen;
}

ConvTile first_tile(const ProblemFound& found, const std::string& row, const gpu::Caps& caps) {
  const Kernel* kernel = row_named(row);
  return kernel && is_of_second(*kernel, found.problem) ? found.problem.second->rule
                                                        : tile_for(row, found.direct, caps);
}

Result<Choices> Choices::parse(std::string_view text) {
  Choices choices;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return damaged(line_number, "it has no end");
    std::string_view line = text.substr(0, end);
    text = text.substr(end + 1);
    if (line_number == 1) {
      if (line != kFirstLine) return damaged(1, "this form is not known");
      continue;
    }
    Choice choice;
    const std::string_view kernel = word(line);
    if (kernel.empty() || kernel.size() > kLongestKernel || !is_plain(kernel)) {
      return damaged(line_number, "expected the name of a kernel");
    }
    choice.kernel = kernel;
    ConvTile& tile = choice.tile;
    for (uint32_t* value : {&tile.x, &tile.o, &tile.local_x, &tile.local_y, &tile.slices}) {
      if (!number(word(line), *value)) return damaged(line_number, "expected five sizes above 0");
    }
    if (!is_problem(line)) return damaged(line_number, "expected the problem behind the sizes");
    if (!choices.set(std::string(line), choice)) return damaged(line_number, "there are too many choices");
  }
  return choices;
}

std::string Choices::to_text() const {
  std::string text = std::string(kFirstLine) + "\n";
  for (const auto& [problem, choice] : entries_) {
    const ConvTile& tile = choice.tile;
    text += format("%s %u %u %u %u %u %s\n", choice.kernel.c_str(), tile.x, tile.o, tile.local_x, tile.local_y,
                   tile.slices, problem.c_str());
  }
  return text;
}

const Choice* Choices::find(const std::string& problem) const {
  const auto found = entries_.find(problem);
  return found == entries_.end() ? nullptr : &found->second;
}

bool Choices::set(const std::string& problem, const Choice& choice) {
  if (!is_problem(problem) || (entries_.size() >= kMostChoices && !entries_.contains(problem))) return false;
  entries_[problem] = choice;
  return true;
}

int32_t row_of(const Choice& choice, const StepProblem& problem, const gpu::Caps& caps) {
  const Kernel* row = row_named(choice.kernel);
  if (!row || !solves(*row, problem, caps)) return -1;
  const TileBounds& bounds = is_of_second(*row, problem) ? problem.second->bounds : problem.bounds;
  if (!tile_fits(caps, bounds, choice.tile) ||
      ((row->needs & gpu::Caps::lanes) && !has_whole_subgroups(caps, choice.tile))) {
    return -1;
  }
  return static_cast<int32_t>(row - kernel_table().data());
}

std::vector<std::string> candidate_rows(const StepProblem& problem, const gpu::Caps& caps) {
  std::vector<std::string> rows;
  for (const Kernel& row : kernel_table()) {
    if (solves(row, problem, caps)) rows.emplace_back(row.name);
  }
  return rows;
}

ConvTile tile_for(const std::string& row, const ConvTile& tile, const gpu::Caps& caps) {
  const Kernel* found = row_named(row);
  ConvTile fitting = tile;
  if (found && (found->needs & gpu::Caps::lanes) && !has_whole_subgroups(caps, tile)) {
    widen_to_subgroups(caps, fitting);
  }
  return fitting;
}

std::vector<ConvTile> neighbouring_sizes(const StepProblem& problem, const gpu::Caps& caps, const ConvTile& tile) {
  const TileBounds& bounds = problem.bounds;
  std::vector<ConvTile> sizes;
  const auto add = [&](uint32_t x, uint32_t o) {
    if (x < 1 || o < 1) return;
    ConvTile next = tile;
    next.x = x;
    next.o = o;
    if (bounds.in_blocks == 0) {
      fit_groups(caps, bounds.extent, next);
    } else {
      fit_slices(caps, bounds, next);
    }
    // A tile twice as long as the row and more computes what nobody stores.
    const bool too_long = x > 1 && x / 2 >= bounds.extent.row;
    if (!too_long && tile_fits(caps, bounds, next)) sizes.push_back(next);
  };
  add(tile.x * 2, tile.o);
  add(tile.x / 2, tile.o);
  add(tile.x, tile.o * 2);
  add(tile.x, tile.o / 2);
  add(tile.x * 2, tile.o / 2);
  add(tile.x / 2, tile.o * 2);
  return sizes;
}

std::vector<ConvTile> neighbouring_groups(const StepProblem& problem, const gpu::Caps& caps, const ConvTile& tile) {
  std::vector<ConvTile> groups;
  const auto add = [&](uint32_t local_x, uint32_t local_y) {
    ConvTile next = tile;
    next.local_x = local_x;
    next.local_y = local_y;
    if (problem.bounds.in_blocks > 0) fit_slices(caps, problem.bounds, next);
    if (tile_fits(caps, problem.bounds, next)) groups.push_back(next);
  };
  add(tile.local_x, tile.local_y * 2);
  add(tile.local_x, tile.local_y / 2);
  add(tile.local_x * 2, tile.local_y / 2);
  add(tile.local_x / 2, tile.local_y * 2);
  add(tile.local_x * 2, tile.local_y);
  for (const uint32_t slices : {tile.slices * 2, tile.slices / 2}) {
    ConvTile next = tile;
    next.slices = slices;
    if (problem.bounds.in_blocks > 0 && tile_fits(caps, problem.bounds, next)) groups.push_back(next);
  }
  return groups;
}

}  // namespace nibble
