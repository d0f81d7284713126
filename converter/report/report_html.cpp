#include <algorithm>
#include <cmath>
#include <map>

#include "converter/report/compression_report.h"
#include "core/text.h"

namespace nibble::report {
namespace {

constexpr const char* kStyle = R"(
:root{--ink:#1c2430;--soft:#5d6878;--line:#d9dee6;--back:#fff;--card:#f5f7fa;--w4:#d9622b;--w8:#2b6fb3;--w16:#3f9b8a;--w32:#8a8f99;--w2:#a3327d;--bad:#b3261e;--good:#2e7d32;--warn:#9a6700}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333b47;--back:#14181e;--card:#1d232b;--w4:#f08a55;--w8:#62a6e8;--w16:#62c2af;--w32:#8f96a3;--w2:#d673b3;--bad:#ff8a80;--good:#7bc67f;--warn:#e0b050}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1240px;padding:20px;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:22px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:17px;margin:30px 0 8px}.lead{font-size:17px;margin:0 0 16px}
.fine{color:var(--good)}.poor{color:var(--warn)}.collapsed{color:var(--bad)}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}.tile{background:var(--card);border-radius:8px;padding:10px 12px}
.tile b{display:block;font-size:20px}.tile span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto;-webkit-overflow-scrolling:touch}svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:12px}svg .t{fill:var(--ink);font-weight:600}svg .e,svg .ne{text-anchor:end}svg .n,svg .ne{fill:var(--ink);paint-order:stroke;stroke:var(--back);stroke-width:4px;stroke-linejoin:round}
svg .g{stroke:var(--line)}svg .l{fill:none;stroke:var(--soft);stroke-width:1.2}svg .d{fill:var(--soft)}svg .c{fill:var(--w4)}svg .p{fill:var(--line)}
svg .w4{fill:var(--w4)}svg .w8{fill:var(--w8)}svg .w16{fill:var(--w16)}svg .w32{fill:var(--w32)}svg .w2{fill:var(--w2)}svg .wx{fill:var(--line)}
.key{display:flex;flex-wrap:wrap;gap:14px;margin:4px 0 8px;font-size:13px;color:var(--soft)}.key i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px}
.chip{display:inline-block;color:var(--back);border-radius:4px;padding:0 6px;font-size:12px}
.w4.chip,.key .w4{background:var(--w4)}.w8.chip,.key .w8{background:var(--w8)}.w16.chip,.key .w16{background:var(--w16)}.w32.chip,.key .w32{background:var(--w32)}.w2.chip,.key .w2{background:var(--w2)}.wx.chip,.key .wx{background:var(--line)}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:5px 8px;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
td.r,th.r{text-align:right;font-variant-numeric:tabular-nums}td.why{white-space:normal;min-width:180px;color:var(--soft)}td.name{min-width:120px;max-width:280px;overflow-wrap:break-word;white-space:normal}
li{margin:3px 0;overflow-wrap:anywhere}
)";

std::string bytes_text(uint64_t bytes) {
  const auto b = static_cast<double>(bytes);
  return b >= 1e6 ? format("%.2f MB", b / 1e6) : b >= 1e3 ? format("%.1f kB", b / 1e3) : format("%.0f B", b);
}

std::string count_text(uint64_t n) {
  const auto v = static_cast<double>(n);
  return v >= 1e9 ? format("%.2f G", v / 1e9) : v >= 1e6 ? format("%.1f M", v / 1e6) : format("%.1f k", v / 1e3);
}

std::string tile(const std::string& value, const std::string& what) {
  return "<div class=\"tile\"><b>" + escaped(value) + "</b><span>" + escaped(what) + "</span></div>";
}

std::string ratio(uint64_t before, uint64_t after) {
  return after == 0 ? "" : format("%.2f times smaller", static_cast<double>(before) / static_cast<double>(after));
}

std::string cell(const std::string& content, const char* style = "r") {
  return format("<td class=\"%s\">", style) + escaped(content) + "</td>";
}

