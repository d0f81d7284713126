// The pictures of a compression report, as SVG.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "converter/report/compression_report.h"
#include "core/text.h"

namespace nibble::report {
namespace {

// A round number at or above `value`: 1, 2 or 5 times a power of ten.
double round_up(double value) {
  if (!(value > 0.0)) return 1.0;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (step * power >= value * (1 - 1e-9)) return step * power;
  }
  return 10.0 * power;
}

std::string percent(double share) {
  const double p = 100.0 * share;
  return p >= 10 ? format("%.0f %%", p) : p >= 1 ? format("%.1f %%", p) : format("%.2g %%", p);
}

std::string text(double x, double y, const char* style, const std::string& content) {
  return format("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style) + escaped(content) + "</text>";
}

// Whether bars show each layer rounded alone, which says nothing of what removing channels cost.
bool shows_alone(const CompressionReport& r) {
  const auto any = [&](auto has) { return std::any_of(r.layers.begin(), r.layers.end(), has); };
  return any([](const LayerFacts& l) { return l.sensitivity.has_value(); }) &&
         !(r.pruned && any([](const LayerFacts& l) { return l.added_noise.has_value(); }));
}

// What a layer costs: alone, or what it adds to the noise that came in.
std::optional<double> cost_of(const LayerFacts& layer, bool alone) {
  const auto cost = alone ? layer.sensitivity : layer.added_noise;
  return cost && std::isfinite(*cost) ? cost : std::nullopt;
}

}  // namespace

const char* format_class(const LayerFacts& layer) {
  if (layer.removed) return "wx";
  if (layer.weights == "fp32") return "w32";
  if (layer.weights == "fp16") return "w16";
  if (layer.weights == "int8") return "w8";
  if (layer.weights == "int4" || layer.weights == "lut4") return "w4";
  return "w2";
}

// Bars per layer in network order: upwards what each costs, coloured by format; downwards its bytes, before and after;
// between the two the SQNR as a line.
std::string layer_chart(const CompressionReport& r) {
  if (r.layers.empty()) return "";
  const auto n = static_cast<double>(r.layers.size());
  const double left = 64, right = 16, width = std::max(1180.0, left + right + 13.0 * n),
               step = (width - left - right) / n;
  const double bar = std::clamp(step * 0.72, 3.0, 60.0), top = 34, cost_height = 190, gap = 34, sqnr_height = 70,
               bytes_height = 90;
  const double base = top + cost_height, sqnr_top = base + gap, sqnr_base = sqnr_top + sqnr_height,
               bytes_top = sqnr_base + gap, height = bytes_top + bytes_height + 30;
  const bool alone = shows_alone(r);
  double most_cost = 0.0, most_db = 0.0, most_bytes = 0.0;
  for (const LayerFacts& l : r.layers) {
    most_cost = std::max(most_cost, cost_of(l, alone).value_or(0.0));
    most_db = std::max(most_db, std::min(l.sqnr_db.value_or(0.0), 80.0));
    most_bytes = std::max(most_bytes, static_cast<double>(l.bytes_before));
  }
  const double cost_scale = round_up(most_cost), db_scale = std::max(20.0, std::ceil(most_db / 20.0) * 20.0);
  std::string out = format(
      "<svg viewBox=\"0 0 %.0f %.0f\" style=\"min-width:%.0fpx;max-width:%.0fpx\" role=\"img\" aria-label=\"What each "
      "layer costs, in network order\">",
      width, height, std::min(width, 760.0 + 4.0 * n), 1.15 * width);
  const auto x_of = [&](size_t i) { return left + step * (static_cast<double>(i) + 0.5); };
  out += text(left, 18, "t",
              alone ? "Noise in the output when only this layer is compressed"
                    : "Noise over signal that this layer adds to what it was given");
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = base - part * cost_height;
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>", left, width - right, y, y);
    if (most_cost > 0.0) out += text(left - 8, y + 4, "e", percent(part * cost_scale));
  }
  std::vector<size_t> order(r.layers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return cost_of(r.layers[a], alone).value_or(0.0) > cost_of(r.layers[b], alone).value_or(0.0);
  });
  for (size_t i = 0; i < r.layers.size(); ++i) {
    const LayerFacts& l = r.layers[i];
    const double h = cost_scale > 0.0 ? cost_of(l, alone).value_or(0.0) / cost_scale * cost_height : 0.0;
    out += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>", x_of(i) - bar / 2,
                  base - std::max(h, 1.5), bar, std::max(h, 1.5), format_class(l));
    out +=
        escaped(l.node + ": " + l.weights + (cost_of(l, alone) ? ", " + percent(*cost_of(l, alone)) : std::string())) +
        "</title></rect>";
  }
  // The three that cost most, by name; where they lie close together one below the other.
  double last_x = -1e9, last_y = 0;
  std::vector<size_t> named(order.begin(),
                            order.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(3, order.size())));
  std::sort(named.begin(), named.end());
  for (size_t i : named) {
    const double cost = cost_of(r.layers[i], alone).value_or(0.0);
    if (cost <= 0.0) continue;
    double y = base - cost / cost_scale * cost_height - 6;
    if (x_of(i) - last_x < 130 && std::abs(y - last_y) < 14) y = last_y - 14;
    y = std::max(y, 30.0);
    const bool end = x_of(i) > width - 150;
    out += text(x_of(i), y, end ? "ne" : "n", r.layers[i].node.substr(0, 28) + " " + percent(cost));
    last_x = x_of(i), last_y = y;
  }
  // SQNR.
  out += text(left, sqnr_top - 8, "t", "SQNR of each layer's output, dB");
  for (const double db : {0.0, db_scale}) {
    const double y = sqnr_base - db / db_scale * sqnr_height;
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>", left, width - right, y, y);
    out += text(left - 8, y + 4, "e", format("%.0f", db));
  }
  std::string line;
  for (size_t i = 0; i < r.layers.size(); ++i) {
    const auto db = r.layers[i].sqnr_db;
    if (!db || !std::isfinite(*db)) continue;
    const double y = sqnr_base - std::clamp(*db, 0.0, db_scale) / db_scale * sqnr_height;
    line += format("%s%.1f %.1f", line.empty() ? "M" : "L", x_of(i), y);
    out += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\" class=\"d\"><title>", x_of(i), y) +
           escaped(format("%s: %.1f dB", r.layers[i].node.c_str(), *db)) + "</title></circle>";
  }
  if (!line.empty()) out += "<path d=\"" + line + "\" class=\"l\"/>";
  // Bytes.
  out += text(left, bytes_top - 8, "t", "Bytes, before (pale) and after");
  for (size_t i = 0; i < r.layers.size() && most_bytes > 0.0; ++i) {
    const LayerFacts& l = r.layers[i];
    const double before = static_cast<double>(l.bytes_before) / most_bytes * bytes_height,
                 after = static_cast<double>(l.bytes_after) / most_bytes * bytes_height;
    out += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"p\"/>", x_of(i) - bar / 2,
                  bytes_top, bar, before);
    out += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>", x_of(i) - bar / 2,
                  bytes_top, bar, after, format_class(l));
    out += escaped(format("%s: %.1f kB -> %.1f kB", l.node.c_str(), static_cast<double>(l.bytes_before) / 1000,
                          static_cast<double>(l.bytes_after) / 1000)) +
           "</title></rect>";
  }
  out += text(left - 8, bytes_top + bytes_height, "e", format("%.0f kB", most_bytes / 1000));
  out += text(left, height - 6, "f", "first layer");
  out += text(width - right, height - 6, "e", "last layer");
  return out + "</svg>";
}

