#include "converter/shapes/make_network.h"

#include <algorithm>
#include <map>
#include <string>

#include "converter/calibrate/calibrate.h"
#include "converter/execute/executor.h"
#include "converter/passes/pass.h"
#include "converter/shapes/blocks.h"
#include "converter/shapes/rows.h"
#include "core/text.h"
#include "core/try.h"
#include "format/pack_graph.h"

namespace nibble::shapes {
namespace {

using Kept = std::map<std::string, TensorId>;

Error in_row(const Row& row, const std::string& message) {
  return Error{Code::invalid_argument, format("line %d, '%s': %s", row.line, row.text.c_str(), message.c_str())};
}

Status check_options(const Options& o) {
  if (o.size < 0 || o.size > kMostSize)
    return Error{Code::invalid_argument, format("size %lld, expected 1 to %lld", static_cast<long long>(o.size),
                                                static_cast<long long>(kMostSize))};
  if (o.batch < 1 || o.batch > kMostBatch)
    return Error{Code::invalid_argument, format("batch %lld, expected 1 to %lld", static_cast<long long>(o.batch),
                                                static_cast<long long>(kMostBatch))};
  if (!(o.channels > 0) || o.channels > kMostFactor)
    return Error{Code::invalid_argument,
                 format("factor %g of channels, expected more than 0 and at most %g", o.channels, kMostFactor)};
  return {};
}

// Letters and words a row may have. `words` is a list separated by spaces.
Status check_row(const Row& row, std::string_view numbers, std::string_view needed, std::string_view words) {
  for (const auto& [letter, value] : row.numbers) {
    if (numbers.find(letter) == std::string_view::npos)
      return in_row(row, format("no number '%c' here, known: %s", letter, std::string(numbers).c_str()));
    if (value < 1 && letter != 'p' && letter != 'o') return in_row(row, format("'%c0', expected 1 or more", letter));
  }
  for (char letter : needed) {
    if (!row.numbers.contains(letter)) return in_row(row, format("the number '%c' is missing", letter));
  }
  const std::string known = " " + std::string(words) + " ";
  int activations = 0;
  for (const std::string& word : row.words) {
    const bool activation = NetworkBuilder::is_activation(word) && known.find(" activation ") != std::string::npos;
    if (activation && ++activations > 1) return in_row(row, "two activations");
    if (!activation && known.find(" " + word + " ") == std::string::npos)
      return in_row(row, format("unknown word '%s', known:%s", word.c_str(), known.c_str()));
  }
  return {};
}

Status add_input(NetworkBuilder& net, const Row& row, const Options& options, TensorId& x) {
  NBL_CHECK(check_row(row, "cstd", "", "scaled"));
  const bool picture = row.numbers.contains('c') && row.numbers.contains('s') && row.numbers.size() == 2;
  const bool tokens = row.numbers.contains('d') && row.numbers.contains('t') && row.numbers.size() == 2;
  if (!picture && !tokens) return in_row(row, "expected c and s (a picture), or d and t (tokens)");
  const Block block{row, {}, row.has("scaled") ? options.channels : 1.0};
  const auto size = [&](char letter) { return options.size > 0 ? options.size : row.number(letter, 1); };
  if (picture) {
    x = net.input("input", {options.batch, block.channels('c'), size('s'), size('s')});
  } else {
    x = net.input("input", {options.batch, size('t'), block.channels('d')});
  }
  return {};
}

Result<TensorId> add_row(NetworkBuilder& net, const Row& row, const Options& options, TensorId last, const Kept& kept) {
  const auto& table = kinds();
  const auto kind = std::find_if(table.begin(), table.end(), [&](const Kind& k) { return row.kind == k.name; });
  if (kind == table.end()) {
    std::string known = "input";
    for (const Kind& k : table) known += std::string(" ") + k.name;
    return in_row(row, "unknown kind of row, known: " + known);
  }
  NBL_CHECK(check_row(row, kind->numbers, kind->needed, kind->words));
  if (last == kNoTensor) return in_row(row, "expected 'input' first");
  Block block{row, {}, options.channels};
  for (const std::string& name : row.inputs) {
    const auto found = kept.find(name);
    if (found == kept.end()) return in_row(row, "no row above keeps '" + name + "'");
    block.inputs.push_back(found->second);
  }
  if (block.inputs.empty()) block.inputs.push_back(last);
  if (block.inputs.size() < kind->least_inputs || block.inputs.size() > kind->most_inputs)
    return in_row(
        row, format("%zu inputs, expected %zu to %zu", block.inputs.size(), kind->least_inputs, kind->most_inputs));
  net.set_prefix(format("%s%d", row.kind.c_str(), row.line));
  const TensorId out = kind->build(net, block);
  if (!net.status()) return in_row(row, net.status().error().message);
  return out;
}

// Noise of the size that weights expect. Sequences of earlier keys and values get the same.
Result<std::vector<reference::FloatValue>> noise_inputs(const Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<reference::FloatValue> out;
  for (TensorId id : graph.inputs) {
    NBL_TRY(reference::FloatValue value, reference::make_value<float>(graph.desc(id)));
    for (float& v : value.real) v = static_cast<float>(static_cast<int32_t>(random())) * (1.7f / 2147483648.0f);
    out.push_back(std::move(value));
  }
  return out;
}

Result<quantization::Ranges> calibrate_on_noise(const Graph& graph, uint32_t seed, int samples) {
  NBL_TRY(const auto executor, make_cpu_executor(graph));
  calibrate::Calibrator calibrator(graph);
  for (int i = 0; i < samples; ++i) {
    NBL_TRY(auto inputs, noise_inputs(graph, seed + 1 + static_cast<uint32_t>(i)));
    NBL_CHECK(executor->run(std::move(inputs), calibrator.observer()));
  }
  return calibrator.ranges({});
}

}  // namespace

Result<Graph> make_network(std::string_view text, const Options& options) {
  NBL_CHECK(check_options(options));
  NBL_TRY(const std::vector<Row> rows, parse_rows(text));
  NetworkBuilder net(options.seed);
  Kept kept;
  TensorId last = kNoTensor;
  for (const Row& row : rows) {
    if (row.kind == "input") {
      if (last != kNoTensor) return in_row(row, "a second input");
      NBL_CHECK(add_input(net, row, options, last));
    } else {
      NBL_TRY(last, add_row(net, row, options, last, kept));
    }
    if (!row.result.empty() && !kept.emplace(row.result, last).second)
      return in_row(row, "'" + row.result + "' names another row's result");
  }
  if (last == kNoTensor) return Error{Code::invalid_argument, "the network has no rows"};
  if (!net.has_outputs()) net.output(last);
  if (!net.status()) return net.status().error();
  Graph graph = net.take();
  NBL_CHECK(verify(graph));
  return graph;
}

Result<quantization::Quantized> convert_network(Graph graph, const quantization::Options& format_options,
                                                const Options& options, int samples) {
  const bool integers = format_options.activations == quantization::ActivationFormat::int8;
  NBL_CHECK(passes::run(graph, {.integer_activations = integers}));
  graph.metadata["format"] =
      format("weights %s, activations %s", to_string(format_options.weights), to_string(format_options.activations));
  graph.metadata["weights"] = format("random, seed %u: for measuring speed, results mean nothing", options.seed);
  quantization::Ranges ranges;
  if (integers) {
    NBL_TRY(ranges, calibrate_on_noise(graph, options.seed, samples));
  }
  NBL_TRY(quantization::Quantized quantized, quantization::quantize(graph, ranges, format_options));
  graph = {};
  NBL_CHECK(pack_graph(quantized.graph));
  return quantized;
}

}  // namespace nibble::shapes
