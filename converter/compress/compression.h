// A compression under way: what every stage reads and changes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "converter/compress/samples.h"
#include "converter/convert_options.h"
#include "converter/equalize/equalize.h"
#include "converter/plan/plan.h"
#include "converter/quantize/quantize.h"
#include "converter/report/compression_report.h"
#include "converter/report/fidelity.h"
#include "converter/search/budget.h"
#include "converter/search/latency_table.h"
#include "graph/graph.h"
#include "media/preprocess.h"
#include "nibble/result.h"

namespace nibble::compress {

// Copies are independent of each other (samples are shared and read-only), so that a search can try a decision on one.
struct Compression {
  ConvertOptions options;
  ExecutorFactory make_executor;

  media::Preprocessing preprocessing;
  std::shared_ptr<const CalibrationSamples> samples;  // null without --calibrate
  // Kept from everything that fits or chooses parameters, so that a search can judge by them; null without a budget.
  std::shared_ptr<const CalibrationSamples> held_out;

  Graph original;  // the float network after import and passes: what results are judged against, never changed
  Graph graph;     // the network being changed: float up to quantize, integers and packed weights behind it
  Graph unscaled;  // the same before equalisation, which a search prunes further
  Graph real;      // the float network that quantize() was given: pruned and equalised, values not yet rounded

  // What quantize() is asked for. Stages before it refine this: per-layer formats, rounded weights.
  quantization::Options format;
  // By name of the original's tensors that lost channels (axis 1): the indices that are left, rising.
  std::map<std::string, std::vector<int64_t>> kept;
  std::set<std::string> renumbered;               // tensors that lost channels in a way that `kept` does not follow
  std::vector<equalize::Equalized> equalized;     // tensors of `graph` whose channels were scaled
  quantization::Ranges ranges;                    // by tensor of `graph`
  std::map<TensorId, std::string> range_methods;  // with --ranges auto: which method a tensor\'s range comes from
  std::vector<quantization::Decision> decisions;

  std::optional<plan::Plan> given;                // decisions to repeat: stages follow it in place of deciding
  plan::Plan plan;                                // what was decided; each stage that decides adds its part
  std::shared_ptr<search::LatencyTable> latency;  // null without a bound on the time
  search::Budget budget;
  std::string exported;  // the ONNX file for --export-onnx, until it is written
  struct {
    size_t int8 = 0, real = 0, tables = 0;  // layers by their weights; functions as tables
  } exported_layers;
  std::vector<std::string> undone;  // files beside the network that could not be made, a line each
  std::vector<std::string> missed;  // bounds that the written file does not keep, a line each, and what to do
  // The result against `original`, run before it is written; null where there were no samples.
  std::shared_ptr<const report::Fidelity> fidelity;
  bool verified_held_out = false;  // on samples that calibration has not seen

  // Facts for --report; stages add what they know (frozen groups, notes, points of a search).
  report::CompressionReport report;

  // How the weights of a node were rounded to integers: "cd", ...; "nearest" where nothing chose.
  std::string rounding_of(const std::string& node) const;
  bool integer_activations() const { return options.format.activations == quantization::ActivationFormat::int8; }
};

}  // namespace nibble::compress
