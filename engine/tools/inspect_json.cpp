#include <nlohmann/json.hpp>

#include "kernels/kernel_table.h"
#include "tools/inspect_output.h"

namespace nibble {
namespace {

using nlohmann::ordered_json;
using Kind = PlanBuffer::Kind;

ordered_json tensors_json(const std::vector<TensorFacts>& tensors) {
  ordered_json out = ordered_json::array();
  for (const TensorFacts& t : tensors) {
    out.push_back({{"name", t.name}, {"type", t.type}, {"shape", t.shape}, {"quantization", t.quantization}});
  }
  return out;
}

ordered_json layers_json(const ModelFacts& facts) {
  ordered_json out = ordered_json::array();
  for (const LayerFacts& layer : facts.layers) {
    out.push_back({{"name", layer.name},
                   {"operator", layer.op},
                   {"output", layer.shape},
                   {"weights", layer.weights},
                   {"activations", layer.activations},
                   {"bytes", layer.bytes},
                   {"parameters", layer.parameters},
                   {"multiply_adds", layer.multiply_adds},
                   {"integer", layer.integer}});
  }
  return out;
}

ordered_json steps_json(const Plan& plan) {
  ordered_json out = ordered_json::array();
  for (const Step& step : plan.steps) {
    const std::string_view kernel = kernel_table()[static_cast<size_t>(step.kernel)].name;
    out.push_back({{"kernel", std::string(kernel)},
                   {"label", step.label},
                   {"groups", step.groups},
                   {"multiply_adds", step.multiply_adds},
                   {"integer", step.integer}});
  }
  return out;
}

ordered_json plan_json(const PlanFacts& facts, bool explained) {
  ordered_json out{{"device", facts.device}};
  if (!facts.plan) {
    out["refused"] = facts.refusal;
    return out;
  }
  const Plan& plan = *facts.plan;
  out["peak_bytes"] = plan.device_bytes();
  out["weights_bytes"] = plan.bytes(Kind::constants);
  out["activations_bytes"] = plan.bytes(Kind::arena);
  out["tables_bytes"] = plan.bytes(Kind::table);
  out["inputs_bytes"] = plan.bytes(Kind::input);
  out["outputs_bytes"] = plan.bytes(Kind::output);
  out["integer_share"] = plan.integer_share();
  if (explained) out["steps"] = steps_json(plan);
  return out;
}

}  // namespace

std::string to_json(const ModelFacts& facts, const PlanFacts& plan, bool explained) {
  ordered_json sections = ordered_json::object(), metadata = ordered_json::object();
  for (const SectionFacts& section : facts.sections) sections[section.name] = section.bytes;
  for (const MetadataFacts& entry : facts.metadata) metadata[entry.key] = entry.bytes;
  const ordered_json out{{"path", facts.path},
                         {"format", {facts.format_major, facts.format_minor}},
                         {"bytes", facts.file_bytes},
                         {"sections", sections},
                         {"inputs", tensors_json(facts.inputs)},
                         {"outputs", tensors_json(facts.outputs)},
                         {"free_dims", facts.free_dims},
                         {"layers", layers_json(facts)},
                         {"constant_bytes", facts.constant_bytes},
                         {"parameters", facts.parameters},
                         {"multiply_adds", facts.multiply_adds},
                         {"integer_share", facts.integer_share()},
                         {"metadata_bytes", metadata},
                         {"plan", plan_json(plan, explained)}};
  // Names from files need not be UTF-8.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace nibble
