#include "converter/prune/importance.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "converter/passes/rewrite.h"
#include "converter/prune/cholesky.h"
#include "converter/prune/elimination.h"
#include "converter/statistics/gram.h"
#include "ops/op.h"

namespace nibble::prune {
namespace {

using Matrix = Eigen::MatrixXd;
constexpr int kThreads = 2;

// Of the mean diagonal; more where few samples tell.
double damping(uint64_t samples, double least) {
  return std::max(least, std::min(1e-1, 1.0 / static_cast<double>(std::max<uint64_t>(1, samples))));
}

// One convolution group of a layer that reads channels of the group.
struct Reader {
  Matrix inverse;                                // of the damped covariance [r, r], on and below the diagonal
  Matrix weights;                                // [o, r]
  std::vector<std::vector<Eigen::Index>> reads;  // by channel: columns
  double energy = 1.0;                           // variance of the outputs, summed
  Eigen::VectorXd diagonal;                      // of the second moments
};

Matrix weights_of(const Graph& graph, const Node& node, int64_t group) {
  const WeightShape shape = weight_shape(graph, node);
  const auto w = *passes::constant_floats(graph, node.inputs[conv_input::weights]);
  const int64_t r = shape.inputs * shape.taps, o = shape.outputs_a_group();
  Matrix out(o, r);
  for (int64_t i = 0; i < o; ++i) {
    for (int64_t k = 0; k < r; ++k) out(i, k) = static_cast<double>(w[static_cast<size_t>((group * o + i) * r + k)]);
  }
  return out;
}

// On and below the diagonal.
Matrix covariance_of(const statistics::LayerMoments& m, int64_t group) {
  const int64_t r = m.row();
  const double n = std::max<double>(1.0, static_cast<double>(m.count));
  const std::span<const double> gram = m.gram_of(group);
  const Eigen::VectorXd mean = Eigen::Map<const Eigen::VectorXd>(m.sum_of(group).data(), r) / n;
  Matrix out(r, r);
  for (int64_t i = 0; i < r; ++i) {
    const double* row = gram.data() + statistics::triangle_row(i);
    for (int64_t j = 0; j <= i; ++j) out(i, j) = row[j] / n - mean(i) * mean(j);
  }
  return out;
}

std::vector<Reader> readers(const Graph& graph, const Group& group, const Moments& moments, bool inverse,
                            double least_damping) {
  const auto consumer_list = consumers(graph);
  std::map<std::pair<NodeId, int64_t>, size_t> known;
  std::vector<Reader> out;
  for (size_t c = 0; c < group.channels.size(); ++c) {
    for (const Column& column : readers_of(graph, consumer_list, group.channels[c]).columns) {
      const auto found = moments.find(column.node);
      if (found == moments.end() || found->second.count == 0) continue;
      const auto [at, fresh] = known.emplace(std::pair{column.node, column.group}, out.size());
      const Node& node = graph.nodes[static_cast<size_t>(column.node)];
      const int64_t taps = weight_shape(graph, node).taps;
      if (fresh) {
        Reader reader;
        reader.weights = weights_of(graph, node, column.group);
        Matrix covariance = covariance_of(found->second, column.group);
        Matrix sums(reader.weights.rows(), covariance.cols());
        sums.noalias() = reader.weights * covariance.selfadjointView<Eigen::Lower>();
        reader.energy = std::max(sums.cwiseProduct(reader.weights).sum(), 1e-30);
        reader.diagonal = covariance.diagonal();
        if (inverse) {
          covariance.diagonal().array() +=
              std::max(damping(found->second.samples, least_damping) * covariance.diagonal().mean(), 1e-30);
          // Not positive definite: not finite. Then no order means anything.
          if (factor_in_place(covariance, kThreads)) {
            invert_factored(covariance, kThreads);
          } else {
            covariance.setIdentity();
          }
          reader.inverse = std::move(covariance);
        }
        reader.reads.resize(group.channels.size());
        out.push_back(std::move(reader));
      }
      for (int64_t k = 0; k < taps; ++k) out[at->second].reads[c].push_back(column.column * taps + k);
    }
  }
  return out;
}

RemovalOrder obs_order(std::vector<Reader> all, size_t channels) {
  std::vector<Elimination> layers;
  std::vector<double> energy;
  for (Reader& reader : all) {
    energy.push_back(reader.energy);
    layers.emplace_back(std::move(reader.inverse), std::move(reader.weights), std::move(reader.reads), kThreads);
  }
  RemovalOrder out;
  out.loss.push_back(0.0);
  std::vector<bool> gone(channels, false);
  for (size_t step = 0; step + 1 < channels; ++step) {
    size_t best = channels;
    double least = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < channels; ++c) {
      if (gone[c]) continue;
      double loss = 0.0;
      for (size_t l = 0; l < layers.size(); ++l) loss += layers[l].loss(c) / energy[l];
      if (!(loss < least)) continue;
      least = loss;
      best = c;
    }
    if (best == channels) break;
    gone[best] = true;
    for (Elimination& layer : layers) layer.remove(best);
    out.order.push_back(best);
    out.loss.push_back(out.loss.back() + std::max(least, 0.0));
  }
  return out;
}

double simple_loss(const Reader& reader, size_t channel, Metric metric) {
  double out = 0.0;
  for (Eigen::Index i : reader.reads[channel]) {
    const double squares = reader.weights.col(i).squaredNorm();
    out += metric == Metric::obd ? squares * reader.diagonal(i) / reader.energy : squares;
  }
  return metric == Metric::obd ? out : out / std::max(reader.weights.squaredNorm(), 1e-30);
}

RemovalOrder sorted(const std::vector<double>& scores) {
  RemovalOrder out;
  out.order.resize(scores.size());
  std::iota(out.order.begin(), out.order.end(), size_t{0});
  std::stable_sort(out.order.begin(), out.order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  out.order.pop_back();
  out.loss.push_back(0.0);
  for (size_t c : out.order) out.loss.push_back(out.loss.back() + scores[c]);
  return out;
}

}  // namespace

const char* to_string(Metric metric) {
  switch (metric) {
    case Metric::obs: return "obs";
    case Metric::obd: return "obd";
    case Metric::magnitude: return "magnitude";
    case Metric::random: return "random";
  }
  return "unknown";
}

std::optional<Metric> parse_metric(const std::string& text) {
  for (Metric m : {Metric::obs, Metric::obd, Metric::magnitude, Metric::random}) {
    if (text == to_string(m)) return m;
  }
  return std::nullopt;
}

RemovalOrder removal_order(const Graph& graph, const Group& group, const Moments& moments, Metric metric,
                           double least_damping) {
  const auto consumer_list = consumers(graph);
  for (const Channel& channel : group.channels) {
    if (readers_of(graph, consumer_list, channel).others) return {{}, {0.0}};
  }
  if (metric == Metric::random) {
    std::vector<double> scores;
    for (size_t c = 0; c < group.channels.size(); ++c) {
      const uint64_t hash = statistics::position_seed(group.name, c);
      scores.push_back(static_cast<double>((hash * 0x9e3779b97f4a7c15u) >> 40) / 16777216.0);
    }
    return sorted(scores);
  }
  std::vector<Reader> all = readers(graph, group, moments, metric == Metric::obs, least_damping);
  if (metric == Metric::obs) return obs_order(std::move(all), group.channels.size());
  std::vector<double> scores(group.channels.size(), 0.0);
  for (size_t c = 0; c < scores.size(); ++c) {
    for (const Reader& reader : all) scores[c] += simple_loss(reader, c, metric);
  }
  return sorted(scores);
}

}  // namespace nibble::prune
