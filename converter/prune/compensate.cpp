#include "converter/prune/compensate.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

#include "converter/passes/rewrite.h"
#include "converter/prune/cholesky.h"
#include "converter/prune/regression.h"
#include "converter/statistics/gram.h"
#include "converter/statistics/patches.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::MatrixXd;
constexpr int kThreads = 2;

// Of the mean variance: with few samples the moments say less about the rest.
double ridge_for(uint64_t samples) {
  return std::clamp(1.0 / static_cast<double>(std::max<uint64_t>(1, samples)), 1e-3, 1e-1);
}

// Indices of an axis that remain, in order.
class Kept {
 public:
  explicit Kept(const std::vector<const Channel*>& removed) {
    for (const Channel* channel : removed) {
      for (const Position& p : channel->positions) gone_[{p.tensor, p.axis}].insert(p.index);
    }
  }
  bool touched(TensorId tensor, int32_t axis) const { return gone_.contains({tensor, axis}); }
  std::vector<int64_t> of(TensorId tensor, int32_t axis, int64_t size) const {
    std::vector<int64_t> out;
    const auto found = gone_.find({tensor, axis});
    for (int64_t i = 0; i < size; ++i) {
      if (found == gone_.end() || !found->second.contains(i)) out.push_back(i);
    }
    return out;
  }

 private:
  std::map<std::pair<TensorId, int32_t>, std::set<int64_t>> gone_;
};

std::vector<float> bias_of(const Graph& graph, const Node& node, size_t outputs) {
  if (node.inputs.size() <= conv_input::bias || node.inputs[conv_input::bias] == kNoTensor)
    return std::vector<float>(outputs, 0.0f);
  const auto bias = *passes::constant_floats(graph, node.inputs[conv_input::bias]);
  return {bias.begin(), bias.end()};
}

// New constants for one node; others that shared the old ones keep them.
void set_weights(Graph& graph, Node& node, const std::vector<float>& weights, const std::vector<float>& bias) {
  TensorDesc desc = graph.desc(node.inputs[conv_input::weights]);
  desc.quant = {};
  node.inputs.resize(std::max(node.inputs.size(), conv_input::bias + 1), kNoTensor);
  node.inputs[conv_input::weights] = graph.add_constant(std::move(desc), ConstantData::of(weights));
  TensorDesc bias_desc{"", DType::f32, {static_cast<int64_t>(bias.size())}, {}, Packing::plain};
  if (node.inputs[conv_input::bias] != kNoTensor) bias_desc = graph.desc(node.inputs[conv_input::bias]);
  node.inputs[conv_input::bias] = graph.add_constant(std::move(bias_desc), ConstantData::of(bias));
}

// Weights of one convolution group after its columns `keep` remain: [o, keep], and what its bias gains.
struct GroupWeights {
  Matrix weights;
  Eigen::VectorXd bias;
};

GroupWeights closed_form(const statistics::LayerMoments& m, int64_t group, const Matrix& w,
                         const std::vector<Eigen::Index>& keep) {
  const Eigen::Index r = m.row();
  const double n = std::max<double>(1.0, static_cast<double>(m.count));
  const std::span<const double> gram = m.gram_of(group);
  const Eigen::VectorXd mean = Eigen::Map<const Eigen::VectorXd>(m.sum_of(group).data(), r) / n;
  const auto covariance = [&](Eigen::Index i, Eigen::Index j) {
    const auto at = static_cast<size_t>(statistics::triangle_row(std::max(i, j)) + std::min(i, j));
    return gram[at] / n - mean(i) * mean(j);
  };
  std::vector<Eigen::Index> gone;
  double variance = 0.0;
  for (Eigen::Index i = 0; i < r; ++i) {
    variance += covariance(i, i);
    if (!std::binary_search(keep.begin(), keep.end(), i)) gone.push_back(i);
  }
  // The change against the remaining weights, so that the ridge pulls to them and not to zero: what the sums lose with
  // the columns that go.
  const auto count = static_cast<Eigen::Index>(keep.size());
  Matrix left(count, count), start(w.rows(), count), lost(w.rows(), static_cast<Eigen::Index>(gone.size()));
  Matrix between(static_cast<Eigen::Index>(gone.size()), count);
  Eigen::VectorXd kept_mean(count);
  for (Eigen::Index j = 0; j < lost.cols(); ++j) lost.col(j) = w.col(gone[static_cast<size_t>(j)]);
  for (Eigen::Index j = 0; j < count; ++j) {
    const Eigen::Index column = keep[static_cast<size_t>(j)];
    start.col(j) = w.col(column);
    kept_mean(j) = mean(column);
    for (Eigen::Index i = j; i < count; ++i) left(i, j) = covariance(keep[static_cast<size_t>(i)], column);
    for (Eigen::Index i = 0; i < between.rows(); ++i) between(i, j) = covariance(gone[static_cast<size_t>(i)], column);
  }
  left.diagonal().array() += std::max(ridge_for(m.samples) * variance / static_cast<double>(r), 1e-30);
  Matrix change(count, w.rows());
  change.noalias() = between.transpose() * lost.transpose();
  between.resize(0, 0);
  GroupWeights out;
  out.weights = std::move(start);
  if (factor_in_place(left, kThreads)) {
    solve_factored(left, change, kThreads);
    if (change.allFinite()) out.weights += change.transpose();
  }
  out.bias = w * mean - out.weights * kept_mean;
  return out;
}