std::string pareto_chart(const CompressionReport& r) {
  if (r.points.size() < 2) return "";
  const double width = 640, height = 260, left = 80, right = 20, top = 30, bottom = 44;
  double most_loss = 0.0, least_bytes = 1e300, most_bytes = 0.0;
  for (const ParetoPoint& p : r.points) {
    most_loss = std::max(most_loss, p.loss);
    least_bytes = std::min(least_bytes, p.bytes);
    most_bytes = std::max(most_bytes, p.bytes);
  }
  const double scale = round_up(most_loss), span = std::max(most_bytes - least_bytes, 1.0);
  const auto x_of = [&](double b) { return left + (b - least_bytes) / span * (width - left - right); };
  const auto y_of = [&](double l) { return height - bottom - l / scale * (height - top - bottom); };
  std::string out = format(
      "<svg viewBox=\"0 0 %.0f %.0f\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"Size and "
      "loss\">",
      width, height, width);
  out += text(left, 18, "t",
              "Loss (" + (r.loss_of_points.empty() ? "of the search" : r.loss_of_points) + ") by file size");
  for (const double part : {0.0, 0.5, 1.0}) {
    const double y = y_of(part * scale);
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>", left, width - right, y, y);
    out += text(left - 8, y + 4, "e", format("%.3g", part * scale));
  }
  std::vector<ParetoPoint> sorted = r.points;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  std::string line;
  for (const ParetoPoint& p : sorted)
    line += format("%s%.1f %.1f", line.empty() ? "M" : "L", x_of(p.bytes), y_of(p.loss));
  out += "<path d=\"" + line + "\" class=\"l\"/>";
  for (const ParetoPoint& p : sorted) {
    if (p.chosen) {
      const bool end = x_of(p.bytes) > width - 160;
      out += text(x_of(p.bytes) + (end ? -10 : 10), y_of(p.loss) - 10, end ? "ne" : "n",
                  format("chosen: %.0f kB, %.3g", p.bytes / 1000, p.loss));
    }
    out += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" class=\"%s\"><title>", x_of(p.bytes), y_of(p.loss),
                  p.chosen ? 6 : 3, p.chosen ? "c" : "d") +
           escaped(format("%.1f kB, loss %.4g", p.bytes / 1000, p.loss)) + "</title></circle>";
  }
  out += text(left, height - 12, "f", format("%.0f kB", least_bytes / 1000));
  out += text(width - right, height - 12, "e", format("%.0f kB", most_bytes / 1000));
  return out + "</svg>";
}

}  // namespace nibble::report
