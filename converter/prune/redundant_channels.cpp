#include "converter/prune/redundant_channels.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "converter/passes/rewrite.h"
#include "converter/prune/channel_views.h"
#include "converter/prune/readers.h"
#include "converter/prune/remove_channels.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::MatrixXd;
constexpr double kDependent = 1e-9;              // share of a channel's variance that the others leave unexplained
constexpr double kDamping = 1e-13;               // of the mean variance
constexpr double kTolerance = 1e-5;              // of the largest output
constexpr size_t kSamples = 256;                 // are looked at, at most
constexpr size_t kGlance = 4, kSpread = 16;      // samples that rows are spread over, at a first look and at the second
constexpr size_t kMostBytes = size_t{64} << 20;  // of moments at a time

// With fewer rows a channel may look like a combination of others that it is not.
int64_t fewest_rows(const ChannelView& view) { return 2 * (static_cast<int64_t>(view.index.size()) + 1) + 64; }

// A cheap necessary condition: elimination meets a pivot of nearly nothing in every view.
bool may_depend(const std::vector<ChannelView>& views) {
  return std::all_of(views.begin(), views.end(), [](const ChannelView& view) {
    std::vector<bool> varies;
    const Eigen::LLT<Matrix> factor(correlation(view, kDamping, varies));
    if (factor.info() != Eigen::Success) return true;
    const double least = Matrix(factor.matrixL()).diagonal().minCoeff();
    return least * least < 10.0 * kDependent;
  });
}

