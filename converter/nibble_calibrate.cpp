// nibble-calibrate: gathers what samples say of a network into a file that nibble-convert --stats takes; resumes,
// merges.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>

#include "converter/data/network_inputs.h"
#include "converter/dim_option.h"
#include "converter/number_option.h"
#include "converter/onnx/import.h"
#include "converter/outputs_option.h"
#include "converter/passes/pass.h"
#include "converter/prune/dead_channels.h"
#include "converter/statistics/gather.h"
#include "converter/statistics/moments_file.h"
#include "converter/tool_main.h"
#include "core/atomic_file.h"
#include "core/text.h"
#include "core/try.h"
#include "media/progress.h"
#include "nibble/version.h"

namespace nibble {
namespace {

constexpr const char* kExamples = R"(
Examples:
  nibble-calibrate net.onnx --data photos/ --preprocess imagenet.json -o net.stats
      a second run with the same arguments goes on where the first ended or was interrupted
  nibble-calibrate net.onnx --data photos/ --samples 500 -o a.stats
  nibble-calibrate net.onnx --data photos/ --skip 500 -o b.stats
  nibble-calibrate --merge a.stats b.stats -o net.stats
      parts of a data set, gathered apart, add up)";

struct CalibrateOptions {
  std::string model;
  std::string data;
  std::string preprocess;
  std::string output;
  std::vector<std::string> merge;
  std::vector<std::string> dim_texts;
  DimBindings dims;
  std::vector<std::string> outputs;  // tensors to end at, as for nibble-convert
  size_t skip = 0;
  size_t samples = std::numeric_limits<size_t>::max();
  size_t every = 64;
  size_t memory_mb = statistics::kMostMomentBytes >> 20;
  int64_t positions = 64;
  int threads = 2;
};

CalibrateOptions parse(int argc, char** argv) {
  CalibrateOptions o;
  CLI::App app{"Gathers second moments of a network's layers over samples.", "nibble-calibrate"};
  app.set_version_flag("--version", std::string("nibble-calibrate ") + version());
  app.footer(kExamples);
  app.add_option("model", o.model, "ONNX file");
  app.add_option("--data", o.data, "samples: a folder of pictures, a list, .npy files, MNIST idx");
  app.add_option("-o,--output", o.output, "file of statistics; samples that it already holds are not run again")
      ->required();
  app.add_option("--merge", o.merge, "add up these files instead");
  app.add_option("--preprocess", o.preprocess, "JSON: how a picture becomes the network's input");
  app.add_option("--skip", o.skip, "leave out the first K samples")->check(count_between(0, kMostSampleCount));
  app.add_option("--samples", o.samples, "use at most N samples")->check(count_between(1, kMostSampleCount));
  app.add_option("--positions", o.positions, "output positions of a sample that count for each layer")
      ->check(count_between(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--save-every", o.every, "write the file after so many samples")
      ->check(count_between(1, kMostSampleCount))
      ->capture_default_str();
  app.add_option("--memory", o.memory_mb,
                 "MB of sums held at once; a network with more takes several runs over the samples")
      ->check(count_between(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "the result does not depend on it")
      ->check(count_between(1, 256))
      ->capture_default_str();
  app.add_option("--dim", o.dim_texts, "NAME=SIZE: fixes a free dimension; may be repeated");
  add_outputs_option(app, o.outputs);
  try {
    app.parse(argc, argv);
    if (o.merge.empty() && (o.model.empty() || o.data.empty()))
      throw CLI::RequiredError("model and --data, or --merge");
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& text : option->results()) {
        if (text.empty()) throw CLI::ValidationError(option->get_name(), "expected a value, found nothing");
      }
    }
    if (!o.merge.empty() && !o.data.empty()) throw CLI::ValidationError("--merge", "takes no --data");
    if (!o.merge.empty() && !o.model.empty()) throw CLI::ValidationError("--merge", "takes no model");
    o.dims = parse_dims(o.dim_texts);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  return o;
}

Status print_summary(const std::string& path) {
  NBL_TRY(const statistics::MomentsFile file, statistics::MomentsFile::open(path));
  std::printf("%s: %llu samples, %zu layers, %.1f MB of sums\n", path.c_str(),
              static_cast<unsigned long long>(file.origin().sample_count()), file.layers().size(),
              static_cast<double>(file.bytes()) / 1e6);
  return {};
}

// What is there already: an error where it is something else, which must not be written over, and where nothing can be
// written. Found before samples are run.
Result<std::optional<statistics::MomentsFile>> begun(const std::string& path) {
  std::optional<statistics::MomentsFile> file;
  std::error_code failed;
  const std::filesystem::file_status status = std::filesystem::status(path, failed);
  if (std::filesystem::exists(status)) {
    auto read = statistics::MomentsFile::open(path);
    if (!read) return std::move(read).error().with_context("--output holds no statistics to go on with");
    file = std::move(*read);
  }
  NBL_TRY(const AtomicFile tried, AtomicFile::create(path));
  return file;
}

Status merge_files(const CalibrateOptions& o) {
  NBL_CHECK(begun(o.output));
  NBL_CHECK(statistics::add_files(o.merge, o.output));
  return print_summary(o.output);
}

Result<Graph> read_network(const CalibrateOptions& o) {
  NBL_TRY(onnx_import::Imported imported, onnx_import::import_file(o.model, o.dims, o.outputs));
  if (!imported.obstacles.empty()) {
    return Error{Code::unsupported_op,
                 format("'%s' cannot be read, %zu obstacle(s):\n", o.model.c_str(), imported.obstacles.size()) +
                     onnx_import::describe(imported.obstacles)};
  }
  NBL_CHECK(passes::run(imported.graph, {.integer_activations = true}));
  // As nibble-convert does before it rounds, whatever it is asked for.
  NBL_TRY(prune::DeadChannels dead, prune::remove_dead_channels(imported.graph));
  return std::move(dead.removed > 0 ? dead.graph : imported.graph);
}

// A file of statistics has its layers by name.
struct LayersByName {
  explicit LayersByName(const Graph& graph) : nodes(statistics::moment_layers(graph)) {
    const auto name = [&](NodeId id) -> const std::string& { return graph.nodes[static_cast<size_t>(id)].name; };
    std::sort(nodes.begin(), nodes.end(), [&](NodeId a, NodeId b) { return name(a) < name(b); });
  }
  std::vector<NodeId> nodes;
};

Status calibrate(const CalibrateOptions& o) {
  NBL_TRY(const Graph graph, read_network(o));
  if (statistics::moment_layers(graph).empty())
    return Error{Code::invalid_argument, "'" + o.model + "': no layer has weights, there is nothing to gather"};
  media::Preprocessing preprocessing;
  if (!o.preprocess.empty()) {
    NBL_TRY(preprocessing, media::read_preprocessing(o.preprocess));
  }
  media::SampleOptions sample_options{o.skip, o.samples, {}};
  for (TensorId id : graph.inputs) sample_options.input_names.push_back(graph.desc(id).name);
  NBL_TRY(const media::SampleSet set, media::open_samples(o.data, sample_options));

  statistics::MomentsOrigin origin{statistics::fingerprint(graph), o.positions, media::to_json(preprocessing), {}};
  NBL_TRY(std::optional<statistics::MomentsFile> file, begun(o.output));
  if (file) {
    const auto both = statistics::joined(file->origin(), origin);
    if (!both) return Error(both.error()).with_context("'" + o.output + "'");
    origin = *both;
  }
  const LayersByName layers(graph);
  const auto stages = statistics::moment_stages(graph, layers.nodes, o.memory_mb << 20);
  media::Progress progress("gathering", set.size());
  const uint64_t end = o.skip + set.size();
  for (uint64_t at = o.skip; at < end;) {
    const uint64_t first = origin.first_missing(at);
    progress.advance(static_cast<size_t>(std::min(first, end) - at));
    if (first >= end) break;
    uint64_t last = std::min<uint64_t>(first + o.every, end);
    for (const auto& part : origin.samples) {
      if (part.first > first) last = std::min(last, part.first);
    }
    statistics::SampleFeed feed;
    feed.count = static_cast<size_t>(last - first);
    const auto index = [&](size_t i) { return static_cast<size_t>(first - o.skip) + i; };
    feed.dims = [&](size_t i) { return dims_of_sample(graph, set, index(i), preprocessing); };
    feed.inputs = [&](const Graph& bound, size_t i) { return sample_inputs(bound, set, index(i), preprocessing); };
    statistics::MomentsOrigin part = origin;
    part.samples = {{first, last}};
    auto both = statistics::joined(origin, part);
    if (!both) return std::move(both).error().with_context("'" + o.output + "'");
    origin = std::move(*both);
    std::optional<statistics::MomentsWriter> writer;
    for (size_t s = 0; s < stages.size(); ++s) {
      const auto done = [&] {
        if (s + 1 == stages.size()) progress.advance();
      };
      NBL_TRY(statistics::Gathered gathered,
              statistics::gather(graph, stages[s], {}, feed, first, {.positions = o.positions, .threads = o.threads},
                                 done));
      if (!writer) {
        NBL_TRY(writer, statistics::MomentsWriter::create(o.output, origin, layers.nodes.size()));
      }
      for (NodeId id : stages[s]) {
        const std::string& name = graph.nodes[static_cast<size_t>(id)].name;
        statistics::LayerMoments moments = std::move(gathered.layers.at(id));
        if (file) {
          NBL_TRY(const statistics::LayerMoments before, file->layer(name));
          NBL_CHECK(moments.merge(before));
        }
        NBL_CHECK(writer->add(name, moments));
      }
    }
    NBL_CHECK(writer->finish());
    NBL_TRY(file, statistics::MomentsFile::open(o.output));
    at = last;
  }
  progress.finish();
  return print_summary(o.output);
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  return nibble::run_tool_main("nibble-calibrate", [&] {
    const nibble::CalibrateOptions options = nibble::parse(argc, argv);
    if (nibble::Status status = options.merge.empty() ? nibble::calibrate(options) : nibble::merge_files(options);
        !status) {
      std::fprintf(stderr, "nibble-calibrate: %s\n", status.error().message.c_str());
      return 1;
    }
    return 0;
  });
}
