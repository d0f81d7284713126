#include <cmath>
#include <nlohmann/json.hpp>

#include "converter/report/compression_report.h"

namespace nibble::report {
namespace {

using json = nlohmann::ordered_json;

json number(std::optional<double> value) { return value && std::isfinite(*value) ? json(*value) : json(nullptr); }

json interval(const std::optional<Interval>& i) { return i ? json{number(i->low), number(i->high)} : json(nullptr); }

json layer_json(const LayerFacts& l) {
  return {{"node", l.node},
          {"operator", l.op},
          {"weights", l.weights},
          {"activations", l.activations},
          {"reason", l.reason},
          {"rounding", l.rounding},
          {"group_size", l.group_size},
          {"removed", l.removed},
          {"channels_before", l.channels_before},
          {"channels", l.channels_after},
          {"macs_before", l.macs_before},
          {"macs", l.macs_after},
          {"bytes_before", l.bytes_before},
          {"bytes", l.bytes_after},
          {"sqnr_db", number(l.sqnr_db)},
          {"added_noise", number(l.added_noise)},
          {"sensitivity", number(l.sensitivity)},
          {"ms_before", number(l.ms_before)},
          {"ms", number(l.ms_after)}};
}

json notes_json(const std::vector<Note>& notes) {
  json out = json::array();
  for (const Note& n : notes) out.push_back({{"subject", n.subject}, {"text", n.text}});
  return out;
}

json count(const std::optional<uint64_t>& value) { return value ? json(*value) : json(nullptr); }

}  // namespace

std::string to_json(const CompressionReport& r) {
  json out = {{"version", r.version}, {"model", r.model}, {"output", r.output}, {"asked", r.asked}};
  out["size"] = {{"file_before", r.file_bytes_before},
                 {"file", r.file_bytes_after},
                 {"weights_before", r.weight_bytes_before},
                 {"weights", r.weight_bytes_after}};
  out["macs_before"] = r.macs_before;
  out["macs"] = r.macs_after;
  out["nodes_before"] = r.nodes_before;
  out["nodes"] = r.nodes_after;
  json result = {{"verdict", r.verdict.empty() ? json(nullptr) : json(r.verdict)},
                 {"text", r.verdict_text},
                 {"samples", r.judged},
                 {"held_out", r.held_out}};
  result["agreement"] = r.agreement ? number(r.agreement->value()) : json(nullptr);
  result["agreement_interval"] = interval(r.agreement_interval);
  result["sqnr_db"] = number(r.sqnr_db);
  result["sqnr_db_interval"] = interval(r.sqnr_interval);
  out["result"] = result;
  out["calibration_samples"] = r.samples;
  out["timed_on"] = r.timed_on.empty() ? json(nullptr) : json(r.timed_on);
  out["time_ms_before"] = number(r.ms_before);
  out["time_ms"] = number(r.ms_after);
  out["memory_before"] = count(r.memory_before);
  out["memory"] = count(r.memory_after);
  out["pruned"] = r.pruned;
  out["sensitivity_samples"] = r.sensitivity_samples;
  out["layers"] = json::array();
  for (const LayerFacts& l : r.layers) out["layers"].push_back(layer_json(l));
  out["frozen"] = notes_json(r.frozen);
  out["notes"] = notes_json(r.notes);
  json points = json::array();
  for (const ParetoPoint& p : r.points)
    points.push_back({{"bytes", number(p.bytes)}, {"loss", number(p.loss)}, {"chosen", p.chosen}});
  out["points"] = points;
  out["loss_of_points"] = r.loss_of_points;
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace nibble::report
