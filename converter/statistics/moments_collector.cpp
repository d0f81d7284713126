#include "converter/statistics/moments_collector.h"

#include <algorithm>
#include <cmath>

#include "converter/statistics/gram.h"
#include "core/crc32c.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::statistics {

bool has_moments(const Graph& graph, const Node& node) {
  if (!op_if<Conv2d>(node) && !op_if<ConvTranspose2d>(node) && !op_if<Linear>(node)) return false;
  const Tensor& weights = graph.tensor(node.inputs[conv_input::weights]);
  return weights.is_constant() && graph.desc(node.inputs[conv_input::x]).type == DType::f32;
}

std::vector<NodeId> moment_layers(const Graph& graph) {
  std::vector<NodeId> out;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (has_moments(graph, graph.nodes[n])) out.push_back(static_cast<NodeId>(n));
  }
  return out;
}

namespace {

LayerMoments empty_moments(const Graph& graph, const Node& node) {
  const Shape& w = graph.desc(node.inputs[conv_input::weights]).shape;
  int64_t groups = 1;
  if (const auto* op = op_if<Conv2d>(node)) groups = op->groups;
  if (const auto* op = op_if<ConvTranspose2d>(node)) groups = op->groups;
  LayerMoments out;
  out.inputs = w[1].value();
  out.kernel = w.size() == 4 ? w[2].value() * w[3].value() : 1;
  out.groups = groups;
  return out;
}

}  // namespace

size_t moment_bytes(const Graph& graph, const Node& node) {
  const LayerMoments m = empty_moments(graph, node);
  return moment_bytes(m.inputs, m.kernel, m.groups);
}

std::vector<std::vector<NodeId>> moment_stages(const Graph& graph, const std::vector<NodeId>& layers, size_t bytes) {
  std::vector<std::vector<NodeId>> out;
  size_t used = 0;
  for (NodeId id : layers) {
    const size_t own = moment_bytes(graph, graph.nodes[static_cast<size_t>(id)]);
    if (out.empty() || used + own > bytes) {
      out.emplace_back();
      used = 0;
    }
    out.back().push_back(id);
    used += own;
  }
  return out;
}

uint64_t position_seed(const std::string& layer, uint64_t sample) {
  const uint64_t name = crc32c(std::as_bytes(std::span(layer.data(), layer.size())));
  return (name << 32) ^ (sample * 0x9e3779b97f4a7c15u);
}

MomentsCollector::MomentsCollector(const Graph& graph, std::vector<NodeId> layers, std::vector<TensorId> channels,
                                   const CollectOptions& options)
    : graph_(graph), options_(options) {
  for (NodeId id : layers) {
    const Node& node = graph.nodes[static_cast<size_t>(id)];
    LayerMoments moments = empty_moments(graph, node);
    moments = make_layer_moments(moments.inputs, moments.kernel, moments.groups);
    readers_[node.inputs[conv_input::x]].push_back(layers_.size());
    layers_.push_back({id, 0, {}, std::move(moments), {}, 0});
  }
  for (TensorId id : channels) channels_[id] = {};
}

Status MomentsCollector::bind(const Graph& bound) {
  for (Layer& layer : layers_) {
    flush(layer);
    NBL_TRY(layer.reader, PatchReader::make(bound, bound.nodes[static_cast<size_t>(layer.node)]));
  }
  for (auto& [id, moments] : channels_) {
    const Shape& shape = bound.desc(id).shape;
    if (shape.size() < 2) {
      return Error{Code::invalid_argument, format("tensor '%s' of shape %s has no channels",
                                                  bound.desc(id).name.c_str(), to_string(shape).c_str())};
    }
    const auto count = static_cast<size_t>(shape[1].value());
    if (moments.sum.empty()) {
      moments.sum.assign(count, 0.0);
      moments.sum_squares.assign(count, 0.0);
    }
    int64_t plane = 1;
    for (size_t i = 2; i < shape.size(); ++i) plane *= shape[i].value();
    planes_[id] = plane;
  }
  return {};
}

