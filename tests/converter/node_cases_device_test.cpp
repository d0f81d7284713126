// The node tests of ONNX that the importer takes, on the device: the result that is expected, or a planned refusal.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"
#include "nibble/nibble.h"
#include "runtime/model_internal.h"
#include "tests/converter/node_cases.h"

namespace nibble::test {
namespace {

template <class T>
Status write_as(Session& session, const std::string& name, const std::vector<std::byte>& bytes) {
  return session.write(name, std::span(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)));
}

Status write_input(Session& session, const TensorInfo& info, const std::vector<std::byte>& bytes) {
  switch (info.type) {
    case DType::f32: return write_as<float>(session, info.name, bytes);
    case DType::i8: return write_as<int8_t>(session, info.name, bytes);
    case DType::i64: return write_as<int64_t>(session, info.name, bytes);
    default: return write_as<uint8_t>(session, info.name, bytes);
  }
}

template <class T>
Result<Numbers> read_as(const Session& session, const TensorInfo& info) {
  std::vector<T> values(info.elements());
  NBL_CHECK(session.read(info.name, std::span<T>(values)));
  return Numbers(values.begin(), values.end());
}

Result<Numbers> read_output(const Session& session, const TensorInfo& info) {
  switch (info.type) {
    case DType::f32: return read_as<float>(session, info);
    case DType::i8: return read_as<int8_t>(session, info);
    case DType::i64: return read_as<int64_t>(session, info);
    default: return read_as<uint8_t>(session, info);
  }
}

Result<std::vector<Numbers>> run_on_device(const Device& device, Graph graph, const NodeCase& node_case) {
  NBL_CHECK(pack_graph(graph));
  NBL_TRY(const Model model, make_model(std::move(graph)));
  NBL_TRY(Session session, Session::create(device, model));
  for (const TensorInfo& info : session.inputs())
    NBL_CHECK(write_input(session, info, node_case.inputs.at(info.name).bytes));
  NBL_CHECK(session.run());
  std::vector<Numbers> out;
  for (const TensorInfo& info : session.outputs()) {
    NBL_TRY(Numbers values, read_output(session, info));
    out.push_back(std::move(values));
  }
  return out;
}

TEST(onnx_node_cases_device, pass_where_they_are_imported) {
  const auto folder = node_case_folder();
  if (!folder) GTEST_SKIP() << "the node cases were not written: install python3-onnx";
  auto device = Device::create();
  ASSERT_TRUE(device) << device.error().message;
  size_t passed = 0;
  for (const auto& path : claimed_node_cases(*folder)) {
    const NodeCase node_case = load_node_case(path);
    // Parameters as constants is how networks come; where data is all there is, the form with the most inputs.
    const auto attempt = std::find_if(node_case.attempts.rbegin(), node_case.attempts.rend(),
                                      [](const Attempt& a) { return a.refusal.empty() && !a.graph.inputs.empty(); });
    if (attempt == node_case.attempts.rend()) continue;
    const auto results = run_on_device(*device, attempt->graph, node_case);
    const std::string problem =
        results ? difference(node_case, attempt->graph, *results, 1e-4) : results.error().message;
    if (problem.empty())
      ++passed;
    else
      ADD_FAILURE() << node_case.name << ", fed " << attempt->fed << ": " << problem;
  }
  std::printf("%zu passed\n", passed);
  EXPECT_GT(passed, 200u);
}

}  // namespace
}  // namespace nibble::test
