// The stages of a compression in their order.
#pragma once

#include <vector>

#include "converter/compress/compression.h"

namespace nibble::compress {

struct Stage {
  const char* name;
  Status (*run)(Compression&);
};

// The one list: import first, writing last. A stage reads the options itself and does nothing where it is not asked
// for.
const std::vector<Stage>& stages();

// All stages; with options.check_only just import and passes. Errors name the stage's subject, not the stage.
Status run(Compression& compression);

// One function a stage, each in a file of its own (stage_<name>.cpp).
Status import_network(Compression& c);    // options.model -> graph
Status run_passes(Compression& c);        // graph rewritten; original = graph
Status open_samples(Compression& c);      // preprocessing, samples
Status describe_network(Compression& c);  // what the file says about itself -> graph.metadata
Status remove_dead(Compression& c);       // graph without channels that say nothing
Status find_ranges(Compression& c);       // graph, samples -> ranges
Status quantize_graph(Compression& c);    // graph, ranges, format -> graph, decisions
Status export_onnx(Compression& c);       // options.export_onnx, from the quantized graph
Status pack_weights(Compression& c);      // constants in the kernels' order
Status write_file(Compression& c);        // options.output, options.report, and the summary on stdout

}  // namespace nibble::compress
