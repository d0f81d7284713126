#include "converter/recover/features.h"

#include "core/text.h"
#include "core/try.h"

namespace nibble::recover {
namespace {

void append(const reference::FloatValue& value, std::span<const int64_t> channels, std::vector<float>& to) {
  if (channels.empty()) {
    to.insert(to.end(), value.real.begin(), value.real.end());
    return;
  }
  size_t plane = 1;
  for (size_t axis = 2; axis < value.shape.size(); ++axis) plane *= static_cast<size_t>(value.shape[axis]);
  for (const int64_t c : channels) {
    const auto first = value.real.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(c) * plane);
    to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(plane));
  }
}

}  // namespace

Result<Features> collect(const Graph& graph, TensorId tensor, const Samples& samples, std::span<const size_t> which,
                         std::span<const int64_t> channels) {
  Graph part = graph;
  part.outputs = {tensor};
  remove_dead(part);
  Features out;
  const std::string& name = graph.desc(tensor).name;
  NBL_CHECK(samples.run(part, which, [&](size_t sample, const std::vector<reference::FloatValue>& outputs) -> Status {
    const reference::FloatValue& value = outputs[0];
    if (!value.is_real()) return Error{Code::unsupported_op, format("tensor '%s' holds no floats", name.c_str())};
    for (const int64_t c : channels) {
      if (value.shape.size() < 2 || value.shape[0] != 1 || c < 0 || c >= value.shape[1])
        return Error{Code::internal,
                     format("tensor '%s' has no channel %lld", name.c_str(), static_cast<long long>(c))};
    }
    const size_t before = out.values.size();
    append(value, channels, out.values);
    const size_t width = out.values.size() - before;
    if (out.width == 0) {
      out.width = width;
      out.values.reserve(width * which.size());
    }
    if (width == out.width) return {};
    return Error{Code::unsupported_op,
                 format("sample %zu gives tensor '%s' %zu elements, others %zu: recovery needs samples of one size",
                        sample, name.c_str(), width, out.width)};
  }));
  return out;
}

std::vector<size_t> spread(std::span<const size_t> samples, size_t wanted) {
  std::vector<size_t> out;
  const size_t count = std::min(wanted, samples.size());
  for (size_t i = 0; i < count; ++i) out.push_back(samples[i * samples.size() / count]);
  return out;
}

}  // namespace nibble::recover
