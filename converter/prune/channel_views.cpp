#include "converter/prune/channel_views.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "converter/prune/readers.h"
#include "converter/statistics/moments_collector.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

constexpr double kConstant = 1e-12;  // variance over mean square, below which rounding is all that varies

struct Axes {
  int64_t channels = 0, inner = 1, places = 0;
};

Axes axes_of(const Shape& shape, bool last) {
  const int64_t all = elements(shape).value();
  Axes out;
  out.channels = shape[last ? shape.size() - 1 : 1].value();
  out.inner = last ? 1 : elements(Shape(shape.begin() + 2, shape.end())).value();
  out.places = all / out.channels;
  return out;
}

bool sees_padding(const Node& node) {
  if (op_if<ConvTranspose2d>(node)) return true;
  const auto* conv = op_if<Conv2d>(node);
  return conv && (conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right);
}

void add_sample(const Graph& bound, ChannelView& view, std::span<const float> values, size_t sample, int64_t wanted) {
  const TensorDesc& desc = bound.desc(view.tensor);
  const Axes axes = axes_of(desc.shape, view.last_axis);
  const auto positions =
      statistics::sampled_positions(axes.places, wanted, statistics::position_seed(desc.name, sample));
  Eigen::MatrixXd rows(static_cast<Eigen::Index>(positions.size()), view.gram.cols());
  for (size_t p = 0; p < positions.size(); ++p) {
    const int64_t at = positions[p] / axes.inner * axes.channels * axes.inner + positions[p] % axes.inner;
    for (size_t c = 0; c < view.index.size(); ++c)
      rows(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(c)) =
          static_cast<double>(values[static_cast<size_t>(at + view.index[c] * axes.inner)]);
    rows(static_cast<Eigen::Index>(p), rows.cols() - 1) = 1.0;
  }
  view.gram.noalias() += rows.transpose() * rows;
  view.count += static_cast<int64_t>(positions.size());
}

}  // namespace

std::vector<ChannelView> channel_views(const Graph& graph, const Group& group) {
  const auto consumer_list = consumers(graph);
  std::map<TensorId, ChannelView> views;
  for (size_t c = 0; c < group.channels.size(); ++c) {
    const Readers readers = readers_of(graph, consumer_list, group.channels[c]);
    if (readers.others) return {};
    for (const Column& column : readers.columns) {
      const Node& node = graph.nodes[static_cast<size_t>(column.node)];
      const TensorId x = node.inputs[conv_input::x];
      if (weight_shape(graph, node).groups != 1) return {};
      ChannelView& view = views[x];
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
  std::vector<ChannelView> out;
  for (auto& [id, view] : views) {
    if (std::find(view.index.begin(), view.index.end(), -1) != view.index.end()) return {};
    out.push_back(std::move(view));
  }
  return out;
}

size_t moment_bytes(const std::vector<ChannelView>& views) {
  size_t out = 0;
  for (const ChannelView& view : views) out += (view.index.size() + 1) * (view.index.size() + 1) * sizeof(double);
  return out;
}

int64_t places(const Graph& graph, const ChannelView& view) {
  const Shape& shape = graph.desc(view.tensor).shape;
  const bool fixed = std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d.is_const(); });
  return fixed ? axes_of(shape, view.last_axis).places : 0;
}

Status collect_moments(const Graph& graph, const SampleInputs& samples, const std::vector<ChannelView*>& views,
                       const std::vector<int64_t>& rows, const std::vector<int64_t>& enough) {
  std::vector<TensorId> wanted;
  for (ChannelView* view : views) {
    const auto c = static_cast<Eigen::Index>(view->index.size()) + 1;
    view->gram = Eigen::MatrixXd::Zero(c, c);
    view->count = 0;
    wanted.push_back(view->tensor);
  }
  PartialRuns runs(graph, samples, wanted);
  for (size_t i = 0; i < samples.count; ++i) {
    bool more = false;
    for (size_t v = 0; v < views.size(); ++v) more = more || views[v]->count < enough[v];
    if (!more) break;
    NBL_TRY(const auto values, runs.run(i));
    for (size_t v = 0; v < views.size(); ++v) {
      if (views[v]->count < enough[v]) add_sample(runs.bound(), *views[v], values[v], i, rows[v]);
    }
  }
  return {};
}

Eigen::MatrixXd covariance(const ChannelView& view) {
  const Eigen::Index c = view.gram.cols() - 1;
  const Eigen::MatrixXd g = view.gram / static_cast<double>(std::max<int64_t>(1, view.count));
  return g.topLeftCorner(c, c) - g.col(c).head(c) * g.row(c).head(c);
}

Eigen::MatrixXd correlation(const ChannelView& view, double damping, std::vector<bool>& varies) {
  Eigen::MatrixXd out = covariance(view);
  const double count = static_cast<double>(std::max<int64_t>(1, view.count));
  Eigen::VectorXd scale(out.rows());
  varies.assign(static_cast<size_t>(out.rows()), true);
  for (Eigen::Index i = 0; i < out.rows(); ++i) {
    varies[static_cast<size_t>(i)] = out(i, i) > kConstant * view.gram(i, i) / count && out(i, i) > 0.0;
    scale(i) = varies[static_cast<size_t>(i)] ? 1.0 / std::sqrt(out(i, i)) : 0.0;
  }
  out = scale.asDiagonal() * out * scale.asDiagonal();
  for (Eigen::Index i = 0; i < out.rows(); ++i) out(i, i) = varies[static_cast<size_t>(i)] ? 1.0 + damping : 1.0;
  return out;
}

}  // namespace nibble::prune
