// What tuning chose for the steps of networks: for each step problem a row of the kernel table and a tile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpu/caps.h"
#include "kernels/conv_tiles.h"
#include "kernels/kernel_table.h"
#include "nibble/result.h"

namespace nibble {

// A step for which there is more than one row or tile. `text` names it in files and reports: family, types and all
// shape parameters that its time depends on, nothing of the device; letters, digits and " .x=-" only.
struct StepProblem {
  Family family = Family::repack;
  KernelKey key;
  TileBounds bounds;
  std::string text;
  bool lanes = true;  // without tuning, rows with Caps::lanes are taken where tiles fill subgroups
  // Another family whose kernels compute the same bits, in tiles of their own.
  struct Second {
    Family family = Family::repack;
    TileBounds bounds;
    ConvTile rule;           // the tile without tuning
    bool preferred = false;  // taken without tuning
  };
  std::optional<Second> second = std::nullopt;
};
// As the rows of one family meet it, that of the named row.
StepProblem seen_by(const std::string& row, const StepProblem& problem);

struct Choice {
  std::string kernel;  // the row's name
  ConvTile tile;
  bool operator==(const Choice&) const = default;
};
std::string to_string(const Choice& choice);  // "conv2d_w8_i8_shift 4x2 in groups of 8x4"

// Choices by StepProblem::text. As a file's text, which comes from outside and may hold anything: a first line that
// names the form, then a line "<kernel> <x> <o> <local_x> <local_y> <slices> <problem>" for each, sorted by
// problem.
class Choices {
 public:
  // Damaged text and more than kMostChoices lines are corrupt_file; kernels and tiles that no longer exist are not:
  // they are passed over where they are looked up.
  static Result<Choices> parse(std::string_view text);
  std::string to_text() const;

  const Choice* find(const std::string& problem) const;
  // What is known of a problem stays known until it is set again. Refused beyond kMostChoices and kLongestProblem.
  bool set(const std::string& problem, const Choice& choice);
  size_t size() const { return entries_.size(); }
  const std::map<std::string, Choice, std::less<>>& entries() const { return entries_; }
  bool operator==(const Choices&) const = default;

 private:
  std::map<std::string, Choice, std::less<>> entries_;
};
inline constexpr size_t kMostChoices = 65536;
inline constexpr size_t kLongestProblem = 200;  // characters

// The row of a choice, -1 where it does not fit the problem on this device: no such row, other types, capabilities that
// the device lacks, a tile that the kernel cannot hold.
int32_t row_of(const Choice& choice, const StepProblem& problem, const gpu::Caps& caps);

// What a search goes through; row_of() accepts all of it. Rows differ in how integers are summed, which gives the same
// bits. Of a tile, those next to it: half and twice as many outputs along a row, blocks, or one for the other, with
// groups and slices as the rule has them; and groups of half and twice as many invocations, of another shape or in more
// or fewer slices. Problems with two families offer the rows of both; of their tiles, seen_by() tells.
std::vector<std::string> candidate_rows(const StepProblem& problem, const gpu::Caps& caps);
// The tile, in groups that the row takes.
ConvTile tile_for(const std::string& row, const ConvTile& tile, const gpu::Caps& caps);
std::vector<ConvTile> neighbouring_sizes(const StepProblem& problem, const gpu::Caps& caps, const ConvTile& tile);
std::vector<ConvTile> neighbouring_groups(const StepProblem& problem, const gpu::Caps& caps, const ConvTile& tile);

// A problem as lowering met it, for the tuner.
struct ProblemFound {
  StepProblem problem;
  Choice rule;      // what is taken without tuning
  ConvTile direct;  // the same for rows of problem.family, where the rule prefers its second
};
// Where a search starts with a row.
ConvTile first_tile(const ProblemFound& found, const std::string& row, const gpu::Caps& caps);

// What a plan chose, by node and family. A plan of the same graph with other sizes that takes it over needs no other
// pipelines.
struct FormerChoice {
  Choice choice;
  bool tuned = false;
  int64_t outputs = 0;  // of a block of channels, in the whole batch
};
using FormerChoices = std::map<std::pair<int32_t, Family>, FormerChoice>;
// A tile is kept while a layer grows or shrinks by no more than this; beyond, a better one is worth a compilation.
inline constexpr int64_t kKeepTileWithin = 4;

// What lowering is told of tuning and tells it; all may be absent.
struct Tuning {
  const Choices* use = nullptr;
  std::map<std::string, ProblemFound>* found = nullptr;
  const FormerChoices* former = nullptr;  // gives way to `use`
};

}  // namespace nibble
