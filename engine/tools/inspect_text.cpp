#include <algorithm>

#include "core/text.h"
#include "tools/inspect_output.h"

namespace nibble {
namespace {

using Kind = PlanBuffer::Kind;

// 1234567 as "1,234,567".
std::string grouped(uint64_t value) {
  std::string out = std::to_string(value);
  for (size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

// Names come from files: what a terminal would obey is shown as '?'.
std::string shown(std::string text) {
  for (char& c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F) c = '?';
  }
  return text;
}

std::string header_text(const ModelFacts& facts) {
  std::string sections;
  for (const SectionFacts& section : facts.sections) {
    sections += (sections.empty() ? "" : ", ") + section.name + " " + grouped(section.bytes);
  }
  return format("%s: .nbl format %u.%u, %s bytes (%s)\n", shown(facts.path).c_str(), facts.format_major,
                facts.format_minor, grouped(facts.file_bytes).c_str(), sections.c_str());
}

std::string tensors_text(const char* title, const std::vector<TensorFacts>& tensors) {
  std::string out = std::string(title) + "\n";
  for (const TensorFacts& t : tensors) {
    out += format("  %s: %s%s%s%s\n", shown(t.name).c_str(), t.type.c_str(), t.shape.c_str(),
                  t.quantization.empty() ? "" : ", ", t.quantization.c_str());
  }
  return out;
}

struct Column {
  const char* title;
  bool right;
  std::vector<std::string> cells;

  size_t width() const {
    size_t out = std::string(title).size();
    for (const std::string& cell : cells) out = std::max(out, cell.size());
    return out;
  }
};

std::string table_text(const std::vector<Column>& columns) {
  std::vector<std::string> lines(columns[0].cells.size() + 1);
  for (const Column& column : columns) {
    const size_t width = column.width();
    for (size_t row = 0; row < lines.size(); ++row) {
      const std::string cell = row == 0 ? column.title : column.cells[row - 1];
      const std::string gap(width - cell.size(), ' ');
      lines[row] += (column.right ? gap + cell : cell + gap) + "  ";
    }
  }
  std::string out;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string layers_text(const ModelFacts& facts) {
  Column index{"#", true, {}}, op{"operator", false, {}}, weights{"weights", false, {}};
  Column activations{"activations", false, {}}, bytes{"bytes", true, {}}, work{"multiply-adds", true, {}};
  Column shape{"output", false, {}}, name{"layer", false, {}};
  for (const LayerFacts& layer : facts.layers) {
    index.cells.push_back(std::to_string(index.cells.size()));
    op.cells.push_back(layer.op);
    weights.cells.push_back(layer.weights.empty() ? "-" : layer.weights);
    activations.cells.push_back(layer.activations);
    bytes.cells.push_back(layer.bytes ? grouped(layer.bytes) : "-");
    work.cells.push_back(layer.multiply_adds ? grouped(layer.multiply_adds) + (layer.integer ? " int" : "    ") : "-");
    shape.cells.push_back(layer.shape);
    name.cells.push_back(shown(layer.name));
  }
  return table_text({index, op, weights, activations, bytes, work, shape, name});
}

std::string memory_text(const PlanFacts& facts) {
  if (!facts.plan) return format("device memory   no plan for %s: %s\n", facts.device.c_str(), facts.refusal.c_str());
  const Plan& plan = *facts.plan;
  return format(
      "device memory   %s bytes at most on %s: weights %s, activations %s, tables %s, inputs and outputs %s\n",
      grouped(plan.device_bytes()).c_str(), facts.device.c_str(), grouped(plan.bytes(Kind::constants)).c_str(),
      grouped(plan.bytes(Kind::arena)).c_str(), grouped(plan.bytes(Kind::table)).c_str(),
      grouped(plan.bytes(Kind::input) + plan.bytes(Kind::output)).c_str());
}

std::string totals_text(const ModelFacts& facts) {
  const double float_bytes = 4.0 * static_cast<double>(facts.parameters);
  std::string out = format("layers          %zu\n", facts.layers.size());
  out += format("parameters      %s\n", grouped(facts.parameters).c_str());
  out += format("constants       %s bytes", grouped(facts.constant_bytes).c_str());
  if (facts.parameters > 0) {
    out += format(", the file %.3f of the parameters in fp32", static_cast<double>(facts.file_bytes) / float_bytes);
  }
  out += format("\nmultiply-adds   %s, %.2f %% of them in integers\n", grouped(facts.multiply_adds).c_str(),
                100.0 * facts.integer_share());
  return out;
}

}  // namespace

std::string to_text(const ModelFacts& facts, const PlanFacts& plan) {
  std::string out = header_text(facts);
  out += tensors_text("inputs", facts.inputs) + tensors_text("outputs", facts.outputs);
  if (!facts.free_dims.empty()) {
    out += "free dimensions (1 unless bound with --dim)\n ";
    for (const std::string& name : facts.free_dims) out += " " + name;
    out += "\n";
  }
  out += "\n" + layers_text(facts) + "\n" + totals_text(facts) + memory_text(plan);
  if (!facts.metadata.empty()) out += "metadata\n";
  for (const MetadataFacts& entry : facts.metadata) {
    out +=
        format("  %s, %s bytes: %s\n", shown(entry.key).c_str(), grouped(entry.bytes).c_str(), entry.preview.c_str());
  }
  return out;
}

}  // namespace nibble
