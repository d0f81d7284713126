#include "tests/converter/node_cases.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "converter/onnx/import.h"
#include "converter/passes/pass.h"
#include "core/text.h"
#include "core/try.h"
#include "reference/evaluate.h"

namespace nibble::test {
namespace {

using onnx_import::Constant;
namespace fs = std::filesystem;

// The tensor in a file under the name it has in the model.
std::optional<::onnx::TensorProto> read_proto(const fs::path& path, const ::onnx::ValueInfoProto& info) {
  ::onnx::TensorProto tensor;
  std::ifstream in(path, std::ios::binary);
  if (!in || !tensor.ParseFromIstream(&in)) return std::nullopt;
  tensor.set_name(info.name());
  // NumPy knows no bfloat16, so such values are filed as the integers that hold their bits.
  if (info.type().tensor_type().elem_type() == ::onnx::TensorProto::BFLOAT16)
    tensor.set_data_type(::onnx::TensorProto::BFLOAT16);
  return tensor;
}

bool is_claimed(const ::onnx::ModelProto& model) {
  const std::vector<std::string> claimed = onnx_import::supported_operators("");
  return std::all_of(model.graph().node().begin(), model.graph().node().end(), [&](const auto& node) {
    return node.domain().empty() && std::find(claimed.begin(), claimed.end(), node.op_type()) != claimed.end();
  });
}

Attempt attempt(const onnx_import::Model& model, const std::vector<::onnx::TensorProto>& values,
                const std::string& fed) {
  onnx_import::Model copy = model;
  copy.proto = std::make_shared<::onnx::ModelProto>(*model.proto);
  bool first = true;
  for (auto& input : *copy.proto->mutable_graph()->mutable_input()) {
    // A few cases declare another shape than their data has.
    const auto value =
        std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.name() == input.name(); });
    if (value == values.end() || !input.type().has_tensor_type()) continue;
    auto* shape = input.mutable_type()->mutable_tensor_type()->mutable_shape();
    shape->clear_dim();
    for (int64_t d : value->dims()) shape->add_dim()->set_dim_value(d);
  }
  for (const auto& value : values) {
    const auto type = onnx_import::element_type(value.data_type());
    const bool computed = type && (*type == DType::f32 || (first && (*type == DType::i8 || *type == DType::u8)));
    const bool keep = computed && (fed == "all" || (fed == "first" && first));
    first = first && !computed;
    if (!keep) *copy.proto->mutable_graph()->add_initializer() = value;
  }
  Attempt out;
  out.fed = fed;
  auto imported = onnx_import::import_model(copy);
  if (!imported) {
    out.refusal = imported.error().message;
  } else if (!imported->obstacles.empty()) {
    out.refusal = imported->obstacles[0].message;
  } else {
    out.graph = std::move(imported->graph);
    if (Status status = passes::run(out.graph, {}); !status) out.refusal = "passes: " + status.error().message;
  }
  return out;
}

Numbers numbers(const Constant& constant) {
  TensorDesc desc = constant.desc;
  const auto value = reference::value_from_bytes<double>(desc, constant.bytes);
  if (!value) return {};
  return value->is_real() ? value->real : Numbers(value->stored.begin(), value->stored.end());
}

bool close(double a, double b, double absolute, double relative) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= absolute + relative * std::abs(b);
}

}  // namespace

std::optional<fs::path> node_case_folder() {
  const fs::path folder(NIBBLE_NODE_CASES);
  std::error_code ec;
  if (!fs::exists(folder / "complete", ec)) return std::nullopt;
  return folder / "node";
}

std::vector<fs::path> claimed_node_cases(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto model = onnx_import::read((entry.path() / "model.onnx").string());
    if (model && is_claimed(*model->proto)) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

NodeCase load_node_case(const fs::path& folder) {
  NodeCase out;
  out.name = folder.filename().string();
  const auto model = onnx_import::read((folder / "model.onnx").string());
  if (!model) return out;
  std::vector<::onnx::TensorProto> values;
  const auto& graph = model->proto->graph();
  for (int i = 0; i < graph.input_size(); ++i) {
    auto value = read_proto(folder / "test_data_set_0" / format("input_%d.pb", i), graph.input(i));
    if (!value) return out;
    if (auto constant = onnx_import::read_tensor(*value, "")) out.inputs[value->name()] = std::move(*constant);
    values.push_back(std::move(*value));
  }
  for (int i = 0; i < graph.output_size(); ++i) {
    const auto value = read_proto(folder / "test_data_set_0" / format("output_%d.pb", i), graph.output(i));
    if (!value) return out;
    if (auto constant = onnx_import::read_tensor(*value, ""))
      out.outputs.push_back(std::move(*constant));  // strings cannot
  }
  for (const char* fed : {"all", "first", "none"}) out.attempts.push_back(attempt(*model, values, fed));
  return out;
}

Result<std::vector<Numbers>> run_oracle(const Graph& graph, const NodeCase& node_case) {
  reference::ValueMap inputs;
  for (TensorId id : graph.inputs) {
    const auto& desc = graph.desc(id);
    NBL_TRY(reference::Value value, reference::value_from_bytes<double>(desc, node_case.inputs.at(desc.name).bytes));
    inputs.emplace(id, std::move(value));
  }
  NBL_TRY(const reference::ValueMap computed, reference::run(graph, std::move(inputs), {}));
  std::vector<Numbers> out;
  for (TensorId id : graph.outputs) {
    const reference::Value& value = computed.at(id);
    out.push_back(value.is_real() ? value.real : Numbers(value.stored.begin(), value.stored.end()));
  }
  return out;
}

std::string difference(const NodeCase& node_case, const Graph& graph, const std::vector<Numbers>& results,
                       double absolute) {
  if (results.size() != node_case.outputs.size())
    return format("%zu outputs, expected %zu", results.size(), node_case.outputs.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const Constant& expected = node_case.outputs[i];
    const TensorDesc& desc = graph.desc(graph.outputs[i]);
    if (desc.type != expected.desc.type || !(desc.shape == expected.desc.shape)) {
      return format("output %zu is %s %s, expected %s %s", i, to_string(desc.type), to_string(desc.shape).c_str(),
                    to_string(expected.desc.type), to_string(expected.desc.shape).c_str());
    }
    const Numbers wanted = numbers(expected);
    const double relative =
        node_case.name.find("BFLOAT16") != std::string::npos ? 1.0 / 128 : 1e-3;  // bfloat16 is computed in fp32
    if (wanted.size() != results[i].size())
      return format("output %zu has %zu values, expected %zu", i, results[i].size(), wanted.size());
    for (size_t k = 0; k < wanted.size(); ++k) {
      if (close(results[i][k], wanted[k], absolute, relative)) continue;
      return format("output %zu, element %zu: %.9g, expected %.9g", i, k, results[i][k], wanted[k]);
    }
  }
  return "";
}

}  // namespace nibble::test