// The layer's columns that remain, per convolution group (the same in each).
std::vector<Eigen::Index> kept_columns(const Kept& kept, const Node& node, const WeightShape& shape) {
  std::vector<Eigen::Index> out;
  for (int64_t i : kept.of(node.inputs[conv_input::weights], 1, shape.inputs)) {
    for (int64_t k = 0; k < shape.taps; ++k) out.push_back(i * shape.taps + k);
  }
  return out;
}

void compensate_layer(const Graph& original, Graph& pruned, NodeId n, const Kept& kept,
                      const statistics::LayerMoments& moments) {
  const Node& node = original.nodes[static_cast<size_t>(n)];
  const WeightShape shape = weight_shape(original, node);
  const auto all = *passes::constant_floats(original, node.inputs[conv_input::weights]);
  const auto bias = bias_of(original, node, static_cast<size_t>(shape.outputs));
  const std::vector<Eigen::Index> keep = kept_columns(kept, node, shape);
  const int64_t r = shape.inputs * shape.taps, o = shape.outputs_a_group();
  std::vector<float> new_weights, new_bias;
  const auto rows = kept.of(node.inputs[conv_input::weights], 0, shape.outputs);
  for (int64_t g = 0; g < shape.groups; ++g) {
    Matrix w(o, r);
    for (int64_t i = 0; i < o; ++i) {
      for (int64_t k = 0; k < r; ++k) w(i, k) = static_cast<double>(all[static_cast<size_t>((g * o + i) * r + k)]);
    }
    const GroupWeights fitted = closed_form(moments, g, w, keep);
    for (int64_t row : rows) {
      if (row < g * o || row >= (g + 1) * o) continue;
      for (Eigen::Index k = 0; k < fitted.weights.cols(); ++k)
        new_weights.push_back(static_cast<float>(fitted.weights(row - g * o, k)));
      new_bias.push_back(
          static_cast<float>(static_cast<double>(bias[static_cast<size_t>(row)]) + fitted.bias(row - g * o)));
    }
  }
  set_weights(pruned, pruned.nodes[static_cast<size_t>(n)], new_weights, new_bias);
}

// One layer under fit: sums of the two halves of the samples.
struct LayerFit {
  NodeId node;
  TensorId stream = kNoTensor;  // the other operand of the Add that reads the layer's sum
  TensorId stream_pruned = kNoTensor;
};

class Fitter {
 public:
  Fitter(const Graph& original, PrunedGraph& pruned, const SampleInputs& samples, const FitOptions& options)
      : original_(original),
        pruned_(pruned.graph),
        samples_(samples),
        options_(options),
        kept_(pruned.removed),
        cut_(pruned.cut) {}

  Result<std::vector<FittedLayer>> run() {
    std::vector<FittedLayer> out;
    const std::vector<bool> needed = needed_nodes(pruned_);
    std::vector<bool> changed(pruned_.tensors.size() + 4 * pruned_.nodes.size(), false);
    const auto is_changed = [&](TensorId id) { return id != kNoTensor && changed[static_cast<size_t>(id)]; };
    for (size_t n = 0; n < pruned_.nodes.size(); ++n) {
      if (options_.watch) options_.watch("fitting layers", n, pruned_.nodes.size());
      const Node& node = original_.nodes[n];
      const bool reads_changed = std::any_of(node.inputs.begin(), node.inputs.end(), is_changed);
      bool fit = false;
      if (needed[n] && is_weight_layer(original_, node)) {
        fit = (reads_changed || kept_.touched(node.inputs[conv_input::weights], 1)) && !has_long_rows(original_, node);
        if (fit) {
          NBL_TRY(FittedLayer layer, fit_layer_of(static_cast<NodeId>(n), changed));
          out.push_back(std::move(layer));
        }
      }
      const bool cut = std::find(cut_.begin(), cut_.end(), static_cast<NodeId>(n)) != cut_.end();
      if (fit || reads_changed || cut) {
        for (TensorId id : node.outputs) changed[static_cast<size_t>(id)] = true;
      }
    }
    if (options_.watch) options_.watch("fitting layers", pruned_.nodes.size(), pruned_.nodes.size());
    return out;
  }

