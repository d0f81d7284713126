#include "converter/calibrate/output_error.h"

#include <algorithm>
#include <cmath>

#include "core/try.h"
#include "ops/op.h"
#include "reference/evaluate.h"

namespace nibble::calibrate {
namespace {

using reference::FloatValue;

bool is_float(const Graph& graph, TensorId id) {
  return id != kNoTensor && graph.desc(id).type == DType::f32 && !graph.tensor(id).is_constant();
}

void round_values(std::vector<float>& values, const quantization::ActivationQuant& q) {
  const float inverse = 1.0f / q.scale;
  const auto zero = static_cast<float>(q.zero_point), low = static_cast<float>(q.min), high = static_cast<float>(q.max);
  for (float& v : values) v = (std::clamp(std::round(v * inverse) + zero, low, high) - zero) * q.scale;
}

double noise_ratio(std::span<const float> expected, const std::vector<float>& found) {
  double noise = 0.0, signal = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double e = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
    noise += e * e;
    signal += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
  }
  return signal > 0.0 ? noise / signal : noise > 0.0 ? 1.0 : 0.0;
}

}  // namespace

Result<std::vector<Candidate>> candidates(const Calibrator& calibrator) {
  std::vector<Candidate> out;
  const auto add = [&](std::string name, const Options& options) -> Status {
    NBL_TRY(quantization::Ranges ranges, calibrator.ranges(options));
    out.push_back({std::move(name), std::move(ranges)});
    return {};
  };
  NBL_CHECK(add("mse", {Method::mse}));
  NBL_CHECK(add("minmax", {Method::min_max}));
  NBL_CHECK(add("percentile 99.999", {Method::percentile, 99.999}));
  NBL_CHECK(add("percentile 99.99", {Method::percentile, 99.99}));
  NBL_CHECK(add("percentile 99.9", {Method::percentile, 99.9}));
  NBL_CHECK(add("entropy", {Method::entropy}));
  return out;
}

Result<OutputErrors> OutputErrors::prepare(const Graph& graph, const std::vector<Candidate>& candidates) {
  OutputErrors out(graph, candidates);
  const ThreadLimit limit(1);
  for (const Node& node : graph.nodes) {
    const bool reads =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](TensorId id) { return is_float(graph, id); });
    if (!reads || !is_float(graph, node.outputs[0])) continue;
    Reader reader;
    reader.node = &node;
    NBL_TRY(std::unique_ptr<FastLayer> fast, make_dnnl_layer(graph, node));
    reader.fast = std::move(fast);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const TensorId id = node.inputs[i];
      if (is_float(graph, id)) ++out.reader_count_[id];
      const bool in_layer = reader.fast && !op_if<MatMul>(node) && i > 0;
      if (in_layer || id == kNoTensor || !graph.tensor(id).is_constant()) continue;
      NBL_TRY(reader.constants[i], reference::constant_value<float>(graph.tensor(id)));
    }
    out.readers_of_output_[node.outputs[0]].push_back(out.readers_.size());
    out.readers_.push_back(std::move(reader));
  }
  return out;
}

void OutputErrors::next_sample() {
  live_.clear();
  readers_left_ = reader_count_;
}

TensorObserver OutputErrors::observer() {
  return [this](TensorId id, std::span<const float> values) { seen(id, values); };
}

void OutputErrors::seen(TensorId id, std::span<const float> values) {
  if (!status_) return;
  const ThreadLimit limit(1);
  if (const auto found = readers_of_output_.find(id); found != readers_of_output_.end()) {
    for (size_t i : found->second) {
      if (Status status = measure(readers_[i], values); !status) {
        status_ = std::move(status);
        return;
      }
      drop_after(*readers_[i].node);
    }
  }
  if (readers_left_[id] == 0) return;
  auto value = reference::make_value<float>(graph_->desc(id));
  if (!value || value->real.size() != values.size()) return;
  value->real.assign(values.begin(), values.end());
  live_.insert_or_assign(id, std::move(*value));
}

