#include "converter/rounding/weight_row.h"

#include <algorithm>
#include <cmath>

#include "converter/quantize/codebook.h"

namespace nibble::rounding {

std::vector<double> WeightRow::reals() const {
  std::vector<double> out(value.size());
  for (size_t j = 0; j < out.size(); ++j) out[j] = real(j);
  return out;
}

int32_t WeightRow::nearest(size_t j, double w) const {
  if (!pruned.empty() && pruned[j]) return 0;
  if (!codebook.empty()) return quantization::nearest_entry(codebook, w / step(j));
  return static_cast<int32_t>(std::clamp(std::round(w / step(j)), static_cast<double>(low), static_cast<double>(high)));
}

WeightRow RowFormat::row() const {
  WeightRow out;
  out.group = group;
  out.codebook = codebook;
  out.low = low, out.high = high, out.top_multiplier = top_multiplier;
  out.multiplier.assign(static_cast<size_t>(groups), 1);
  out.value.assign(group.size(), 0);
  return out;
}

RowFormat row_format(int64_t inputs, int64_t kernel, int32_t group_size) {
  RowFormat out;
  out.group_size = group_size;
  out.group.assign(static_cast<size_t>(inputs * kernel), 0);
  if (group_size == 0) return out;
  out.groups = quantization::group_count(inputs, kernel, group_size);
  out.low = -8, out.high = 7;
  out.top_multiplier = quantization::largest_multiplier(inputs * kernel);
  for (int64_t i = 0; i < inputs * kernel; ++i)
    out.group[static_cast<size_t>(i)] =
        static_cast<int32_t>(quantization::group_of(i / kernel, i % kernel, inputs, group_size));
  return out;
}

quantization::QuantizedWeights assemble(const RowFormat& format, int64_t inputs, int64_t kernel,
                                        const std::vector<WeightRow>& rows) {
  quantization::QuantizedWeights out{
      static_cast<int64_t>(rows.size()), inputs, kernel, {}, {}, format.group_size, 0, {}};
  if (format.group_size) out.groups = format.groups;
  out.codebook = format.codebook;
  for (const WeightRow& row : rows) {
    out.scales.push_back(static_cast<float>(row.scale));
    for (int32_t v : row.value) out.values.push_back(static_cast<int8_t>(v));
    if (format.group_size == 0) continue;
    for (int32_t m : row.multiplier) out.multipliers.push_back(static_cast<uint8_t>(m));
  }
  return out;
}

}  // namespace nibble::rounding
