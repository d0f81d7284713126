#include "converter/report/sample_values.h"

#include "converter/data/network_inputs.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::report {
namespace {

// Only the inputs, so that binding costs nothing.
Graph inputs_of(const Graph& graph) {
  Graph out;
  for (TensorId id : graph.inputs) out.inputs.push_back(out.add_tensor(graph.desc(id)));
  return out;
}

Status check_same_inputs(const Graph& reference, const Graph& stored) {
  if (reference.inputs.size() != stored.inputs.size()) {
    return Error{Code::invalid_argument, format("the reference has %zu inputs, the .nbl file %zu",
                                                reference.inputs.size(), stored.inputs.size())};
  }
  for (size_t i = 0; i < reference.inputs.size(); ++i) {
    const TensorDesc &a = reference.desc(reference.inputs[i]), &b = stored.desc(stored.inputs[i]);
    if (a.shape.size() == b.shape.size()) continue;
    return Error{Code::invalid_argument,
                 format("input '%s' of the reference has shape %s, '%s' of the .nbl file %s", a.name.c_str(),
                        to_string(a.shape).c_str(), b.name.c_str(), to_string(b.shape).c_str())};
  }
  return {};
}

// Free names of `graph` where the same input of `other` has a number.
DimBindings numbers_from(const Graph& graph, const Graph& other) {
  DimBindings out;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const Shape &mine = graph.desc(graph.inputs[i]).shape, &theirs = other.desc(other.inputs[i]).shape;
    for (size_t d = 0; d < mine.size(); ++d) {
      const auto names = mine[d].symbols();
      if (names.size() == 1 && mine[d] == Dim::symbol(names[0]) && theirs[d].is_const())
        out[names[0]] = theirs[d].value();
    }
  }
  return out;
}

Status check_same_sizes(const Graph& reference, const Graph& stored) {
  for (size_t i = 0; i < reference.inputs.size(); ++i) {
    const TensorDesc &a = reference.desc(reference.inputs[i]), &b = stored.desc(stored.inputs[i]);
    if (a.shape == b.shape) continue;
    return Error{Code::invalid_argument,
                 format("input '%s' is %s in the reference and %s in the .nbl file", a.name.c_str(),
                        to_string(a.shape).c_str(), to_string(b.shape).c_str())};
  }
  return {};
}

// Samples are made in float where one of the networks wants it, so that both get the same numbers.
Graph common_inputs(const Graph& reference, const Graph& stored, bool picture) {
  Graph out = reference;
  for (size_t i = 0; i < out.inputs.size(); ++i) {
    TensorDesc& desc = out.desc(out.inputs[i]);
    const bool both_bytes = desc.type == DType::u8 && stored.desc(stored.inputs[i]).type == DType::u8;
    const bool bytes_for_float =
        desc.type == DType::u8 && desc.quant.kind == Quant::Kind::none && (picture || !both_bytes);
    if (desc.type == DType::f16 || bytes_for_float) desc.type = DType::f32;
  }
  return out;
}

}  // namespace

Result<SampleValues> sample_values(const Graph& reference, const Graph& stored, const media::SampleSet& samples,
                                   size_t i, const media::Preprocessing& preprocessing) {
  const Graph free_reference = inputs_of(reference), free_stored = inputs_of(stored);
  NBL_CHECK(check_same_inputs(free_reference, free_stored));
  SampleValues out;
  const DimBindings fixed = numbers_from(free_stored, free_reference);
  if (fixed.size() < free_dims(free_stored).size()) {
    NBL_TRY(out.stored_dims, dims_of_sample(free_stored, samples, i, preprocessing));
  }
  for (const auto& [name, size] : fixed) out.stored_dims[name] = size;
  NBL_TRY(const Graph bound_stored, bind_dims(free_stored, out.stored_dims));
  out.reference_dims = numbers_from(free_reference, bound_stored);
  NBL_TRY(const Graph bound_reference, bind_dims(free_reference, out.reference_dims));
  NBL_CHECK(check_same_sizes(bound_reference, bound_stored));
  const bool picture = samples.kind(i) == media::SampleSet::Kind::image;
  NBL_TRY(out.values, sample_inputs(common_inputs(bound_reference, bound_stored, picture), samples, i, preprocessing));
  return out;
}

}  // namespace nibble::report
