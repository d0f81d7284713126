// nibble-shapes: the layer shapes of well-known networks as .nbl files with random weights, for measuring speed.
#include <cstdio>
#include <filesystem>

#include "converter/shapes/make_network.h"
#include "converter/shapes/networks.h"
#include "converter/shapes_options.h"
#include "converter/tool_main.h"
#include "core/text.h"
#include "core/try.h"
#include "format/writer.h"
#include "graph/cost.h"
#include "media/read_file.h"
#include "nibble/version.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;

struct Wanted {
  std::string name, source, rows;
};

Result<std::vector<Wanted>> wanted_networks(const std::vector<std::string>& names) {
  std::vector<Wanted> out;
  const auto add = [&](const shapes::Network& n) { out.push_back({n.name, n.source, n.rows}); };
  for (const std::string& name : names) {
    if (name == "all" || name == "layers") {
      for (const shapes::Network& n : shapes::networks()) {
        if (std::string_view(n.group) == (name == "all" ? "network" : "layer")) add(n);
      }
    } else if (const shapes::Network* n = shapes::find_network(name)) {
      add(*n);
    } else if (fs::is_regular_file(name)) {
      NBL_TRY(const std::vector<uint8_t> bytes, media::read_file(name, 1 << 20));
      out.push_back({fs::path(name).stem(), name, std::string(bytes.begin(), bytes.end())});
    } else {
      return Error{Code::not_found, "'" + name + "' is neither in the list (--list) nor a file of rows"};
    }
  }
  return out;
}

void print_list() {
  for (const shapes::Network& n : shapes::networks()) {
    if (n.giga > 0) {
      std::printf("%-26s %8.4f G  %s\n", n.name, n.giga, n.source);
    } else {
      std::printf("%-26s %10s  %s\n", n.name, "", n.source);
    }
  }
}

// "resnet18.s448.b4.int8.nbl": what differs from the list is in the name.
std::string file_name(const std::string& name, const shapes::Options& shape, quantization::WeightFormat weights) {
  std::string out = name;
  if (shape.size > 0) out += format(".s%lld", static_cast<long long>(shape.size));
  if (shape.batch != 1) out += format(".b%lld", static_cast<long long>(shape.batch));
  if (shape.channels != 1.0) out += format(".c%g", shape.channels);
  return out + "." + to_string(weights) + ".nbl";
}

Status make_file(const Wanted& wanted, quantization::WeightFormat weights, const ShapesOptions& o) {
  using quantization::ActivationFormat;
  using quantization::WeightFormat;
  const bool narrow = weights == WeightFormat::int8 || weights == WeightFormat::int4;
  quantization::Options options{
      .weights = weights,
      .activations = o.activations.value_or(narrow ? ActivationFormat::int8 : ActivationFormat::real)};
  options.group_size = o.group_size;
  NBL_TRY(Graph graph, shapes::make_network(wanted.rows, o.shape));
  graph.metadata["producer"] = std::string("nibble-shapes ") + version();
  graph.metadata["network"] = wanted.name + (wanted.source.empty() ? "" : ": shapes of " + wanted.source);
  const uint64_t work = multiply_adds(graph);
  NBL_TRY(const quantization::Quantized made, shapes::convert_network(std::move(graph), options, o.shape, o.samples));
  const std::string path = (fs::path(o.folder) / file_name(wanted.name, o.shape, weights)).string();
  NBL_CHECK(write_model(made.graph, path));
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  std::printf("%s: %zu nodes, %.4f G multiply-adds, %.1f kB, random weights\n", path.c_str(), made.graph.nodes.size(),
              static_cast<double>(work) / 1e9, error ? 0.0 : static_cast<double>(bytes) / 1000.0);
  std::fflush(stdout);
  return {};
}

Status run(const ShapesOptions& o) {
  if (o.list) {
    print_list();
    return {};
  }
  NBL_TRY(const std::vector<Wanted> wanted, wanted_networks(o.networks));
  std::error_code error;
  fs::create_directories(o.folder, error);
  if (error) return Error{Code::io, "cannot make the folder '" + o.folder + "': " + error.message()};
  for (const Wanted& network : wanted) {
    for (const auto weights : o.weights) {
      if (Status made = make_file(network, weights, o); !made)
        return Error{made.error().code, network.name + ": " + made.error().message};
    }
  }
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  return nibble::run_tool_main("nibble-shapes", [&] {
    const nibble::ShapesOptions options = nibble::parse_shapes_options(argc, argv);
    if (nibble::Status status = nibble::run(options); !status) {
      std::fprintf(stderr, "nibble-shapes: %s\n", status.error().message.c_str());
      return 1;
    }
    return 0;
  });
}
