#include "converter/prune/redundant_channels.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "converter/passes/rewrite.h"
#include "converter/prune/readers.h"
#include "converter/prune/remove_channels.h"
#include "converter/statistics/moments_collector.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::MatrixXd;
constexpr double kDependent = 1e-9;    // share of a channel's variance that the others leave unexplained
constexpr double kDamping = 1e-13;     // of the mean variance
constexpr double kTolerance = 1e-5;    // of the largest output
constexpr int64_t kPositions = 20000;  // per channel, of all samples together, about

// A tensor through which a whole group is read: one index a channel.
struct View {
  TensorId tensor = kNoTensor;
  std::vector<int64_t> index;   // by channel of the group
  std::vector<NodeId> readers;  // layers that read it
  bool padded = false;
  bool last_axis = false;  // channels lie along the last axis, else along axis 1
  int64_t count = 0;
  Matrix gram;  // of the channels and a 1 [c + 1, c + 1]
};

bool sees_padding(const Node& node) {
  if (op_if<ConvTranspose2d>(node)) return true;
  const auto* conv = op_if<Conv2d>(node);
  return conv && (conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right);
}

// Nothing where the group is read in another way than a channel an index.
std::vector<View> views_of(const Graph& graph, const Group& group) {
  const auto consumer_list = consumers(graph);
  std::map<TensorId, View> views;
  for (size_t c = 0; c < group.channels.size(); ++c) {
    const Readers readers = readers_of(graph, consumer_list, group.channels[c]);
    if (readers.others) return {};
    for (const Column& column : readers.columns) {
      const Node& node = graph.nodes[static_cast<size_t>(column.node)];
      const TensorId x = node.inputs[conv_input::x];
      if (weight_shape(graph, node).groups != 1) return {};
      View& view = views[x];
      view.tensor = x;
      view.index.resize(group.channels.size(), -1);
      if (view.index[c] >= 0 && view.index[c] != column.index) return {};
      view.index[c] = column.index;
      view.last_axis = op_if<Linear>(node) != nullptr;
      view.padded = view.padded || sees_padding(node);
      if (std::find(view.readers.begin(), view.readers.end(), column.node) == view.readers.end())
        view.readers.push_back(column.node);
    }
  }
  std::vector<View> out;
  for (auto& [id, view] : views) {
    if (std::find(view.index.begin(), view.index.end(), -1) != view.index.end()) return {};
    const auto c = static_cast<Eigen::Index>(group.channels.size()) + 1;
    view.gram = Matrix::Zero(c, c);
    out.push_back(std::move(view));
  }
  return out;
}

void add_sample(const Graph& bound, View& view, std::span<const float> values, size_t sample, int64_t wanted) {
  const Shape& shape = bound.desc(view.tensor).shape;
  const bool last = view.last_axis;
  const int64_t all = elements(shape).value(), channels = shape[last ? shape.size() - 1 : 1].value();
  const int64_t inner = last ? 1 : elements(Shape(shape.begin() + 2, shape.end())).value();
  const int64_t places = all / channels;
  const auto positions =
      statistics::sampled_positions(places, wanted, statistics::position_seed(bound.desc(view.tensor).name, sample));
  Matrix rows(static_cast<Eigen::Index>(positions.size()), view.gram.cols());
  for (size_t p = 0; p < positions.size(); ++p) {
    const int64_t at = positions[p] / inner * channels * inner + positions[p] % inner;
    for (size_t c = 0; c < view.index.size(); ++c)
      rows(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(c)) =
          static_cast<double>(values[static_cast<size_t>(at + view.index[c] * inner)]);
    rows(static_cast<Eigen::Index>(p), rows.cols() - 1) = 1.0;
  }
  view.gram.noalias() += rows.transpose() * rows;
  view.count += static_cast<int64_t>(positions.size());
}

Matrix covariance(const View& view) {
  const Eigen::Index c = view.gram.cols() - 1;
  const Matrix g = view.gram / static_cast<double>(std::max<int64_t>(1, view.count));
  return g.topLeftCorner(c, c) - g.col(c).head(c) * g.row(c).head(c);
}

