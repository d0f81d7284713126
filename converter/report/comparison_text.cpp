// A comparison for people.
#include <algorithm>

#include "converter/report/comparison.h"
#include "core/text.h"

namespace nibble::report {
namespace {

std::string share(std::optional<double> value) { return value ? format("%.2f %%", 100.0 * *value) : "-"; }
std::string decibels(std::optional<double> value) { return value ? format("%.1f dB", *value) : "-"; }
std::string plain(std::optional<double> value, const char* pattern) {
  if (!value) return "-";
  char text[64];
  std::snprintf(text, sizeof text, pattern, *value);
  return text;
}

std::string line(const char* what, const std::string& value) { return format("%-22s ", what) + value + "\n"; }

std::string agreement_text(const Comparison& c) {
  std::string text =
      share(c.agreement().value()) + " of " + std::to_string(c.agreement().total) + " " + c.agreement_of();
  if (const auto interval = c.agreement_interval()) {
    text += format("  (95 %%: %.2f to %.2f %%)", 100.0 * interval->low, 100.0 * interval->high);
  }
  return text;
}

std::string accuracy_text(const ClassScores& classes) {
  if (classes.other().top1.total == 0) return "";
  const auto pair = [](const Share& reference, const Share& other) {
    return share(other.value()) + "  (reference " + share(reference.value()) + ")";
  };
  const PairedDrop drop = *classes.top1_drop();
  return line("top-1", pair(classes.reference().top1, classes.other().top1) +
                           format("  lost %.2f points (95 %%, paired: %.2f to %.2f)", 100.0 * drop.drop,
                                  100.0 * drop.interval.low, 100.0 * drop.interval.high)) +
         (classes.other().top5.total > 0 ? line("top-5", pair(classes.reference().top5, classes.other().top5)) : "");
}

std::string task_text(const Comparison& c) {
  std::string out;
  if (c.boxes) {
    out += line("matched boxes",
                share(c.boxes->matched_share()) + format("  (%llu of the reference's %llu; %llu found)",
                                                         static_cast<unsigned long long>(c.boxes->matched()),
                                                         static_cast<unsigned long long>(c.boxes->boxes_reference()),
                                                         static_cast<unsigned long long>(c.boxes->boxes())));
    if (c.boxes->ap50())
      out += line("AP50",
                  plain(c.boxes->ap50(), "%.3f") + "  (reference " + plain(c.boxes->ap50_reference(), "%.3f") + ")");
  }
  if (c.masks) out += line("IoU of the foreground", plain(c.masks->iou(), "%.4f"));
  if (c.pictures)
    out += line("PSNR", decibels(c.pictures->psnr_db()) + "  (least " + decibels(c.pictures->least_psnr_db()) + ")");
  return out;
}

std::string outputs_text(const Comparison& c) {
  std::string out = line("SQNR of the outputs", decibels(c.all_outputs().sqnr_db()));
  for (const OutputError& output : c.outputs) {
    out += format("  '%s': ", output.name.c_str()) + decibels(output.sums.sqnr_db()) + ", greatest difference " +
           plain(output.sums.max_abs(), "%.4g") + ", cosine " + plain(output.sums.cosine(), "%.6f");
    if (output.sums.not_finite() > 0)
      out += format(", %llu values not finite", static_cast<unsigned long long>(output.sums.not_finite()));
    out += "\n";
  }
  return out;
}

std::string layers_text(const Comparison& c, size_t worst) {
  const std::vector<size_t> order = worst_layers(c.layers, worst);
  if (order.empty()) return "";
  size_t width = 5;
  for (size_t i : order) width = std::max(width, c.layers[i].name.size());
  width = std::min<size_t>(width, 48);
  const auto name_width = static_cast<int>(width);
  std::string out = format("\nWhere the accuracy went (%zu of %zu tensors, on %zu samples):\n", order.size(),
                           c.layers.size(), c.layer_samples);
  out += format("  %-*s  %-16s %9s %9s %9s\n", name_width, "tensor", "operator", "SQNR in", "SQNR out", "cosine");
  for (size_t i : order) {
    const LayerError& layer = c.layers[i];
    // The end of a long name tells more than its beginning.
    const std::string name =
        layer.name.size() > width ? "..." + layer.name.substr(layer.name.size() - width + 3) : layer.name;
    const std::string before = layer.noise_in > 0.0 ? decibels(limited_decibels(1.0, layer.noise_in)) : "exact";
    out += format("  %-*s  %-16s %9s %9s %9s\n", name_width, name.c_str(), layer.op.c_str(), before.c_str(),
                  decibels(layer.sums.sqnr_db()).c_str(), plain(layer.sums.cosine(), "%.5f").c_str());
  }
  return out;
}

}  // namespace

std::string to_text(const Comparison& c, size_t worst) {
  std::string out = line(
      "samples", std::to_string(c.samples) + ", task " + to_string(c.task) + (c.task_was_guessed ? " (guessed)" : ""));
  if (c.agreement().total > 0) out += line("agreement", agreement_text(c));
  out += accuracy_text(c.classes) + task_text(c) + outputs_text(c);
  out += line("bytes", format("%llu -> %llu (%.2f x smaller)", static_cast<unsigned long long>(c.reference.file_bytes),
                              static_cast<unsigned long long>(c.stored.file_bytes),
                              static_cast<double>(c.reference.file_bytes) /
                                  static_cast<double>(std::max<uint64_t>(1, c.stored.file_bytes))));
  out += line("latency", plain(c.stored.times.median_ms(), "%.2f ms") + " on " + c.stored.runs_on + "  (reference " +
                             plain(c.reference.times.median_ms(), "%.2f ms") + " on " + c.reference.runs_on + ")");
  out += layers_text(c, worst);
  for (const std::string& note : c.notes) out += "note: " + note + "\n";
  return out;
}

}  // namespace nibble::report
