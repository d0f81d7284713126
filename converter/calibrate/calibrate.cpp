#include "converter/calibrate/calibrate.h"

#include "core/text.h"

namespace nibble::calibrate {

Result<Method> parse_method(const std::string& text) {
  if (text == "minmax") return Method::min_max;
  if (text == "percentile") return Method::percentile;
  if (text == "mse") return Method::mse;
  if (text == "entropy") return Method::entropy;
  if (text == "auto") return Method::automatic;
  return Error{Code::invalid_argument,
               "range method '" + text + "': expected minmax, percentile, mse, entropy or auto"};
}

const char* to_string(Method method) {
  switch (method) {
    case Method::min_max: return "minmax";
    case Method::percentile: return "percentile";
    case Method::mse: return "mse";
    case Method::entropy: return "entropy";
    case Method::automatic: return "auto";
  }
  return "?";
}

TensorObserver Calibrator::observer() {
  return [this](TensorId id, std::span<const float> values) { histograms_[static_cast<size_t>(id)].add(values); };
}

Result<quantization::Ranges> Calibrator::ranges(const Options& options) const {
  quantization::Ranges out;
  for (size_t i = 0; i < histograms_.size(); ++i) {
    const Histogram& h = histograms_[i];
    if (h.not_finite() > 0) {
      return Error{Code::invalid_argument,
                   format("calibration: tensor '%s' held %llu values that are NaN or infinite; check the preprocessing",
                          names_[i].c_str(), static_cast<unsigned long long>(h.not_finite()))};
    }
    if (h.empty()) continue;
    const auto id = static_cast<TensorId>(i);
    switch (options.method) {
      case Method::min_max: out[id] = h.min_max(); break;
      case Method::percentile: out[id] = h.percentile(options.percent); break;
      case Method::mse: out[id] = h.least_squared_error(); break;
      case Method::entropy: out[id] = h.entropy(); break;
      case Method::automatic: return Error{Code::internal, "ranges by output error need samples, not histograms alone"};
    }
  }
  return out;
}

}  // namespace nibble::calibrate
