// What a compression decided, so that it can be told, kept and repeated.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "nibble/result.h"

namespace nibble::plan {

struct LayerPlan {
  std::string node;
  std::string weights;     // "fp32", "fp16", "int8", "int4", ...: what quantization::to_string says
  int32_t group_size = 0;  // weights that share a multiplier; 0: none do
  std::string rounding;    // "nearest", "gptq", ...
  std::string reason;      // why it is not what was asked for; empty when it is
  bool operator==(const LayerPlan&) const = default;
};

struct RangePlan {
  std::string tensor;
  float low = 0.0f, high = 0.0f;
  std::string method;  // how it was found: "mse", "entropy", ...
  bool operator==(const RangePlan&) const = default;
};

// Channels that stand or fall together over several tensors.
struct ChannelPlan {
  std::string group;          // name of the first node that makes them
  int64_t channels = 0;       // before
  std::vector<int64_t> keep;  // indices that stay, rising
  bool operator==(const ChannelPlan&) const = default;
};

// Single weights set to zero.
struct MaskPlan {
  std::string node;
  std::string pattern;     // "2:4", "4-block", "free"
  int64_t weights = 0;     // in plain order [O, I, kh, kw]
  std::vector<bool> kept;  // one a weight
  bool operator==(const MaskPlan&) const = default;
};

struct Plan {
  std::string network;  // fingerprint() of the float network it was made for
  uint64_t samples = 0;
  std::string sample_names;  // checksum of their names; empty without samples
  std::map<std::string, std::string> recipe;  // options that decide about values, as the command line spells them
  std::vector<std::string> removed_blocks;    // names of the nodes that were cut out
  std::vector<ChannelPlan> redundant;         // groups that lost duplicates and affine combinations, in this order
  std::vector<ChannelPlan> channels;
  std::vector<RangePlan> ranges;
  std::vector<LayerPlan> layers;
  std::vector<MaskPlan> masks;
  bool operator==(const Plan&) const = default;

  const LayerPlan* layer(const std::string& node) const;  // null: none
};

// 16 hexadecimal digits over structure and constants.
std::string fingerprint(const Graph& graph);

// Text that parse() makes an equal plan of; numbers are written so that every bit comes back.
std::string to_json(const Plan& plan);
// Errors name the place ("layers[3].weights"), what was expected and what was found. Unknown members are errors: a
// misspelt one would be a decision that silently is not made.
Result<Plan> parse(const std::string& text);
Result<Plan> read(const std::string& path);
Status write(const Plan& plan, const std::string& path);

// An error where the plan was made for another network, or names nodes that `network` (the float network after import
// and passes) does not have. Decisions about channels and ranges are checked where they are applied.
Status check_fits(const Plan& plan, const Graph& network);

}  // namespace nibble::plan