// Channels whose values the others give in every view; greedily, the best explained first.
std::vector<size_t> dependent_channels(const std::vector<View>& views) {
  const auto count = static_cast<size_t>(views[0].gram.cols() - 1);
  std::vector<Matrix> inverses;
  std::vector<Eigen::VectorXd> variances;
  for (const View& view : views) {
    Matrix c = covariance(view);
    variances.push_back(c.diagonal());
    // Correlations, so that loud and quiet channels count alike.
    const Eigen::VectorXd scale = c.diagonal().cwiseMax(1e-30).cwiseSqrt().cwiseInverse();
    c = scale.asDiagonal() * c * scale.asDiagonal();
    c.diagonal().array() += kDamping;
    inverses.push_back(c.ldlt().solve(Matrix::Identity(c.rows(), c.rows())));
  }
  std::vector<size_t> out;
  std::vector<bool> gone(count, false);
  while (out.size() + 1 < count) {
    size_t best = count;
    double least = kDependent;
    for (size_t c = 0; c < count; ++c) {
      if (gone[c]) continue;
      const auto i = static_cast<Eigen::Index>(c);
      double worst = 0.0;
      for (size_t v = 0; v < views.size(); ++v) {
        const double d = inverses[v](i, i);
        worst = std::max(worst, variances[v](i) > 0.0 && d > 0.0 ? 1.0 / d : 1.0);
      }
      if (worst >= least) continue;
      least = worst;
      best = c;
    }
    if (best == count) break;
    gone[best] = true;
    out.push_back(best);
    const auto i = static_cast<Eigen::Index>(best);
    for (Matrix& inverse : inverses) {
      const Eigen::VectorXd column = inverse.col(i);
      inverse.noalias() -= column * column.transpose() / column(i);
      inverse.row(i).setZero();
      inverse.col(i).setZero();
      inverse(i, i) = 1.0;
    }
  }
  return out;
}

// x_c on the kept channels, by least squares: [kept] and the constant.
Eigen::VectorXd combination(const View& view, size_t c, const std::vector<Eigen::Index>& kept) {
  const Matrix all = covariance(view);
  const auto n = static_cast<Eigen::Index>(kept.size());
  Matrix left(n, n);
  Eigen::VectorXd right(n);
  const double mean_count = static_cast<double>(std::max<int64_t>(1, view.count));
  for (Eigen::Index i = 0; i < n; ++i) {
    right(i) = all(kept[static_cast<size_t>(i)], static_cast<Eigen::Index>(c));
    for (Eigen::Index j = 0; j < n; ++j) left(i, j) = all(kept[static_cast<size_t>(i)], kept[static_cast<size_t>(j)]);
  }
  left.diagonal().array() += kDamping * std::max(left.diagonal().mean(), 1e-30);
  Eigen::VectorXd out(n + 1);
  const auto factor = left.ldlt();
  Eigen::VectorXd a = factor.solve(right);
  a += factor.solve(right - left * a);
  out.head(n) = a;
  const Eigen::Index one = view.gram.cols() - 1;
  double rest = view.gram(static_cast<Eigen::Index>(c), one) / mean_count;
  for (Eigen::Index i = 0; i < n; ++i) rest -= a(i) * view.gram(kept[static_cast<size_t>(i)], one) / mean_count;
  out(n) = rest;
  return out;
}

// Adds the removed channels' columns to the others' in every reader. False where a constant would meet padding.
bool fold_group(const Group& group, const std::vector<View>& views, const std::vector<size_t>& removed, Graph& graph) {
  std::set<size_t> gone(removed.begin(), removed.end());
  std::vector<Eigen::Index> kept;
  for (size_t c = 0; c < group.channels.size(); ++c) {
    if (!gone.contains(c)) kept.push_back(static_cast<Eigen::Index>(c));
  }
  for (const View& view : views) {
    for (size_t c : removed) {
      const Eigen::VectorXd a = combination(view, c, kept);
      const double constant = a(a.size() - 1);
      const double spread =
          std::sqrt(std::max(covariance(view)(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(c)), 0.0));
      if (view.padded && std::abs(constant) > 1e-7 * spread) return false;
      for (NodeId n : view.readers) {
        Node& node = graph.nodes[static_cast<size_t>(n)];
        const WeightShape shape = weight_shape(graph, node);
        const auto before = *passes::constant_floats(graph, node.inputs[conv_input::weights]);
        std::vector<float> w(before.begin(), before.end());
        std::vector<float> bias(static_cast<size_t>(shape.outputs), 0.0f);
        const bool has_bias = node.inputs.size() > conv_input::bias && node.inputs[conv_input::bias] != kNoTensor;
        if (has_bias) {
          const auto b = *passes::constant_floats(graph, node.inputs[conv_input::bias]);
          bias.assign(b.begin(), b.end());
        }
        for (int64_t o = 0; o < shape.outputs; ++o) {
          const auto at = [&](int64_t channel, int64_t k) -> float& {
            return w[static_cast<size_t>((o * shape.inputs + channel) * shape.taps + k)];
          };
          double sum = 0.0;
          for (int64_t k = 0; k < shape.taps; ++k) {
            const auto v = static_cast<double>(at(view.index[c], k));
            sum += v;
            for (size_t i = 0; i < kept.size(); ++i) {
              float& to = at(view.index[static_cast<size_t>(kept[i])], k);
              to = static_cast<float>(static_cast<double>(to) + v * a(static_cast<Eigen::Index>(i)));
            }
          }
          if (!view.padded) {
            float& b = bias[static_cast<size_t>(o)];
            b = static_cast<float>(static_cast<double>(b) + sum * constant);
          }
        }
        TensorDesc desc = graph.desc(node.inputs[conv_input::weights]);
        desc.quant = {};
        node.inputs[conv_input::weights] = graph.add_constant(std::move(desc), ConstantData::of(w));
        if (!has_bias && (view.padded || constant == 0.0)) continue;
        node.inputs.resize(std::max(node.inputs.size(), conv_input::bias + 1), kNoTensor);
        TensorDesc bias_desc{"", DType::f32, {shape.outputs}, {}, Packing::plain};
        if (has_bias) bias_desc = graph.desc(node.inputs[conv_input::bias]);
        node.inputs[conv_input::bias] = graph.add_constant(std::move(bias_desc), ConstantData::of(bias));
      }
    }
  }
  return true;
}