std::vector<float> MomentsCollector::read_rows(const Layer& layer, uint64_t sample,
                                               std::span<const float> values) const {
  const std::string& name = graph_.nodes[static_cast<size_t>(layer.node)].name;
  const std::vector<int64_t> positions =
      sampled_positions(layer.reader.positions(), options_.positions, position_seed(name, sample));
  std::vector<float> out(static_cast<size_t>(layer.moments.groups * layer.moments.row()) * positions.size());
  layer.reader.gather(values, positions, out.data());
  return out;
}

void MomentsCollector::add(Layer& layer, std::span<const float> rows) {
  LayerMoments& m = layer.moments;
  const int64_t row = m.row(), n = static_cast<int64_t>(rows.size()) / (m.groups * row);
  m.count += static_cast<uint64_t>(n);
  m.samples += 1;
  if (m.groups > 1) {
    parallel_for(m.groups, m.groups * row * row * n > 1 << 20 ? options_.threads : 1,
                 [&](int64_t g) { add_rows(m, g, rows.data() + g * n * row, n, 1); });
    return;
  }
  layer.rows.resize(static_cast<size_t>(kGramRows * row));
  for (int64_t from = 0; from < n;) {
    const int64_t count = std::min(n - from, kGramRows - layer.waiting);
    std::copy_n(rows.data() + from * row, count * row, layer.rows.data() + layer.waiting * row);
    layer.waiting += count;
    from += count;
    if (layer.waiting == kGramRows) flush(layer);
  }
}

void MomentsCollector::flush(Layer& layer) {
  if (layer.waiting == 0) return;
  LayerMoments& m = layer.moments;
  add_rows(m, 0, layer.rows.data(), layer.waiting, options_.threads);
  layer.waiting = 0;
}

TensorObserver MomentsCollector::observer() {
  return [this](TensorId id, std::span<const float> values) {
    const auto readers = readers_.find(id);
    const auto channels = channels_.find(id);
    if (readers == readers_.end() && channels == channels_.end()) return;
    if (not_finite_ == kNoTensor &&
        !std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      not_finite_ = id;
    if (readers != readers_.end()) {
      for (size_t i : readers->second) add(layers_[i], read_rows(layers_[i], sample_, values));
    }
    if (channels != channels_.end()) {
      ChannelMoments& m = channels->second;
      const auto plane = static_cast<size_t>(planes_[id]);
      for (size_t at = 0; at < values.size(); ++at) {
        const size_t c = at / plane % m.sum.size();
        const auto v = static_cast<double>(values[at]);
        m.sum[c] += v;
        m.sum_squares[c] += v * v;
      }
      m.count += values.size() / m.sum.size();
    }
  };
}

Status MomentsCollector::check_finite(TensorId not_finite, uint64_t sample) const {
  if (not_finite == kNoTensor) return {};
  return Error{Code::invalid_argument,
               format("calibration: tensor '%s' held NaN or infinity in sample %llu; check the preprocessing",
                      graph_.desc(not_finite).name.c_str(), static_cast<unsigned long long>(sample))};
}

Status MomentsCollector::end() { return check_finite(not_finite_, sample_); }

TensorObserver MomentsCollector::reader(SampleRows& rows) const {
  return [this, &rows](TensorId id, std::span<const float> values) {
    const auto readers = readers_.find(id);
    if (readers == readers_.end()) return;
    if (rows.not_finite == kNoTensor &&
        !std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
      rows.not_finite = id;
    for (size_t i : readers->second) rows.rows[i] = read_rows(layers_[i], rows.sample, values);
  };
}

Status MomentsCollector::add(const SampleRows& rows) {
  NBL_CHECK(check_finite(rows.not_finite, rows.sample));
  for (const auto& [layer, values] : rows.rows) add(layers_[layer], values);
  return {};
}

size_t MomentsCollector::sample_bytes() const {
  size_t sum = 0;
  for (const Layer& layer : layers_) {
    const int64_t positions = std::min(options_.positions, layer.reader.positions());
    sum += static_cast<size_t>(positions * layer.moments.groups * layer.moments.row()) * sizeof(float);
  }
  return sum;
}

LayerStatistics MomentsCollector::take_layers() {
  LayerStatistics out;
  for (Layer& layer : layers_) {
    flush(layer);
    out.emplace(layer.node, std::move(layer.moments));
  }
  layers_.clear();
  readers_.clear();
  return out;
}

}  // namespace nibble::statistics