std::string decibels(std::optional<double> db) { return db && std::isfinite(*db) ? format("%.1f", *db) : "–"; }

std::string share_text(std::optional<double> share) {
  return share && std::isfinite(*share) ? format("%.3g %%", 100 * *share) : "–";
}

std::string tiles(const CompressionReport& r) {
  std::string out = "<div class=\"tiles\">";
  if (r.file_bytes_after)
    out += tile(bytes_text(r.file_bytes_after),
                "file, was " + bytes_text(r.file_bytes_before) + ": " + ratio(r.file_bytes_before, r.file_bytes_after));
  out += tile(bytes_text(r.weight_bytes_after), "weights, were " + bytes_text(r.weight_bytes_before));
  out += tile(count_text(r.macs_after), r.macs_after == r.macs_before
                                            ? "multiply-adds, as before"
                                            : "multiply-adds, were " + count_text(r.macs_before));
  if (r.agreement && r.agreement_interval) {
    out += tile(format("%.1f %%", 100 * r.agreement->value().value_or(0.0)),
                format("agreement with float, 95 %%: %.1f to %.1f %%, n = %llu", 100 * r.agreement_interval->low,
                       100 * r.agreement_interval->high, static_cast<unsigned long long>(r.agreement->total)));
  }
  if (r.sqnr_db) {
    out += tile(format("%.1f dB", *r.sqnr_db), r.sqnr_interval
                                                   ? format("SQNR of the outputs, 95 %%: %.1f to %.1f dB, n = %zu",
                                                            r.sqnr_interval->low, r.sqnr_interval->high, r.judged)
                                                   : format("SQNR of the outputs, n = %zu", r.judged));
  }
  if (r.ms_after)
    out += tile(format("%.2f ms", *r.ms_after),
                r.ms_before ? format("a run, was %.2f ms in fp32", *r.ms_before) : "a run");
  if (r.memory_after)
    out += tile(bytes_text(*r.memory_after),
                "memory at the peak, computed" + (r.memory_before ? ", was " + bytes_text(*r.memory_before) : ""));
  return out + "</div>";
}

std::string key(const CompressionReport& r) {
  std::map<std::string, std::pair<std::string, int>> formats;  // class -> name, layers
  for (const LayerFacts& l : r.layers) {
    auto& entry = formats[format_class(l)];
    entry.first = l.removed ? "removed" : l.weights;
    ++entry.second;
  }
  std::string out = "<div class=\"key\">";
  for (const auto& [style, entry] : formats) {
    out += "<span><i class=\"" + style + "\"></i>" +
           escaped(format("%s: %d layer%s", entry.first.c_str(), entry.second, entry.second == 1 ? "" : "s")) +
           "</span>";
  }
  return out + "</div>";
}

std::string table(const CompressionReport& r) {
  const bool timed = std::any_of(r.layers.begin(), r.layers.end(), [](const LayerFacts& l) { return l.ms_after; });
  std::string out =
      "<div class=\"wide\"><table><tr><th>layer</th><th>operator</th><th>weights</th><th>activations</th>"
      "<th class=\"r\">channels</th><th class=\"r\">bytes</th><th class=\"r\">multiply-adds</th>"
      "<th class=\"r\" title=\"of the layer's output, the whole network being compressed\">SQNR dB</th>"
      "<th class=\"r\" title=\"noise over signal that this layer adds to what it was given\">adds</th>"
      "<th class=\"r\" title=\"noise over signal of the network's output when only this layer is rounded\">rounded "
      "alone</th>";
  if (timed) out += "<th class=\"r\">ms</th>";
  out += "<th>why</th></tr>\n";
  for (const LayerFacts& l : r.layers) {
    std::string weights = l.weights;
    if (l.group_size) weights += format(" g%d", l.group_size);
    out += "<tr>" + cell(l.node, "name") + cell(l.op, "") + "<td><span class=\"chip " + format_class(l) + "\">" +
           escaped(l.removed ? "removed" : weights) + "</span>" +
           (l.rounding.empty() ? "" : " <span class=\"soft\">" + escaped(l.rounding) + "</span>") + "</td>" +
           cell(l.activations, "");
    out += cell(l.channels_after == l.channels_before ? format("%lld", static_cast<long long>(l.channels_after))
                                                      : format("%lld of %lld", static_cast<long long>(l.channels_after),
                                                               static_cast<long long>(l.channels_before)));
    out += cell(bytes_text(l.bytes_before) + " → " + bytes_text(l.bytes_after));
    out += cell(l.macs_after == l.macs_before ? count_text(l.macs_after)
                                              : count_text(l.macs_before) + " → " + count_text(l.macs_after));
    out += cell(decibels(l.sqnr_db)) + cell(share_text(l.added_noise)) + cell(share_text(l.sensitivity));
    if (timed) {
      const std::string before = l.ms_before ? format("%.3f", *l.ms_before) : "–";
      out += cell(before + " → " + (l.ms_after ? format("%.3f", *l.ms_after) : "–"));
    }
    out += cell(l.reason, "why") + "</tr>\n";
  }
  return out + "</table></div>";
}

