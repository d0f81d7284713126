#include "tests/support/op_case.h"

#include <cmath>
#include <random>

#include "core/text.h"
#include "core/try.h"
#include "format/packing.h"
#include "reference/evaluate.h"

namespace nibble::test {

namespace {

using reference::Value;

CaseInput input_of(DType type, std::vector<int64_t> shape, double low, double high) {
  CaseInput out;
  out.desc.type = type;
  out.desc.shape = Shape(shape.begin(), shape.end());
  out.low = low;
  out.high = high;
  return out;
}

CaseInput with_elements(CaseInput input, std::vector<double> elements) {
  input.elements = std::move(elements);
  return input;
}

bool is_float_type(DType type) { return type == DType::f32 || type == DType::f16; }

Result<Value> draw(const CaseInput& input, std::mt19937& random) {
  TensorDesc desc = input.desc;
  desc.packing = Packing::plain;
  NBL_TRY(Value value, reference::make_value<double>(desc));
  if (!input.elements.empty() && input.elements.size() != value.elements()) {
    return Error{Code::internal, format("expected %zu elements, found %zu", value.elements(), input.elements.size())};
  }
  // Uniform from the raw generator: the standard's distributions differ between libraries.
  const auto uniform = [&] { return static_cast<double>(random()) / 4294967296.0; };
  for (size_t i = 0; i < value.elements(); ++i) {
    double element = input.low + uniform() * (input.high - input.low);
    if (!input.elements.empty()) element = input.elements[i];
    if (is_float_type(desc.type)) {
      value.real[i] = element;
    } else {
      const bool given = !input.elements.empty();
      value.stored[i] =
          static_cast<int64_t>(given ? element : std::floor(input.low + uniform() * (input.high - input.low + 1)));
    }
  }
  // Through bytes, so that floats are ones that the tensor's type can hold.
  return reference::value_from_bytes<double>(desc, reference::value_bytes(value));
}

Status add_input(const CaseInput& input, size_t slot, std::mt19937& random, BuiltCase& built,
                 std::vector<TensorId>& ids) {
  if (input.absent) {
    ids.push_back(kNoTensor);
    return {};
  }
  TensorDesc desc = input.desc;
  desc.name = format("input%zu", slot);
  NBL_TRY(Value value, draw(input, random));
  value.desc.name = desc.name;
  if (!input.constant) {
    ids.push_back(built.graph.add_tensor(desc));
    built.graph.inputs.push_back(ids.back());
    built.feeds.push_back(std::move(value));
    return {};
  }
  NBL_TRY(std::vector<std::byte> bytes, pack_weights(desc, reference::value_bytes(value)));
  ids.push_back(built.graph.add_constant(desc, ConstantData::own(std::move(bytes))));
  return {};
}

}  // namespace

CaseInput CaseInput::as_constant() && {
  constant = true;
  return std::move(*this);
}

CaseInput CaseInput::between(double least, double most) && {
  low = least;
  high = most;
  return std::move(*this);
}

CaseInput CaseInput::packed(Packing packing) && {
  constant = true;
  desc.packing = packing;
  return std::move(*this);
}

CaseInput f32(std::vector<int64_t> shape) { return input_of(DType::f32, std::move(shape), -2.0, 2.0); }
CaseInput f32(std::vector<int64_t> shape, std::vector<double> elements) {
  return with_elements(f32(std::move(shape)), std::move(elements));
}
CaseInput f16(std::vector<int64_t> shape) { return input_of(DType::f16, std::move(shape), -2.0, 2.0); }
CaseInput i8(std::vector<int64_t> shape, float scale, int32_t zero_point) {
  CaseInput out = input_of(DType::i8, std::move(shape), -127, 127);
  out.desc.quant = Quant::tensor(scale, zero_point);
  return out;
}
CaseInput u8(std::vector<int64_t> shape, float scale, int32_t zero_point) {
  CaseInput out = input_of(DType::u8, std::move(shape), 0, 255);
  out.desc.quant = Quant::tensor(scale, zero_point);
  return out;
}
CaseInput i32(std::vector<int64_t> shape, std::vector<double> elements) {
  return with_elements(input_of(DType::i32, std::move(shape), -100, 100), std::move(elements));
}
CaseInput i64(std::vector<int64_t> shape, std::vector<double> elements) {
  return with_elements(input_of(DType::i64, std::move(shape), -100, 100), std::move(elements));
}
CaseInput absent() {
  CaseInput out;
  out.absent = true;
  return out;
}

std::ostream& operator<<(std::ostream& out, const OpCase& op_case) {
  return out << op_name(op_case.op) << ": " << op_case.name;
}

TensorDesc declared_i8(float scale, int32_t zero_point) {
  TensorDesc out;
  out.type = DType::i8;
  out.quant = Quant::tensor(scale, zero_point);
  return out;
}

Result<BuiltCase> build(const OpCase& op_case, uint32_t seed) {
  BuiltCase built;
  std::mt19937 random(seed);
  std::vector<TensorId> ids;
  for (size_t i = 0; i < op_case.inputs.size(); ++i) NBL_CHECK(add_input(op_case.inputs[i], i, random, built, ids));
  std::vector<TensorDesc> declared;
  if (op_case.declared) declared.push_back(*op_case.declared);
  NBL_TRY(const NodeId node, built.graph.add_node("node", op_case.op, ids, declared));
  built.graph.outputs = built.graph.nodes[static_cast<size_t>(node)].outputs;
  reference::ValueMap inputs;
  for (size_t i = 0; i < built.feeds.size(); ++i) inputs.emplace(built.graph.inputs[i], built.feeds[i]);
  NBL_TRY(reference::ValueMap outputs, reference::run(built.graph, std::move(inputs), {}));
  built.expected = std::move(outputs.at(built.graph.outputs[0]));
  if (built.expected.is_real()) {
    built.tolerance = op_case.tolerance_factor * float_tolerance(built.graph, built.feeds, built.expected);
  }
  return built;
}

std::string mismatch(const BuiltCase& built, std::span<const std::byte> found) {
  auto value = reference::value_from_bytes<double>(built.expected.desc, found);
  if (!value) return value.error().message;
  size_t wrong = 0;
  size_t worst = 0;
  double worst_error = -1.0;
  const auto at = [](const Value& v, size_t i) { return v.is_real() ? v.real[i] : static_cast<double>(v.stored[i]); };
  for (size_t i = 0; i < built.expected.elements(); ++i) {
    const double a = at(built.expected, i);
    const double b = at(*value, i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;  // infinities compare equal
    const double error = std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : HUGE_VAL;
    if (error <= built.tolerance) continue;
    ++wrong;
    if (error > worst_error) {
      worst_error = error;
      worst = i;
    }
  }
  if (wrong == 0) return {};
  return format(
      "%zu of %zu elements of shape %s differ by more than %g; the worst is element %zu: expected %.9g, found %.9g",
      wrong, built.expected.elements(), to_string(built.expected.desc.shape).c_str(), built.tolerance, worst,
      at(built.expected, worst), at(*value, worst));
}

}  // namespace nibble::test
