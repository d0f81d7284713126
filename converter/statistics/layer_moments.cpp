#include "converter/statistics/layer_moments.h"

#include <algorithm>

#include "converter/statistics/gram.h"
#include "core/text.h"

namespace nibble::statistics {

std::span<const double> LayerMoments::gram_of(int64_t group) const {
  const auto size = static_cast<size_t>(gram_size());
  return std::span(gram).subspan(static_cast<size_t>(group) * size, size);
}

std::vector<double> LayerMoments::full_gram(int64_t group) const {
  return symmetric_matrix(gram_of(group).data(), row());
}

std::span<const double> LayerMoments::sum_of(int64_t group) const {
  const auto size = static_cast<size_t>(row());
  return std::span(sum).subspan(static_cast<size_t>(group) * size, size);
}

bool LayerMoments::same_shape(const LayerMoments& other) const {
  return inputs == other.inputs && kernel == other.kernel && groups == other.groups;
}

Status LayerMoments::merge(const LayerMoments& other) {
  if (!same_shape(other)) {
    return Error{Code::invalid_argument,
                 format("statistics of different layers: expected %lld inputs, %lld kernel positions, %lld groups, "
                        "found %lld, %lld, %lld",
                        static_cast<long long>(inputs), static_cast<long long>(kernel), static_cast<long long>(groups),
                        static_cast<long long>(other.inputs), static_cast<long long>(other.kernel),
                        static_cast<long long>(other.groups))};
  }
  count += other.count;
  samples += other.samples;
  for (size_t i = 0; i < gram.size(); ++i) gram[i] += other.gram[i];
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
  return {};
}

void add_rows(LayerMoments& m, int64_t group, const float* x, int64_t n, int threads) {
  const int64_t row = m.row();
  double* gram = m.gram.data() + group * m.gram_size();
  if (m.has_pairs()) {
    add_gram(x, n, row, gram, threads);
  } else {
    for (int64_t p = 0; p < n; ++p) {
      for (int64_t i = 0; i < row; ++i) {
        const auto v = static_cast<double>(x[p * row + i]);
        gram[i] += v * v;
      }
    }
  }
  add_sum(x, n, row, m.sum.data() + group * row);
}

size_t moment_bytes(int64_t inputs, int64_t kernel, int64_t groups) {
  const LayerMoments m{inputs, kernel, groups, 0, 0, {}, {}};
  return static_cast<size_t>(groups * (m.gram_size() + m.row())) * sizeof(double);
}

LayerMoments make_layer_moments(int64_t inputs, int64_t kernel, int64_t groups) {
  LayerMoments out{inputs, kernel, groups, 0, 0, {}, {}};
  out.gram.assign(static_cast<size_t>(groups * out.gram_size()), 0.0);
  out.sum.assign(static_cast<size_t>(groups * out.row()), 0.0);
  return out;
}

double ChannelMoments::variance(size_t channel) const {
  const double m = mean(channel);
  return std::max(0.0, sum_squares[channel] / static_cast<double>(count) - m * m);
}

Status ChannelMoments::merge(const ChannelMoments& other) {
  if (count == 0) {
    *this = other;
    return {};
  }
  if (other.count == 0) return {};
  if (sum.size() != other.sum.size()) {
    return Error{Code::invalid_argument, format("statistics of different tensors: expected %zu channels, found %zu",
                                                sum.size(), other.sum.size())};
  }
  count += other.count;
  for (size_t c = 0; c < sum.size(); ++c) {
    sum[c] += other.sum[c];
    sum_squares[c] += other.sum_squares[c];
  }
  return {};
}

}  // namespace nibble::statistics
