// What a conversion did and what it cost: filled by the stages, told as JSON and as a page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converter/report/statistics.h"

namespace nibble::report {

// One layer with weights, in the order of the network.
struct LayerFacts {
  std::string node, op;
  std::string weights, activations;  // formats, as quantization::to_string says
  std::string rounding;              // "nearest", "gptq", ...; empty where nothing was rounded
  int32_t group_size = 0;            // 0: no groups
  std::string reason;                // why it is what it is
  bool removed = false;
  int64_t channels_before = 0, channels_after = 0;  // outputs
  uint64_t macs_before = 0, macs_after = 0;
  uint64_t bytes_before = 0, bytes_after = 0;  // of all its constants
  std::optional<double> sqnr_db;               // of its output, the whole network being compressed
  std::optional<double> added_noise;           // noise / signal that it adds to what came in
  std::optional<double> sensitivity;  // noise / signal of the network's outputs when only this layer is compressed
  std::optional<double> ms_before, ms_after;
};

// A decision about something that is not a layer's format: frozen groups, removed blocks, warnings.
struct Note {
  std::string subject;  // a group, tensor or option; may be empty
  std::string text;
};

// One size that a search found, and what it loses.
struct ParetoPoint {
  double bytes = 0.0;
  double loss = 0.0;
  bool chosen = false;
};

struct CompressionReport {
  std::string version, model, output;
  std::string asked;                                     // formats, in words
  uint64_t file_bytes_before = 0, file_bytes_after = 0;  // 0: not written
  uint64_t weight_bytes_before = 0, weight_bytes_after = 0;
  uint64_t macs_before = 0, macs_after = 0;
  size_t nodes_before = 0, nodes_after = 0;

  size_t samples = 0;     // calibration
  size_t judged = 0;      // samples on which the result was judged
  bool held_out = false;  // and calibration has not seen these
  std::string verdict;    // "fine", "poor", "collapsed"; empty: not judged
  std::string verdict_text;
  std::optional<Share> agreement;  // of a classifier's decisions with the float network's
  std::optional<Interval> agreement_interval;
  std::optional<double> sqnr_db;
  std::optional<Interval> sqnr_interval;

  std::string timed_on;  // the device that times were measured on; empty: none
  std::optional<double> ms_before, ms_after;
  // Computed, not measured: constants, and the activations that are needed at once for one sample.
  std::optional<uint64_t> memory_before, memory_after;

  bool pruned = false;  // channels that said something were removed
  size_t sensitivity_samples = 0;
  std::string loss_of_points;  // what ParetoPoint::loss is
  std::vector<LayerFacts> layers;
  std::vector<Note> frozen, notes;
  std::vector<ParetoPoint> points;
};

// No NaN, no infinity; what is not known is null.
std::string to_json(const CompressionReport& report);

// One page that needs nothing else: styles and pictures inside, no scripts. Every name is escaped.
std::string to_html(const CompressionReport& report);

// Text for HTML and SVG; bytes that are not UTF-8 become U+FFFD, control characters a space.
std::string escaped(const std::string& text);

// The pictures of the page (report_charts.cpp), each an <svg>; empty where there is nothing to show.
std::string layer_chart(const CompressionReport& report);
std::string pareto_chart(const CompressionReport& report);
// A colour class of the page's style for a format of weights: "w4", "w8", "w16", "w32" or "wx".
const char* format_class(const LayerFacts& layer);

}  // namespace nibble::report