Result<double> largest_difference(const Graph& a, const Graph& b, const SampleInputs& samples) {
  PartialRuns first(a, samples, a.outputs), second(b, samples, b.outputs);
  double worst = 0.0, largest = 1e-30;
  for (size_t i = 0; i < samples.count; ++i) {
    NBL_TRY(const auto p, first.run(i));
    NBL_TRY(const auto q, second.run(i));
    for (size_t o = 0; o < p.size(); ++o) {
      for (size_t k = 0; k < p[o].size(); ++k) {
        const double difference = std::abs(static_cast<double>(p[o][k]) - static_cast<double>(q[o][k]));
        worst = std::max(worst, std::isfinite(difference) ? difference : 1e30);
        largest = std::max(largest, std::abs(static_cast<double>(p[o][k])));
      }
    }
  }
  return worst / largest;
}

}  // namespace

Result<RedundantChannels> remove_redundant_channels(const Graph& graph, const SampleInputs& samples) {
  RedundantChannels out;
  out.graph = graph;
  const size_t groups = find_axis_groups(graph).groups.size();
  for (size_t g = 0; g < groups; ++g) {
    // Groups keep their places while channels go: at least one stays in each.
    const AxisGroups now = find_axis_groups(out.graph);
    if (g >= now.groups.size()) break;
    const Group& group = now.groups[g];
    std::vector<View> views = views_of(out.graph, group);
    if (views.empty() || group.channels.size() < 2) continue;
    std::vector<TensorId> wanted;
    for (const View& view : views) wanted.push_back(view.tensor);
    PartialRuns runs(out.graph, samples, wanted);
    const int64_t positions =
        std::max<int64_t>(4, kPositions / static_cast<int64_t>(std::max<size_t>(1, samples.count)));
    for (size_t i = 0; i < samples.count; ++i) {
      NBL_TRY(const auto values, runs.run(i));
      for (size_t v = 0; v < views.size(); ++v) add_sample(runs.bound(), views[v], values[v], i, positions);
    }
    const std::vector<size_t> dependent = dependent_channels(views);
    if (dependent.empty()) continue;
    Graph folded = out.graph;
    if (!fold_group(group, views, dependent, folded)) continue;
    RemovalSet set(folded);
    for (size_t c : dependent) set.add(group.channels[c]);
    if (set.channels().size() != dependent.size()) continue;
    // The folded graph has new constants in place of old ones: name the channels by its own groups.
    std::set<Position> gone;
    for (const Channel* channel : set.channels()) gone.insert(channel->positions.begin(), channel->positions.end());
    const AxisGroups again = find_axis_groups(folded);
    std::vector<const Channel*> channels;
    for (const Group& other : again.groups) {
      for (const Channel& channel : other.channels) {
        const bool hit = std::any_of(channel.positions.begin(), channel.positions.end(),
                                     [&](const Position& p) { return gone.contains(p); });
        if (hit) channels.push_back(&channel);
      }
    }
    NBL_TRY(Graph smaller, remove_channels(folded, channels));
    NBL_TRY(const double difference, largest_difference(graph, smaller, samples));
    if (difference > kTolerance) continue;
    out.graph = std::move(smaller);
    out.removed += static_cast<int64_t>(dependent.size());
    out.largest_difference = difference;
  }
  return out;
}

}  // namespace nibble::prune
