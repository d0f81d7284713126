#include "converter/recover/divergence.h"

#include <algorithm>

#include "converter/recover/blocks.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::recover {

LossKind loss_kind(const Graph& original, TensorId output) {
  const Shape& shape = original.desc(output).shape;
  if (original.outputs.size() != 1 || shape.size() < 2 || !shape[1].is_const() || shape[1].value() < 2)
    return LossKind::squared;
  for (size_t axis = 2; axis < shape.size(); ++axis) {
    if (!shape[axis].is_const() || shape[axis].value() != 1) return LossKind::squared;
  }
  return LossKind::divergence;
}

double energy(const Features& features) {
  double sum = 0.0;
  for (const float v : features.values) sum += static_cast<double>(v) * static_cast<double>(v);
  const size_t rows = features.width ? features.values.size() / features.width : 0;
  return rows ? sum / static_cast<double>(rows) : 1.0;
}

Result<Divergence> Divergence::of(const Graph& original, const Samples& samples, std::span<const size_t> which,
                                  size_t bytes) {
  Divergence out;
  out.samples_ = samples;
  const std::vector<TensorId> tensors = compared_outputs(original);
  size_t width = 0;
  for (const TensorId id : tensors) {
    NBL_TRY(const Features one, collect(original, id, samples, which.first(1)));
    width += one.width;
  }
  out.which_ = spread(which, std::max<size_t>(bytes / (std::max<size_t>(width, 1) * sizeof(float)), 1));
  for (const TensorId id : tensors) {
    NBL_TRY(Features features, collect(original, id, samples, out.which_));
    out.losses_.push_back({loss_kind(original, id), energy(features)});
    out.outputs_.push_back(std::move(features));
  }
  return out;
}

Result<double> Divergence::operator()(const Graph& changed) const {
  const std::vector<TensorId> tensors = compared_outputs(changed);
  if (tensors.size() != outputs_.size()) {
    return Error{Code::internal,
                 format("the changed network has %zu outputs, the original %zu", tensors.size(), outputs_.size())};
  }
  double sum = 0.0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    NBL_TRY(const Features found, collect(changed, tensors[i], samples_, which_));
    if (found.width != outputs_[i].width) {
      return Error{Code::internal, format("output '%s' has %zu elements, the original %zu",
                                          changed.desc(tensors[i]).name.c_str(), found.width, outputs_[i].width)};
    }
    for (size_t s = 0; s < which_.size(); ++s) sum += losses_[i](found.row(s), outputs_[i].row(s), nullptr, 1.0);
  }
  return sum / static_cast<double>(which_.size() * tensors.size());
}

}  // namespace nibble::recover
