#include "converter/report/comparison.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "nibble/version.h"

namespace nibble::report {
namespace {

using json = nlohmann::ordered_json;

json number(std::optional<double> value) { return value && std::isfinite(*value) ? json(*value) : json(nullptr); }

void put_accuracy(const ClassScores& classes, json& out) {
  out["top1_reference"] = number(classes.reference().top1.value());
  out["top1"] = number(classes.other().top1.value());
  const auto drop = classes.top1_drop();
  out["top1_drop"] = drop ? json(drop->drop) : json(nullptr);
  out["top1_drop_interval"] = drop ? json{drop->interval.low, drop->interval.high} : json(nullptr);
  out["top5_reference"] = number(classes.reference().top5.value());
  out["top5"] = number(classes.other().top5.value());
  out["labelled_samples"] = classes.other().top1.total;
}

void put_task(const Comparison& c, json& out) {
  if (c.boxes) {
    out["matched_boxes"] = number(c.boxes->matched_share());
    out["boxes_reference"] = c.boxes->boxes_reference();
    out["boxes"] = c.boxes->boxes();
    out["ap50_reference"] = number(c.boxes->ap50_reference());
    out["ap50"] = number(c.boxes->ap50());
  }
  if (c.masks) {
    out["iou"] = number(c.masks->iou());
    out["class_iou"] = number(c.masks->class_iou());
  }
  if (c.pictures) {
    out["psnr_db"] = number(c.pictures->psnr_db());
    out["psnr_db_least"] = number(c.pictures->least_psnr_db());
  }
}

void put_errors(const ErrorSums& sums, const char* max_name, json& out) {
  out["sqnr_db"] = number(sums.sqnr_db());
  out["cosine"] = number(sums.cosine());
  out[max_name] = number(sums.max_abs());
  if (sums.exact()) out["exact"] = true;
  if (sums.not_finite() > 0) out["not_finite"] = sums.not_finite();
}

json outputs_json(const Comparison& c) {
  json out = json::array();
  for (const OutputError& output : c.outputs) {
    json entry = {{"name", output.name}};
    put_errors(output.sums, "max_abs_error", entry);
    out.push_back(entry);
  }
  return out;
}

json layers_json(const Comparison& c) {
  json out = json::array();
  for (const LayerError& layer : c.layers) {
    json entry = {{"name", layer.name}, {"operator", layer.op}};
    put_errors(layer.sums, "max_abs", entry);
    entry["sqnr_in_db"] = layer.noise_in > 0.0 ? json(limited_decibels(1.0, layer.noise_in)) : json(nullptr);
    out.push_back(entry);
  }
  return out;
}

json notes_json(const Comparison& c) {
  json notes = c.notes;
  notes.push_back(
      format("sqnr_db is 10 log10(sum of squares of the reference / sum of squared differences), limited to %.0f dB",
             kMostDecibels));
  notes.push_back("bytes are sizes of the files; weight_bytes are the constants of the graphs as they run");
  notes.push_back(
      "latency_ms is the median wall time of a run without feeding and fetching, latency_reference_ms that of the "
      "reference's executor");
  return notes;
}

}  // namespace

ErrorSums Comparison::all_outputs() const {
  ErrorSums sums;
  for (const OutputError& output : outputs) sums.merge(output.sums);
  return sums;
}

Share Comparison::agreement() const {
  if (pictures) return {};
  return masks ? masks->pixels() : classes.agreement();
}

const char* Comparison::agreement_of() const {
  if (pictures) return "nothing";
  if (masks) return "pixels";
  return classes.one_decision_a_sample() ? "samples" : "rows of the first output";
}

std::optional<Interval> Comparison::agreement_interval() const {
  if (masks || pictures || !classes.one_decision_a_sample()) return std::nullopt;
  return wilson_interval(agreement().hits, agreement().total);
}

std::string to_json(const Comparison& c) {
  json out;
  out["version"] = version();
  out["reference"] = c.reference.path;
  out["reference_runs_on"] = c.reference.runs_on;
  out["model"] = c.stored.path;
  out["device"] = c.stored.runs_on;
  out["task"] = to_string(c.task);
  out["samples"] = c.samples;
  out["agreement"] = number(c.agreement().value());
  out["agreement_of"] = c.agreement_of();
  const auto interval = c.agreement_interval();
  out["agreement_interval"] = interval ? json{interval->low, interval->high} : json(nullptr);
  put_accuracy(c.classes, out);
  put_task(c, out);
  const ErrorSums all = c.all_outputs();
  out["sqnr_db"] = number(all.sqnr_db());
  out["bytes_reference"] = c.reference.file_bytes;
  out["bytes"] = c.stored.file_bytes;
  out["weight_bytes_reference"] = c.reference.weight_bytes;
  out["weight_bytes"] = c.stored.weight_bytes;
  out["latency_reference_ms"] = number(c.reference.times.median_ms());
  out["latency_ms"] = number(c.stored.times.median_ms());
  out["outputs"] = outputs_json(c);
  out["layer_samples"] = c.layer_samples;
  out["layers"] = layers_json(c);
  out["notes"] = notes_json(c);
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace nibble::report