 private:
  // A stream the layer's sum is added to, computed before the layer and changed by pruning.
  TensorId stream_of(NodeId n, const std::vector<bool>& changed) const {
    if (!options_.residual) return kNoTensor;
    const TensorId y = original_.nodes[static_cast<size_t>(n)].outputs[0];
    TensorId out = kNoTensor;
    int readers = 0;
    for (const Node& node : original_.nodes) {
      if (std::find(node.inputs.begin(), node.inputs.end(), y) == node.inputs.end()) continue;
      ++readers;
      const auto* add = op_if<Binary>(node);
      if (!add || add->kind != BinaryKind::add || node.inputs[0] == node.inputs[1]) return kNoTensor;
      out = node.inputs[node.inputs[0] == y ? 1 : 0];
      if (!(original_.desc(out).shape == original_.desc(y).shape)) return kNoTensor;
    }
    if (readers != 1 || out == kNoTensor || original_.tensor(out).is_constant()) return kNoTensor;
    if (std::find(original_.outputs.begin(), original_.outputs.end(), y) != original_.outputs.end()) return kNoTensor;
    if (!changed[static_cast<size_t>(out)]) return kNoTensor;
    for (NodeId before = 0; before < n; ++before) {
      const auto& made = original_.nodes[static_cast<size_t>(before)].outputs;
      if (std::find(made.begin(), made.end(), out) != made.end()) return out;
    }
    return kNoTensor;  // a later branch makes up for it
  }

  Result<FittedLayer> fit_layer_of(NodeId n, const std::vector<bool>& changed) {
    const Node& before = original_.nodes[static_cast<size_t>(n)];
    Node& node = pruned_.nodes[static_cast<size_t>(n)];
    const WeightShape shape = weight_shape(pruned_, node);
    const TensorId x = before.inputs[conv_input::x], y = before.outputs[0], stream = stream_of(n, changed);
    const int64_t r = shape.inputs * shape.taps, o = shape.outputs_a_group();
    const std::vector<int64_t> rows = kept_.of(before.inputs[conv_input::weights], 0,
                                               original_.desc(before.inputs[conv_input::weights]).shape[0].value());

    std::vector<RegressionSums> sums[2];
    for (auto& part : sums) part.assign(static_cast<size_t>(shape.groups), RegressionSums(r, o));
    std::vector<TensorId> wanted_original{y}, wanted_pruned{x};
    if (stream != kNoTensor) {
      wanted_original.push_back(stream);
      wanted_pruned.push_back(stream);
    }
    struct Part {
      PartialRuns original, pruned;
      std::optional<statistics::PatchReader> x, y;
      size_t x_version = 0;
      std::vector<float> patches, with_one, target, stream;
    };
    PartialRuns original_runs(original_, samples_, wanted_original), pruned_runs(pruned_, samples_, wanted_pruned);
    if (samples_.count > 0) {
      NBL_CHECK(original_runs.prepare(0));
      NBL_CHECK(pruned_runs.prepare(0));
    }
    Part parts[2] = {{original_runs, pruned_runs, {}, {}, 0, {}, {}, {}, {}},
                     {original_runs, pruned_runs, {}, {}, 0, {}, {}, {}, {}}};
    const int64_t positions_a_sample =
        std::max<int64_t>(16, options_.rows / static_cast<int64_t>(std::max<size_t>(1, samples_.count)));
    NBL_CHECK(for_each_in_two_parts(samples_.count, [&](size_t at, size_t sample) -> Status {
      Part& part = parts[at];
      NBL_TRY(const auto from_original, part.original.run(sample));
      NBL_TRY(const auto from_pruned, part.pruned.run(sample));
      if (!part.x || part.x_version != part.pruned.version()) {
        NBL_TRY(part.x, statistics::PatchReader::make(part.pruned.bound(), node));
        NBL_TRY(part.y, statistics::PatchReader::make(part.original.bound(), before));
        part.x_version = part.pruned.version();
      }
      const std::vector<int64_t> positions = statistics::sampled_positions(
          part.x->positions(), positions_a_sample, statistics::position_seed(node.name, sample));
      const auto count = static_cast<int64_t>(positions.size());
      part.patches.resize(static_cast<size_t>(shape.groups * count * r));
      part.x->gather(from_pruned[0], positions, part.patches.data());
      const int64_t outputs = part.y->outputs(), outputs_now = shape.outputs;
      part.target.resize(static_cast<size_t>(count * outputs));
      part.y->gather_outputs(from_original[0], positions, part.target.data());
      if (stream != kNoTensor) {
        part.stream.resize(part.target.size());
        part.y->gather_outputs(from_original[1], positions, part.stream.data());
        for (size_t i = 0; i < part.target.size(); ++i) part.target[i] += part.stream[i];
        part.stream.resize(static_cast<size_t>(count * outputs_now));
        part.x->gather_outputs(from_pruned[1], positions, part.stream.data());
      }
      std::vector<float> y_rows(static_cast<size_t>(count * o));
      part.with_one.resize(static_cast<size_t>(count * (r + 1)));
      for (int64_t g = 0; g < shape.groups; ++g) {
        for (int64_t p = 0; p < count; ++p) {
          std::copy_n(&part.patches[static_cast<size_t>((g * count + p) * r)], r,
                      &part.with_one[static_cast<size_t>(p * (r + 1))]);
          part.with_one[static_cast<size_t>(p * (r + 1) + r)] = 1.0f;
          for (int64_t i = 0; i < o; ++i) {
            const int64_t now = g * o + i;
            float v = part.target[static_cast<size_t>(p * outputs + rows[static_cast<size_t>(now)])];
            if (stream != kNoTensor) v -= part.stream[static_cast<size_t>(p * outputs_now + now)];
            y_rows[static_cast<size_t>(p * o + i)] = v;
          }
        }
        sums[at][static_cast<size_t>(g)].add(part.with_one, y_rows, count);
      }
      return {};
    }));
    return solve(node, shape, sums);
  }