std::string list(const char* title, const std::vector<Note>& notes) {
  if (notes.empty()) return "";
  std::string out = format("<h2>%s</h2><ul>", title);
  for (const Note& n : notes)
    out += "<li>" + (n.subject.empty() ? "" : "<b>" + escaped(n.subject) + "</b>: ") + escaped(n.text) + "</li>\n";
  return out + "</ul>";
}

// The answer in one sentence.
std::string lead(const CompressionReport& r) {
  std::string out;
  if (r.verdict.empty()) return "The result was not judged: there were no samples to run it on.";
  out = r.verdict == "fine"   ? "The result follows the float network"
        : r.verdict == "poor" ? "The result is far from the float network"
                              : "The result has collapsed";
  return out + ": " + r.verdict_text + ".";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    size_t length = c < 0x80                ? 1
                    : c >= 0xc2 && c < 0xe0 ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    for (size_t k = 1; k < length; ++k) {
      if (i + k >= text.size() || (static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) length = 0;
    }
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if (c < 0x20 || c == 0x7f)
      out += ' ';
    else
      out += text.substr(i, length);
    i += length;
  }
  return out;
}

std::string to_html(const CompressionReport& r) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
      escaped(r.model) + "</title><style>" + kStyle + "</style></head><body>\n";
  out += "<h1>" + escaped(r.model + " → " + r.output) + "</h1>\n<p class=\"lead " +
         escaped(r.verdict.empty() ? "soft" : r.verdict) + "\">" + escaped(lead(r)) + "</p>\n";
  out += tiles(r) + "\n";
  std::string basis = "Asked for: " + r.asked + ".";
  if (r.samples) basis += format(" Calibrated on %zu samples.", r.samples);
  if (r.judged)
    basis += format(" Judged on %zu samples %s.", r.judged,
                    r.held_out ? "that calibration has not seen" : "among those of the calibration");
  if (!r.timed_on.empty()) basis += " Times: measured on " + r.timed_on + ".";
  if (r.sensitivity_samples) basis += format(" Layers alone: on %zu samples.", r.sensitivity_samples);
  out += "<p class=\"soft\">" + escaped(basis) + "</p>\n";
  out += list("Notes", r.notes);
  if (!r.layers.empty()) {
    out += "<h2>Where the accuracy went</h2>\n" + key(r) + "<div class=\"wide\">" + layer_chart(r) + "</div>\n";
  }
  const std::string points = pareto_chart(r);
  if (!points.empty()) out += "<h2>What other sizes would have cost</h2>\n<div class=\"wide\">" + points + "</div>\n";
  if (!r.layers.empty()) out += "<h2>Layers</h2>\n" + table(r) + "\n";
  out += list("Channels that could not be removed, and why", r.frozen);
  out += "<p class=\"soft\">nibble-convert " + escaped(r.version) + "</p>\n</body></html>\n";
  return out;
}

}  // namespace nibble::report
