// What is asked for must make sense as a whole: an option that would have no effect is an error, not a silence, and so
// is a file that would be written over another of this run. Before anything takes time.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "converter/compress/stages.h"
#include "converter/export/export.h"
#include "converter/quantize/formats.h"
#include "converter/statistics/moments_file.h"
#include "core/atomic_file.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::compress {
namespace {

namespace fs = std::filesystem;
using quantization::ActivationFormat;
using quantization::WeightFormat;

struct NamedFile {
  std::string option;
  std::string path;
};

// The first of `names` that was on the command line; empty: none.
std::string first_given(const ConvertOptions& o, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (o.given.contains(name)) return name;
  }
  return {};
}

// Options of which one is useless without what it serves: its name, and what has to be there.
Status check_effects(const ConvertOptions& o) {
  const WeightFormat w = o.format.weights;
  const bool integers = w == WeightFormat::int8 || w == WeightFormat::int4;
  const bool floats = w == WeightFormat::fp32 || w == WeightFormat::fp16;
  const bool searches = !o.max_size.empty() || !o.max_drop.empty() || o.target_latency > 0.0;
  const bool repeats = !o.plan.empty();
  const auto about_rounding = {"rounding", "no-propagate", "no-held-out-fit", "no-bias-correction", "no-clip-search",
                               "augment",  "stats"};
  const auto needs = [&](bool met, std::initializer_list<const char*> names, const std::string& what) -> Status {
    const std::string name = met ? std::string() : first_given(o, names);
    if (name.empty()) return {};
    return Error{Code::invalid_argument, "--" + name + " would have no effect: " + what};
  };
  const std::string weights = std::string("--weights is ") + to_string(w);
  if (!repeats) {
    NBL_CHECK(needs(!floats, about_rounding, "it is about quantized weights, " + weights));
    NBL_CHECK(needs(!o.format.power_of_two, about_rounding, "weights are rounded to nearest with --scale po2"));
    NBL_CHECK(needs(w == WeightFormat::int4 || (searches && integers), {"group-size"},
                    "groups are for int4 weights, " + weights));
    NBL_CHECK(needs(!floats, {"sparsity", "scale"}, "it is about quantized weights, " + weights));
    NBL_CHECK(needs(o.format.activations == ActivationFormat::int8, {"ranges", "percentile"},
                    "ranges are for int8 activations, --activations is " +
                        std::string(o.format.activations == ActivationFormat::real ? "float" : "fp16")));
    NBL_CHECK(needs(o.ranges.method == calibrate::Method::percentile, {"percentile"}, "it needs --ranges percentile"));
    NBL_CHECK(needs(!o.equalize || !floats, {"equalize"}, "it is about quantized weights, " + weights));
    NBL_CHECK(needs(!o.max_macs.empty(), {"prune-metric", "no-compensate", "statistics-correction"},
                    "channels are removed for --max-macs, which is not given"));
    NBL_CHECK(needs(!o.recover.empty(), {"recover-steps"}, "it needs --recover"));
  }
  NBL_CHECK(needs(!o.calibrate.empty() || !o.equalize, {"equalize"}, "it needs samples: give --calibrate PATH"));
  NBL_CHECK(needs(!o.calibrate.empty(), {"skip", "samples", "augment"}, "there are no samples: give --calibrate PATH"));
  NBL_CHECK(needs(!o.calibrate.empty() || o.verify == 0, {"verify"}, "it needs samples: give --calibrate PATH"));
  return needs(o.executor == "device" || o.target_latency > 0.0, {"device"},
               "it needs --executor device or --target-latency");
}

// What cannot be had together.
Status check_contradictions(const ConvertOptions& o) {
  const WeightFormat w = o.format.weights;
  const auto refuse = [](const std::string& text) { return Error{Code::invalid_argument, text}; };
  if (o.format.power_of_two && quantization::has_codebook(w)) {
    return refuse(std::string("--scale po2 goes with int8 and int4 weights: with --weights ") + to_string(w) +
                  " a layer's scales belong to its codebook");
  }
  if (o.format.power_of_two && o.sparsity != rounding::SparsityPattern::dense) {
    return refuse(
        "--sparsity and --scale po2: zeros are chosen while weights are rounded by second moments, and scales "
        "that are powers of two are rounded to nearest; leave one away");
  }
  if (!o.stats.empty()) {
    for (const auto& [option, given] : {std::pair{"--max-macs", !o.max_macs.empty()},
                                        {"--recover", !o.recover.empty()},
                                        {"--equalize", o.equalize && o.given.contains("equalize")}}) {
      if (!given) continue;
      return refuse(std::string("--stats and ") + option +
                    ": the statistics are of the network as it came, which that changes; leave one away");
    }
  }
  if (!quantization::has_codebook(w)) return {};
  for (const auto& [option, given] : {std::pair{"--max-size", !o.max_size.empty()},
                                      {"--max-drop", !o.max_drop.empty()},
                                      {"--target-latency", o.target_latency > 0.0}}) {
    if (!given) continue;
    return refuse(std::string(option) + " chooses between int8 and int4 for each layer, --weights " + to_string(w) +
                  " is neither: leave one away");
  }
  return {};
}

