// The ONNX package's own node tests, as make_node_cases.py writes them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converter/onnx/read.h"
#include "graph/graph.h"

namespace nibble::test {

using Numbers = std::vector<double>;

// One way to import a case: some of its inputs stay inputs, the others become constants.
struct Attempt {
  std::string fed;  // "all", "first" or "none"
  Graph graph;
  std::string refusal;  // why it was not imported; empty when `graph` is whole
};

struct NodeCase {
  std::string name;
  std::vector<Attempt> attempts;
  std::map<std::string, onnx_import::Constant> inputs;
  std::vector<onnx_import::Constant> outputs;  // expected
};

// Where the cases lie; nothing when they were not written (python3-onnx is absent).
std::optional<std::filesystem::path> node_case_folder();

// Cases that only use operators of ai.onnx that nibble claims to import, sorted by name.
std::vector<std::filesystem::path> claimed_node_cases(const std::filesystem::path& folder);

// Imports a case in each way that makes a difference; imported graphs have gone through the passes.
NodeCase load_node_case(const std::filesystem::path& folder);

// The graph's outputs as real numbers, computed by the oracle.
Result<std::vector<Numbers>> run_oracle(const Graph& graph, const NodeCase& node_case);

// What is wrong with the results; empty when they are those expected. ONNX's own tolerance is 1e-3 relative and
// `absolute` 1e-7; that is not reachable in fp32 where values cancel.
std::string difference(const NodeCase& node_case, const Graph& graph, const std::vector<Numbers>& results,
                       double absolute);

}  // namespace nibble::test
