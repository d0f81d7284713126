// The stages of a compression in their order.
#pragma once

#include <vector>

#include "converter/compress/compression.h"

namespace nibble::compress {

// What a stage may be run for. A search runs the stages of `change` and `quantize` on copies, once a candidate.
enum class Phase {
  prepare,  // up to the float network, its samples and what is asked for
  change,   // what the float network becomes: channels, ranges, rounded weights
  quantize,
  finish,  // files
};

struct Stage {
  const char* name;
  Status (*run)(Compression&);
  Phase phase;
};

// The one list: import first, writing last. A stage reads the options itself and does nothing where it is not asked
// for.
const std::vector<Stage>& stages();

// The stages of one phase; with options.check_only just import and passes. Errors name the stage's subject, not the
// stage.
Status run(Compression& compression, Phase phase);
// Those of a phase from the one of this name on.
Status run_from(Compression& compression, Phase phase, const char* first);
// All of them.
Status run(Compression& compression);

// One function a stage, each in a file of its own (stage_<name>.cpp).
Status read_budget(Compression& c);          // bounds -> budget; what contradicts itself is an error
Status read_plan(Compression& c);            // options.plan -> given; its recipe goes before the options
Status check_options(Compression& c);        // options that would have no effect, files written over others
Status import_network(Compression& c);       // options.model -> graph
Status run_passes(Compression& c);           // graph rewritten; original = graph
Status check_network(Compression& c);        // weights are numbers; --keep-wide names layers
Status check_plan(Compression& c);           // given fits the network; its formats -> format
Status open_samples(Compression& c);         // preprocessing, samples
Status check_samples(Compression& c);        // refuses noise and NaN, warns of few; says so of networks with own scales
Status describe_network(Compression& c);     // what the file says about itself -> graph.metadata
Status remove_dead(Compression& c);          // graph without channels that say nothing
Status remove_redundant(Compression& c);     // graph without channels that repeat others, or given.redundant
Status prune_channels(Compression& c);       // budget.multiply_adds or given channels -> graph, plan.channels
Status choose_recipe(Compression& c);        // options: equalisation, ranges and rounding that were not given
Status recover_weights(Compression& c);      // options.recover: graph with trained weights
Status equalize_channels(Compression& c);    // graph, samples -> graph
Status find_ranges(Compression& c);          // graph, samples -> ranges
Status note_ranges(Compression& c);          // ranges -> plan
Status round_weights(Compression& c);        // graph, ranges, samples -> format.rounded
Status share_weights(Compression& c);        // graph, samples -> format.rounded: codebooks, --sparsity
Status quantize_graph(Compression& c);       // graph, ranges, format -> graph, decisions
Status verify_result(Compression& c);        // the quantized graph against the original on samples -> fidelity
Status measure_layers(Compression& c);       // for the report: SQNR, each layer alone
Status judge_result(Compression& c);         // an error where that has collapsed
Status export_onnx(Compression& c);          // options.export_onnx: the quantized graph -> exported
Status pack_weights(Compression& c);         // constants in the kernels' order
Status check_multiply_adds(Compression& c);  // graph against budget.multiply_adds -> missed
Status complete_plan(Compression& c);        // decisions -> plan
Status write_file(Compression& c);           // options.output, and the summary on stdout
Status write_others(Compression& c);         // options.plan_out, export_onnx, reports; what fails -> undone

void write_reports(Compression& c);  // options.reports; part of write_others, or of judge_result's refusal

// Ranges as the given plan has them; an error where one is missing or its tensor is.
Status repeat_ranges(Compression& c);

}  // namespace nibble::compress
