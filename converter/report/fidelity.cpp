#include "converter/report/fidelity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "converter/report/task.h"
#include "core/text.h"
#include "core/try.h"
#include "ops/op.h"

namespace nibble::report {
namespace {

std::vector<int64_t> sizes(const Shape& shape) {
  std::vector<int64_t> out;
  for (const Dim& d : shape) out.push_back(d.evaluate({}));
  return out;
}

bool guess_decides(const Graph& graph, const media::Preprocessing& preprocessing) {
  if (graph.inputs.empty() || graph.outputs.size() != 1) return false;
  const auto input = sizes(graph.desc(graph.inputs[0]).shape), output = sizes(graph.desc(graph.outputs[0]).shape);
  return guess_task(graph.metadata.contains("detection"), input, output, preprocessing) == Task::classify;
}

bool sums_of(const Node& node) { return op_if<Conv2d>(node) || op_if<ConvTranspose2d>(node) || op_if<Linear>(node); }

std::string decibels(std::optional<double> db) { return db ? format("%.1f dB", *db) : std::string("not a number"); }

}  // namespace

Fidelity::Fidelity(const Graph& original, const Graph& stored, media::Preprocessing preprocessing,
                   std::map<std::string, StoredChannels> channels)
    : original_(original),
      preprocessing_(std::move(preprocessing)),
      decides_(guess_decides(original, preprocessing_)),
      errors_(original, stored),
      counterparts_(errors_.counterparts()),
      stored_channels_(std::move(channels)) {
  std::set<std::string> names;
  for (const Tensor& t : stored.tensors) names.insert(t.desc.name);
  for (const auto& [name, view] : stored_channels_) {
    const std::string scaled = name + ":equalized";  // as converter/equalize calls it
    if (!view.factors.empty() && names.contains(scaled)) counterparts_[name] = scaled;
  }
  for (const Node& node : original.nodes) {
    if (sums_of(node) && original.desc(node.outputs[0]).shape.size() >= 2)
      channels_[original.desc(node.outputs[0]).name] = {};
  }
}

void Fidelity::add_layer(const std::string& name, std::span<const float> reference, const Shape& shape,
                         std::vector<float> other) {
  const auto found = stored_channels_.find(name);
  if (found == stored_channels_.end()) return errors_.add(name, reference, other);
  const StoredChannels& view = found->second;
  const std::vector<int64_t> dims = sizes(shape);
  size_t inner = 1;
  for (size_t i = 2; i < dims.size(); ++i) inner *= static_cast<size_t>(dims[i]);
  const size_t channels = dims.size() < 2 ? 0 : static_cast<size_t>(dims[1]);
  const size_t stored = view.kept.empty() ? channels : view.kept.size();
  const size_t batch = stored * inner == 0 ? 0 : other.size() / (stored * inner);
  if (batch == 0 || other.size() != batch * stored * inner || reference.size() != batch * channels * inner) return;
  if (!view.factors.empty() && view.factors.size() != stored) return;
  std::vector<float> expected(other.size());
  for (size_t b = 0; b < batch; ++b) {
    for (size_t s = 0; s < stored; ++s) {
      const size_t c = view.kept.empty() ? s : static_cast<size_t>(view.kept[s]);
      const float factor = view.factors.empty() ? 1.0f : view.factors[s];
      for (size_t i = 0; i < inner; ++i) {
        const size_t at = (b * stored + s) * inner + i;
        expected[at] = reference[(b * channels + c) * inner + i];
        other[at] *= factor;
      }
    }
  }
  errors_.add(name, expected, other);
}

void Fidelity::note_channels(TensorId id, std::span<const float> values, const Shape& shape) {
  const auto found = channels_.find(original_.desc(id).name);
  if (found == channels_.end() || values.empty()) return;
  ChannelRange& range = found->second;
  const std::vector<int64_t> dims = sizes(shape);
  // A Linear's outputs lie along the last axis, a convolution's along the second.
  const size_t axis = dims.size() == 4 ? 1 : dims.size() - 1;
  const auto channels = static_cast<size_t>(dims[axis]);
  size_t inner = 1;
  for (size_t i = axis + 1; i < dims.size(); ++i) inner *= static_cast<size_t>(dims[i]);
  if (range.low.empty()) {
    range.low.assign(channels, std::numeric_limits<float>::infinity());
    range.high.assign(channels, -std::numeric_limits<float>::infinity());
  }
  if (range.low.size() != channels) return;
  for (size_t i = 0; i < values.size();) {
    const size_t c = i / inner % channels;
    const auto [low, high] = std::minmax_element(values.begin() + static_cast<std::ptrdiff_t>(i),
                                                 values.begin() + static_cast<std::ptrdiff_t>(i + inner));
    range.low[c] = std::min(range.low[c], *low);
    range.high[c] = std::max(range.high[c], *high);
    i += inner;
  }
}

Status Fidelity::add(Executor& original, Executor& stored, const std::vector<reference::FloatValue>& values) {
  std::set<std::string> wanted;
  for (const auto& [name, counterpart] : counterparts_) wanted.insert(counterpart);
  std::map<std::string, std::vector<float>> kept;
  std::vector<reference::FloatValue> stored_inputs;
  for (size_t i = 0; i < values.size(); ++i) {
    stored_inputs.push_back(fitted(values[i], stored.graph().desc(stored.graph().inputs[i]), preprocessing_));
  }
  NBL_TRY(const std::vector<reference::FloatValue> made,
          stored.run(std::move(stored_inputs), [&](TensorId id, std::span<const float> v) {
            const std::string& name = stored.graph().desc(id).name;
            if (wanted.contains(name)) kept[name].assign(v.begin(), v.end());
          }));
  NBL_TRY(const std::vector<reference::FloatValue> expected,
          original.run(values, [&](TensorId id, std::span<const float> v) {
            note_channels(id, v, original.graph().desc(id).shape);
            const std::string& name = original_.desc(id).name;
            const auto counterpart = counterparts_.find(name);
            if (counterpart == counterparts_.end()) return;
            const auto other = kept.find(counterpart->second);
            if (other == kept.end()) return;
            add_layer(name, v, original.graph().desc(id).shape, std::move(other->second));
            kept.erase(other);
          }));
  ErrorSums sample;
  for (size_t k = 0; k < expected.size(); ++k) {
    const RealTensor reference = real_tensor(expected[k]);
    RealTensor other = real_tensor(made[k]);
    for (float v : reference.values) {
      if (!std::isfinite(v)) {
        return Error{Code::invalid_argument,
                     format("output '%s' of the float network itself holds NaN or infinity", reference.name.c_str())};
      }
    }
    if (holds_pixels(other.type, other.quantized)) pixels_to_values(preprocessing_, other.values);
    if (reference.values.size() != other.values.size())
      return Error{Code::internal, format("output '%s' changed its size", reference.name.c_str())};
    sample.add(reference.values, other.values);
    if (k != 0) continue;
    if (decides_) NBL_CHECK(classes_.add(reference, other, std::nullopt));
    if (first_reference_.empty()) first_reference_ = reference.values, first_stored_ = other.values;
    reference_varies_ = reference_varies_ || reference.values != first_reference_;
    stored_varies_ = stored_varies_ || other.values != first_stored_;
  }
  outputs_.merge(sample);
  const double signal = sample.signal(), noise = sample.noise();
  sample_noise_.emplace_back(signal, noise);
  return {};
}

std::optional<Interval> Fidelity::sqnr_interval() const {
  if (sample_noise_.size() < 2 || !outputs_.sqnr_db()) return {};
  std::vector<double> found;
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (int round = 0; round < 1000; ++round) {
    double signal = 0.0, noise = 0.0;
    for (size_t i = 0; i < sample_noise_.size(); ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto& [s, n] = sample_noise_[(state >> 33) % sample_noise_.size()];
      signal += s;
      noise += n;
    }
    found.push_back(limited_decibels(signal, noise));
  }
  std::sort(found.begin(), found.end());
  return Interval{found[25], found[974]};
}

std::vector<ConstantChannels> Fidelity::constant_channels() const {
  std::vector<ConstantChannels> out;
  for (const Node& node : original_.nodes) {
    const auto found = channels_.find(original_.desc(node.outputs[0]).name);
    if (found == channels_.end() || samples() < 2) continue;
    const ChannelRange& range = found->second;
    ConstantChannels layer{found->first, 0, static_cast<int64_t>(range.low.size())};
    for (size_t c = 0; c < range.low.size(); ++c) layer.constant += range.low[c] == range.high[c] ? 1 : 0;
    if (layer.constant > 0) out.push_back(layer);
  }
  return out;
}

Verdict Fidelity::verdict() const {
  if (samples() == 0) return Verdict::fine;
  if (outputs_.not_finite() > 0) return Verdict::collapsed;
  if (reference_varies_ && !stored_varies_) return Verdict::collapsed;  // says the same whatever it is shown
  const std::optional<double> db = outputs_.sqnr_db();
  if (decides_) {
    const Interval interval = wilson_interval(agreement().hits, agreement().total);
    if (interval.high < kAgreementFloor) return Verdict::collapsed;
    return agreement().value().value_or(0.0) < kAgreementGood ? Verdict::poor : Verdict::fine;
  }
  if (!db) return outputs_.values() == 0 ? Verdict::fine : Verdict::collapsed;
  return *db < kSqnrFloorDb ? Verdict::collapsed : *db < kSqnrGoodDb ? Verdict::poor : Verdict::fine;
}

std::string Fidelity::summary() const {
  std::string text;
  if (outputs_.not_finite() > 0) {
    text = format("%llu output values are NaN or infinite", static_cast<unsigned long long>(outputs_.not_finite()));
  } else if (reference_varies_ && !stored_varies_) {
    text = format("it gives the same output for all %zu samples", samples());
  } else if (decides_) {
    const Interval i = wilson_interval(agreement().hits, agreement().total);
    text = format("it agrees with the float network on %llu of %llu samples (95 %%: %.0f to %.0f %%, floor %.0f %%)",
                  static_cast<unsigned long long>(agreement().hits), static_cast<unsigned long long>(agreement().total),
                  100 * i.low, 100 * i.high, 100 * kAgreementFloor);
  } else {
    text = format("the SQNR of its outputs is %s on %zu samples (floor %.0f dB)", decibels(sqnr_db()).c_str(),
                  samples(), kSqnrFloorDb);
  }
  const std::vector<LayerError> measured = layers();
  std::string worst;
  for (size_t at : worst_layers(measured, 3)) {
    const LayerError& layer = measured[at];
    worst += format("%s%s '%s' (%s)", worst.empty() ? "" : ", ", layer.op.c_str(), layer.name.c_str(),
                    decibels(layer.sums.sqnr_db()).c_str());
  }
  if (!worst.empty()) text += "; most noise comes from " + worst;
  return text;
}

}  // namespace nibble::report