void OutputErrors::drop_after(const Node& node) {
  for (TensorId id : node.inputs) {
    if (is_float(*graph_, id) && --readers_left_[id] == 0) live_.erase(id);
  }
}

Status OutputErrors::measure(const Reader& reader, std::span<const float> expected) {
  for (size_t slot = 0; slot < reader.node->inputs.size(); ++slot) {
    const TensorId id = reader.node->inputs[slot];
    if (!is_float(*graph_, id) || !live_.contains(id)) continue;
    std::vector<double>& errors = errors_[id];
    errors.resize(candidates_->size(), 0.0);
    std::vector<std::pair<quantization::ActivationQuant, double>> done;  // methods often agree
    for (size_t k = 0; k < candidates_->size(); ++k) {
      const auto range = (*candidates_)[k].ranges.find(id);
      if (range == (*candidates_)[k].ranges.end()) continue;
      const quantization::ActivationQuant quant = quantization::choose_quant(range->second);
      const auto same = std::find_if(done.begin(), done.end(), [&](const auto& d) { return d.first == quant; });
      double error = 0.0;
      if (same != done.end()) {
        error = same->second;
      } else {
        NBL_TRY(error, error_of(reader, slot, quant, expected));
        done.emplace_back(quant, error);
      }
      errors[k] += error;
    }
  }
  return {};
}

Result<double> OutputErrors::error_of(const Reader& reader, size_t slot, const quantization::ActivationQuant& quant,
                                      std::span<const float> expected) {
  const std::vector<TensorId>& ids = reader.node->inputs;
  FloatValue rounded = live_.at(ids[slot]);
  round_values(rounded.real, quant);
  std::vector<const FloatValue*> inputs;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto constant = reader.constants.find(i);
    const auto live = live_.find(ids[i]);
    inputs.push_back(i == slot                            ? &rounded
                     : constant != reader.constants.end() ? &constant->second
                     : live != live_.end()                ? &live->second
                                                          : nullptr);
    // Something that was not seen, integers say: nothing can be said of this node.
    const bool needed = i == 0 || !reader.fast || op_if<MatMul>(*reader.node);
    if (needed && ids[i] != kNoTensor && !inputs.back()) return 0.0;
  }
  NBL_TRY(FloatValue out, reference::make_value<float>(graph_->desc(reader.node->outputs[0])));
  if (reader.fast) {
    NBL_CHECK(reader.fast->run(*inputs[0], inputs.size() > 1 ? inputs[1] : nullptr, out, scratch_));
  } else {
    NBL_CHECK(reference::evaluate_into<float>(*reader.node, inputs, out));
  }
  if (out.real.size() != expected.size()) return 0.0;
  return noise_ratio(expected, out.real);
}

void add(RangeErrors& sum, const RangeErrors& errors) {
  for (const auto& [id, found] : errors) {
    std::vector<double>& own = sum[id];
    own.resize(std::max(own.size(), found.size()), 0.0);
    for (size_t k = 0; k < found.size(); ++k) own[k] += found[k];
  }
}

std::map<TensorId, ChosenRange> choose(const std::vector<Candidate>& candidates, const RangeErrors& errors) {
  std::map<TensorId, ChosenRange> out;
  if (candidates.empty()) return out;
  for (const auto& [id, first] : candidates[0].ranges) {
    ChosenRange chosen{first, candidates[0].method, 0.0};
    if (const auto found = errors.find(id); found != errors.end()) {
      const auto best = std::min_element(found->second.begin(), found->second.end());
      const Candidate& candidate = candidates[static_cast<size_t>(best - found->second.begin())];
      chosen = {candidate.ranges.at(id), candidate.method, *best};
    }
    out.emplace(id, std::move(chosen));
  }
  return out;
}

}  // namespace nibble::calibrate
