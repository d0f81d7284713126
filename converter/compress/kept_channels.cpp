#include "converter/compress/kept_channels.h"

#include <algorithm>
#include <set>

#include "converter/prune/axis_groups.h"

namespace nibble::compress {

std::map<std::string, std::vector<int64_t>> kept_channels(const Graph& original,
                                                          const std::vector<plan::ChannelPlan>& channels) {
  std::map<std::string, std::vector<int64_t>> out;
  if (channels.empty()) return out;
  std::map<TensorId, std::set<int64_t>> removed;
  // Groups may share a name (a node with several outputs): the k-th of a name here is the k-th of it in the plan. What
  // blocks took away leaves out groups, not their order.
  std::vector<bool> taken(channels.size(), false);
  for (const prune::Group& group : prune::find_axis_groups(original).groups) {
    const auto plan = std::find_if(channels.begin(), channels.end(), [&](const plan::ChannelPlan& p) {
      return !taken[static_cast<size_t>(&p - channels.data())] && p.group == group.name &&
             p.channels == static_cast<int64_t>(group.channels.size());
    });
    if (plan == channels.end()) continue;
    taken[static_cast<size_t>(plan - channels.begin())] = true;
    for (size_t i = 0; i < group.channels.size(); ++i) {
      if (std::binary_search(plan->keep.begin(), plan->keep.end(), static_cast<int64_t>(i))) continue;
      for (const prune::Position& p : group.channels[i].positions) {
        if (p.axis == 1 && !original.tensor(p.tensor).is_constant()) removed[p.tensor].insert(p.index);
      }
    }
  }
  for (const auto& [tensor, gone] : removed) {
    const TensorDesc& desc = original.desc(tensor);
    if (!desc.shape[1].is_const()) continue;
    std::vector<int64_t>& kept = out[desc.name];
    for (int64_t i = 0; i < desc.shape[1].value(); ++i) {
      if (!gone.contains(i)) kept.push_back(i);
    }
  }
  return out;
}

}  // namespace nibble::compress