  Result<FittedLayer> solve(Node& node, const WeightShape& shape, const std::vector<RegressionSums> (&sums)[2]) {
    const auto w = *passes::constant_floats(pruned_, node.inputs[conv_input::weights]);
    const auto bias = bias_of(pruned_, node, static_cast<size_t>(shape.outputs));
    const int64_t r = shape.inputs * shape.taps, o = shape.outputs_a_group();
    std::vector<float> new_weights, new_bias;
    FittedLayer out{node.name, 0.0, 0.0};
    for (int64_t g = 0; g < shape.groups; ++g) {
      std::vector<double> start;
      for (int64_t i = g * o; i < (g + 1) * o; ++i) {
        for (int64_t k = 0; k < r; ++k) start.push_back(static_cast<double>(w[static_cast<size_t>(i * r + k)]));
        start.push_back(static_cast<double>(bias[static_cast<size_t>(i)]));
      }
      Fit fit = fit_layer(sums[0][static_cast<size_t>(g)], sums[1][static_cast<size_t>(g)], start);
      if (options_.restore_spread)
        restore_spread(sums[0][static_cast<size_t>(g)], sums[1][static_cast<size_t>(g)], fit.weights);
      out.error_before += fit.error_before / static_cast<double>(shape.groups);
      out.error_after += fit.error_after / static_cast<double>(shape.groups);
      for (int64_t i = 0; i < o; ++i) {
        const double* row = &fit.weights[static_cast<size_t>(i * (r + 1))];
        for (int64_t k = 0; k < r; ++k) new_weights.push_back(static_cast<float>(row[k]));
        new_bias.push_back(static_cast<float>(row[r]));
      }
    }
    set_weights(pruned_, node, new_weights, new_bias);
    return out;
  }

  const Graph& original_;
  Graph& pruned_;
  const SampleInputs& samples_;
  FitOptions options_;
  Kept kept_;
  std::vector<NodeId> cut_;
};

}  // namespace

Result<PrunedGraph> prune_plainly(const Graph& original, std::vector<const Channel*> removed) {
  PrunedGraph out;
  NBL_TRY(out.graph, remove_channels(original, removed));
  out.removed = std::move(removed);
  return out;
}

Result<PrunedGraph> prune_with_moments(const Graph& original, std::vector<const Channel*> removed,
                                       const Moments& moments) {
  NBL_TRY(PrunedGraph out, prune_plainly(original, std::move(removed)));
  const Kept kept(out.removed);
  for (size_t n = 0; n < original.nodes.size(); ++n) {
    const Node& node = original.nodes[n];
    const auto found = moments.find(static_cast<NodeId>(n));
    if (found == moments.end() || found->second.count == 0 || !is_weight_layer(original, node)) continue;
    if (!kept.touched(node.inputs[conv_input::weights], 1)) continue;
    compensate_layer(original, out.graph, static_cast<NodeId>(n), kept, found->second);
  }
  return out;
}

Result<std::vector<FittedLayer>> fit_layers(const Graph& original, PrunedGraph& pruned, const SampleInputs& samples,
                                            const FitOptions& options) {
  return Fitter(original, pruned, samples, options).run();
}

}  // namespace nibble::prune