std::vector<NamedFile> outputs_of(const ConvertOptions& o) {
  std::vector<NamedFile> out = {{"--output", o.output}};
  for (const std::string& path : o.reports) out.push_back({"--report", path});
  if (!o.plan_out.empty()) out.push_back({"--plan-out", o.plan_out});
  if (!o.export_onnx.empty()) out.push_back({"--export-onnx", o.export_onnx});
  return out;
}

std::vector<NamedFile> inputs_of(const ConvertOptions& o) {
  std::vector<NamedFile> out = {{"the network", o.model}};
  for (const auto& [option, path] : {std::pair{"--calibrate", &o.calibrate},
                                     {"--stats", &o.stats},
                                     {"--preprocess", &o.preprocess},
                                     {"--classes", &o.classes},
                                     {"--labels", &o.labels},
                                     {"--plan", &o.plan},
                                     {"--latency-table", &o.latency_table}}) {
    if (!path->empty()) out.push_back({option, *path});
  }
  return out;
}

// Devices (/dev/null) may be named more than once.
bool same_file(const std::string& a, const std::string& b) {
  std::error_code failed;
  const fs::file_status status = fs::status(a, failed);
  if (fs::exists(status)) return fs::is_regular_file(status) && fs::equivalent(a, b, failed) && !failed;
  const fs::path first = fs::weakly_canonical(a, failed), second = fs::weakly_canonical(b, failed);
  return !failed && first == second;
}

Status check_files(const ConvertOptions& o) {
  const std::vector<NamedFile> outputs = outputs_of(o), inputs = inputs_of(o);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto clash = [&](const std::vector<NamedFile>& others, size_t count) -> Status {
      for (size_t j = 0; j < count; ++j) {
        if (!same_file(outputs[i].path, others[j].path)) continue;
        return Error{Code::invalid_argument,
                     format("%s '%s' would be written over %s '%s': give another name", outputs[i].option.c_str(),
                            outputs[i].path.c_str(), others[j].option.c_str(), others[j].path.c_str())};
      }
      return {};
    };
    NBL_CHECK(clash(inputs, inputs.size()));
    NBL_CHECK(clash(outputs, i));
    // A folder that is missing or read-only is found now, not after the work; what is created here goes away again.
    std::error_code failed;
    const fs::file_status status = fs::status(outputs[i].path, failed);
    if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) continue;
    NBL_TRY(const AtomicFile tried, AtomicFile::create(outputs[i].path));
  }
  return {};
}

}  // namespace

Status check_options(Compression& c) {
  if (c.options.check_only) return {};
  NBL_CHECK(check_effects(c.options));
  NBL_CHECK(check_contradictions(c.options));
  if (!c.options.stats.empty()) {
    NBL_TRY(c.options.stats_checksum, statistics::checksum(c.options.stats));
  }
  if (!c.options.stats.empty() && c.options.equalize) {
    c.options.equalize = false;
    if (!c.options.calibrate.empty())
      std::printf(
          "channels stay as they are (no equalisation, none that repeat others removed): --stats are of the "
          "network as it came\n");
  }
  return check_files(c.options);
}

Status check_network(Compression& c) {
  std::vector<const Node*> layers;
  for (const Node& node : c.graph.nodes) {
    if (quantization::has_weights(node)) layers.push_back(&node);
  }
  NBL_CHECK(quantization::check_finite(c.graph));
  if (!c.options.export_onnx.empty()) {
    if (Status status = onnx_export::check_exportable(c.graph); !status)
      return std::move(status).error().with_context("--export-onnx");
  }
  for (size_t p = 0; p < c.options.format.keep_wide.size(); ++p) {
    const auto matches = [&](const Node* layer) {
      return std::regex_search(layer->name, c.options.format.keep_wide[p]);
    };
    if (std::any_of(layers.begin(), layers.end(), matches)) continue;
    std::string names;
    for (size_t i = 0; i < std::min<size_t>(layers.size(), 5); ++i) names += (i ? ", '" : "'") + layers[i]->name + "'";
    return Error{Code::not_found,
                 format("--keep-wide: the %zu. pattern names none of the %zu layers with weights (%s%s)", p + 1,
                        layers.size(), names.c_str(), layers.size() > 5 ? ", ..." : "")};
  }
  return {};
}

}  // namespace nibble::compress
