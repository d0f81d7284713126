// nibble-inspect: what is in a model file, and what a device would do with it.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/atomic_file.h"
#include "core/text.h"
#include "core/try.h"
#include "format/reader.h"
#include "nibble/version.h"
#include "tools/caps_file.h"
#include "tools/inspect_output.h"
#include "tools/needed_kernels.h"

namespace nibble {
namespace {

constexpr const char* kExamples = R"(
Examples:
  nibble-inspect net.nbl
      layers, shapes, precision, bytes, multiply-adds, peak device memory
  nibble-inspect net.nbl --explain --caps phone.json
      the kernels that phone would run; `vulkaninfo -j` writes such a file
  nibble-inspect net.nbl --dim N=4 --json report.json
      everything for a batch of 4, for scripts
  nibble-inspect net.nbl --explain --caps android_2021.json --assume-vulkan-1.1
      a Vulkan 1.0 device planned as if it were a 1.1 one
  nibble-inspect net.nbl --explain --caps rtx.json --device-type discrete
      a report that does not say that the GPU has memory of its own
  nibble-inspect net.nbl --needed-kernels > kernels.txt
      for an engine without the other kernels: cmake -DNIBBLE_KERNELS_FOR=kernels.txt)";

struct Options {
  std::string model;
  std::string caps;
  CapsFileOptions caps_file;
  std::string device_type;  // empty for the file's
  std::vector<std::string> dims;
  std::vector<std::string> kernels;
  std::string json;  // a path; "-" for standard output
  bool explain = false;
  bool needed_kernels = false;
};

int parse(int argc, char** argv, Options& o) {
  CLI::App app{"Shows what is in a .nbl file and what a Vulkan device would do with it.", "nibble-inspect"};
  app.set_version_flag("--version", std::string("nibble-inspect ") + version());
  app.footer(kExamples);
  app.add_option("model", o.model, "the .nbl file")->required();
  app.add_flag("--explain", o.explain, "print the plan: every step with kernel, shapes, bytes and groups");
  app.add_flag("--needed-kernels", o.needed_kernels,
               "print only the names of all kernels that the network can need on any device, a line each");
  app.add_option(
      "--caps", o.caps,
      "capabilities of the device to plan for, Vulkan Profiles JSON (default: the least that Vulkan 1.1 allows)");
  app.add_option("--profile", o.caps_file.profile, "which profile of the capability file (default: its first)");
  app.add_flag("--assume-vulkan-1.1", o.caps_file.assume_api_1_1, "plan a Vulkan 1.0 device as if it were a 1.1 one");
  app.add_option("--device-type", o.device_type,
                 "the kind of device to plan for, which decides on kernels: discrete, integrated, virtual, "
                 "cpu or other (default: what the file says; files of gpuinfo.org say nothing)");
  app.add_option("--dim", o.dims, "size of a free dimension, NAME=SIZE (repeatable)");
  app.add_option("--kernel", o.kernels, "force a kernel, FAMILY=NAME (repeatable)");
  app.add_option("--json", o.json, "write everything as JSON to this file, - for standard output");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : 2;
  }
  return -1;
}

Result<DimBindings> parse_dims(const std::vector<std::string>& texts) {
  DimBindings out;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    auto size = equals == std::string::npos ? Result<Dim>(Dim(0)) : Dim::parse(text.substr(equals + 1));
    if (equals == 0 || !size || !size->is_const() || size->value() < 1 || size->value() > kMaxDim) {
      return Error{Code::invalid_argument, format("--dim '%s': expected NAME=SIZE", text.c_str())};
    }
    out[text.substr(0, equals)] = size->value();
  }
  return out;
}

Result<gpu::Caps> caps_to_plan_for(const Options& o) {
  gpu::Caps caps;
  CapsFileOptions file = o.caps_file;
  if (!o.device_type.empty()) {
    if (!gpu::set_caps_field(caps, "device_type", o.device_type, "--device-type")) {
      return Error{
          Code::invalid_argument,
          format("--device-type '%s': expected discrete, integrated, virtual, cpu or other", o.device_type.c_str())};
    }
    file.type = caps.device_type;
  }
  if (!o.caps.empty()) return read_caps_file(o.caps, file);
  caps.device_name = "the least device of Vulkan 1.1";
  return caps;
}

bool needs_plan(const Options& o) { return o.explain || !o.caps.empty(); }

Result<PlanFacts> plan_facts(const Graph& graph, const Options& o, const DimBindings& dims) {
  NBL_TRY(const gpu::Caps caps, caps_to_plan_for(o));
  PlanOptions options{.dims = dims, .kernels = {}};
  std::string overrides;
  for (const std::string& text : o.kernels) overrides += (overrides.empty() ? "" : ",") + text;
  NBL_TRY(options.kernels, KernelOverrides::parse(overrides));
  PlanFacts out{.device = caps.device_name, .plan = {}, .refusal = {}};
  auto plan = make_plan(graph, caps, options);
  if (plan) {
    out.plan = std::move(*plan);
  } else if (needs_plan(o)) {
    return std::move(plan).error().with_context("plan for " + caps.device_name);
  } else {
    out.refusal = plan.error().message;
  }
  return out;
}

Status write_json(const std::string& path, const std::string& text) {
  if (path != "-") return write_file_atomically(path, text);
  std::fputs(text.c_str(), stdout);
  return {};
}

Status run(const Options& o) {
  NBL_TRY(const DimBindings dims, parse_dims(o.dims));
  NBL_TRY(ModelFacts facts, container_facts(o.model));
  NBL_TRY(const Graph graph, read_model(o.model, {.check_data = false}));  // checked with the container
  if (o.needed_kernels) {
    NBL_TRY(const std::vector<std::string> names, tools::needed_kernels(graph, dims));
    for (const std::string& name : names) std::printf("%s\n", name.c_str());
    return {};
  }
  auto bound = bind_dims(graph, dims);
  PlanFacts plan;
  if (bound) {
    NBL_TRY(plan, plan_facts(graph, o, dims));
  } else if (needs_plan(o) || !o.dims.empty()) {
    return std::move(bound).error();
  } else {
    // Free dimensions of 1 can be too small for the network; the rest is still worth showing.
    plan = {.device = "any device", .plan = {}, .refusal = bound.error().message};
  }
  add_graph(facts, graph, bound ? *bound : graph);
  if (!o.json.empty()) NBL_CHECK(write_json(o.json, to_json(facts, plan, o.explain)));
  if (o.json == "-") return {};
  if (o.explain) {
    std::fputs(explain(*plan.plan).c_str(), stdout);
  } else {
    std::fputs(to_text(facts, plan).c_str(), stdout);
  }
  return {};
}

}  // namespace
}  // namespace nibble

int main(int argc, char** argv) {
  nibble::Options options;
  if (const int code = nibble::parse(argc, argv, options); code >= 0) return code;
  nibble::Status status = nibble::run(options);
  if (status && (std::fflush(stdout) != 0 || std::ferror(stdout))) {
    status = nibble::Error{nibble::Code::io, "standard output cannot be written"};
  }
  if (status) return 0;
  std::fprintf(stderr, "nibble-inspect: %s\n", status.error().message.c_str());
  return 1;
}