// Channels whose values the others give in every view; greedily, the best explained first.
std::vector<size_t> dependent_channels(const std::vector<ChannelView>& views) {
  const auto count = static_cast<size_t>(views[0].gram.cols() - 1);
  std::vector<Matrix> inverses;
  std::vector<std::vector<bool>> varies;
  for (const ChannelView& view : views) {
    const Matrix c = correlation(view, kDamping, varies.emplace_back());
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
        worst = std::max(worst, varies[v][c] && d > 0.0 ? 1.0 / d : 1.0);
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
Eigen::VectorXd combination(const ChannelView& view, size_t c, const std::vector<Eigen::Index>& kept) {
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
bool fold_group(const Group& group, const std::vector<ChannelView>& views, const std::vector<size_t>& removed,
                Graph& graph) {
  std::set<size_t> gone(removed.begin(), removed.end());
  std::vector<Eigen::Index> kept;
  for (size_t c = 0; c < group.channels.size(); ++c) {
    if (!gone.contains(c)) kept.push_back(static_cast<Eigen::Index>(c));
  }
  for (const ChannelView& view : views) {
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
    if (worst > 100.0 * kTolerance * largest) break;  // far off: the rest need not be run
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

// The views of one group, with more rows than a first look takes.
Result<std::vector<ChannelView>> look_closely(const Graph& graph, const Group& group, const SampleInputs& samples) {
  std::vector<ChannelView> views = channel_views(graph, group);
  std::vector<ChannelView*> all;
  for (ChannelView& view : views) all.push_back(&view);
  std::vector<int64_t> rows, enough;
  for (const ChannelView& view : views) {
    enough.push_back(8 * fewest_rows(view));
    rows.push_back(enough.back() / static_cast<int64_t>(std::clamp<size_t>(samples.count, 1, kSpread)) + 1);
  }
  NBL_CHECK(collect_moments(graph, samples, all, rows, enough));
  return views;
}

// Groups in which channels may depend on others, by few rows and few runs of the network.
Result<std::vector<bool>> suspects(const Graph& graph, const std::vector<Group>& groups, const SampleInputs& samples) {
  std::vector<bool> out(groups.size(), false);
  std::set<std::pair<std::string, size_t>> names;
  for (size_t first = 0; first < groups.size();) {
    std::vector<std::vector<ChannelView>> batch(groups.size());
    std::vector<ChannelView*> views;
    std::vector<int64_t> rows, enough;
    size_t last = first, bytes = 0;
    for (; last < groups.size(); ++last) {
      // A plan names a group by this.
      if (!names.emplace(groups[last].name, groups[last].channels.size()).second) continue;
      std::vector<ChannelView> found = channel_views(graph, groups[last]);
      const size_t needed = moment_bytes(found);
      if (groups[last].channels.size() < 2 || needed > kMostBytes) continue;
      if (bytes + needed > kMostBytes) {
        names.erase({groups[last].name, groups[last].channels.size()});
        break;
      }
      const auto scarce = [&](const ChannelView& view) {
        const int64_t here = places(graph, view);
        return here > 0 && here * static_cast<int64_t>(samples.count) < fewest_rows(view);
      };
      if (std::any_of(found.begin(), found.end(), scarce)) continue;
      bytes += needed;
      batch[last] = std::move(found);
      for (ChannelView& view : batch[last]) {
        views.push_back(&view);
        enough.push_back(fewest_rows(view));
        rows.push_back(enough.back() / static_cast<int64_t>(std::clamp<size_t>(samples.count, 1, kGlance)) + 1);
      }
    }
    if (!views.empty()) NBL_CHECK(collect_moments(graph, samples, views, rows, enough));
    for (size_t g = first; g < last; ++g) {
      const bool known =
          !batch[g].empty() && std::all_of(batch[g].begin(), batch[g].end(),
                                           [](const ChannelView& view) { return view.count >= fewest_rows(view); });
      out[g] = known && may_depend(batch[g]);
    }
    first = last;
  }
  return out;
}

// The graph without these channels of a group, which the others make up for; nothing where they cannot.
Result<std::optional<Graph>> without(const Graph& graph, const Group& group, const std::vector<ChannelView>& views,
                                     const std::vector<size_t>& dependent) {
  Graph folded = graph;
  if (!fold_group(group, views, dependent, folded)) return std::optional<Graph>();
  RemovalSet set(folded);
  for (size_t c : dependent) set.add(group.channels[c]);
  if (set.channels().size() != dependent.size()) return std::optional<Graph>();
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
  return std::optional<Graph>(std::move(smaller));
}

// Samples that combinations are fitted on; a third stays to judge by.
SampleInputs fitted_samples(const SampleInputs& samples) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < samples.count; ++i) {
    if (samples.count < 6 || i % 3 != 0) numbers.push_back(i);
  }
  return selected_samples(samples, numbers);
}

SampleInputs few_samples(const SampleInputs& samples) {
  std::vector<size_t> numbers;
  const size_t count = std::min(samples.count, kSamples);
  for (size_t i = 0; i < count; ++i) numbers.push_back(i * samples.count / count);
  return cached_samples(selected_samples(samples, numbers));
}

KeptChannels kept_of(const Group& group, const std::vector<size_t>& removed) {
  KeptChannels out{group.name, static_cast<int64_t>(group.channels.size()), {}};
  for (size_t c = 0; c < group.channels.size(); ++c) {
    if (std::find(removed.begin(), removed.end(), c) == removed.end()) out.keep.push_back(static_cast<int64_t>(c));
  }
  return out;
}

}  // namespace

Result<RedundantChannels> remove_redundant_channels(const Graph& graph, const SampleInputs& given) {
  RedundantChannels out;
  out.graph = graph;
  const SampleInputs samples = few_samples(given), fitted = fitted_samples(samples);
  const std::vector<Group> groups = find_axis_groups(graph).groups;
  NBL_TRY(const std::vector<bool> suspect, suspects(graph, groups, fitted));
  for (size_t g = 0; g < groups.size(); ++g) {
    if (!suspect[g]) continue;
    // Groups keep their places while channels go: at least one stays in each.
    const AxisGroups now = find_axis_groups(out.graph);
    if (g >= now.groups.size()) break;
    const Group& group = now.groups[g];
    NBL_TRY(const std::vector<ChannelView> views, look_closely(out.graph, group, fitted));
    std::vector<size_t> dependent = dependent_channels(views);
    if (dependent.empty()) continue;
    std::sort(dependent.begin(), dependent.end());  // sums of floats in an order that a plan can repeat
    NBL_TRY(std::optional<Graph> smaller, without(out.graph, group, views, dependent));
    if (!smaller) continue;
    NBL_TRY(const double difference, largest_difference(graph, *smaller, samples));
    if (difference > kTolerance) continue;
    out.steps.push_back(kept_of(group, dependent));
    out.graph = *std::move(smaller);
    out.removed += static_cast<int64_t>(dependent.size());
    out.largest_difference = difference;
  }
  return out;
}

Result<RedundantChannels> repeat_redundant_channels(const Graph& graph, const SampleInputs& given,
                                                    const std::vector<KeptChannels>& steps) {
  RedundantChannels out;
  out.graph = graph;
  const SampleInputs samples = few_samples(given), fitted = fitted_samples(samples);
  for (const KeptChannels& step : steps) {
    const AxisGroups now = find_axis_groups(out.graph);
    const auto group = std::find_if(now.groups.begin(), now.groups.end(), [&](const Group& g) {
      return g.name == step.group && static_cast<int64_t>(g.channels.size()) == step.channels;
    });
    if (group == now.groups.end()) {
      return Error{Code::invalid_argument,
                   format("the plan's redundant channels name '%s' with %lld channels, which the network does not have",
                          step.group.c_str(), static_cast<long long>(step.channels))};
    }
    std::vector<size_t> removed;
    for (int64_t c = 0; c < step.channels; ++c) {
      if (!std::binary_search(step.keep.begin(), step.keep.end(), c)) removed.push_back(static_cast<size_t>(c));
    }
    NBL_TRY(const std::vector<ChannelView> views, look_closely(out.graph, *group, fitted));
    std::optional<Graph> smaller;
    if (!removed.empty() && !views.empty() && !step.keep.empty()) {
      NBL_TRY(smaller, without(out.graph, *group, views, removed));
    }
    double difference = std::numeric_limits<double>::infinity();
    if (smaller) {
      NBL_TRY(difference, largest_difference(graph, *smaller, samples));
    }
    if (!(difference <= kTolerance)) {
      return Error{Code::invalid_argument,
                   format("the plan's redundant channels of '%s' are not redundant on these samples: outputs would "
                          "differ by %.2g of the largest, expected at most %.2g",
                          step.group.c_str(), difference, kTolerance)};
    }
    out.steps.push_back(step);
    out.graph = *std::move(smaller);
    out.removed += static_cast<int64_t>(removed.size());
    out.largest_difference = difference;
  }
  return out;
}

}  // namespace nibble::prune
