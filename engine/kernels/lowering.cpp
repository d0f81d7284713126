#include "kernels/lowering.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "kernels/ops_lowering.h"
#include "kernels/step_parts.h"
#include "ops/op.h"
#include "params.h"

namespace nibble {
namespace {

// Elements, units and word offsets are 32-bit in kernels, some of them signed.
constexpr int64_t kMaxStorageElements = (int64_t{1} << 31) - 1;

UnitShape flat_units(std::span<const int64_t> shape) { return unit_shape(shape, Layout{}); }

// Rows that are whole units follow each other without gaps: only their total length matters.
UnitShape canonical(const UnitShape& units) {
  if (units.inner != 1 || units.channels % 4 != 0) return units;
  const int64_t channels = units.outer * units.channels;
  return {1, channels, channels / 4, 1};
}

bool same_words(const UnitShape& a, const UnitShape& b) { return canonical(a) == canonical(b); }

int64_t product(std::span<const int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

int64_t outputs_of(const StepProblem& problem) {
  const ConvExtent& extent = problem.bounds.extent;
  return extent.row * extent.rows * extent.batch;
}

}  // namespace

Lowering::Lowering(const Graph& bound, const gpu::Caps& caps, const KernelOverrides& overrides, const Tuning& tuning,
                   Fusion fusion)
    : graph_(bound), caps_(caps), overrides_(overrides), tuning_(tuning), fusion_(std::move(fusion)) {}

std::vector<int64_t> Lowering::shape_of(TensorId tensor) const { return values(graph_.desc(tensor).shape); }

Result<BufferId> Lowering::add_buffer(PlanBuffer buffer, const std::string& what) {
  if (buffer.bytes > caps_.max_buffer_range) {
    return Error{Code::unsupported_device,
                 format("%s takes %llu bytes; device '%s' reaches %llu bytes in one buffer", what.c_str(),
                        static_cast<unsigned long long>(buffer.bytes), caps_.device_name.c_str(),
                        static_cast<unsigned long long>(caps_.max_buffer_range))};
  }
  buffer.bytes = std::max<uint64_t>(buffer.bytes, 4);
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<BufferId>(plan_.buffers.size() - 1);
}

const Lowering::Form* Lowering::find_form(TensorId tensor, const UnitShape& units,
                                          std::optional<DType> float_type) const {
  const auto found = forms_.find(tensor);
  if (found == forms_.end()) return nullptr;
  for (const Form& form : found->second) {
    if (!form.flat && same_words(form.units, units) && form.float_type == float_type) return &form;
  }
  return nullptr;
}

void Lowering::add_form(TensorId tensor, const UnitShape& units, BufferId buffer, std::optional<DType> float_type) {
  Form form{units, false, Layout{}, buffer, float_type};
  const std::vector<int64_t> shape = shape_of(tensor);
  const int32_t preferred = default_layout(shape.size()).axis;
  for (int32_t axis = 0; axis < std::max<int32_t>(static_cast<int32_t>(shape.size()), 1); ++axis) {
    if (same_words(unit_shape(shape, axis), units) && (form.layout.flat() || axis == preferred))
      form.layout = Layout{axis};
  }
  forms_[tensor].push_back(form);
}

Result<Operand> Lowering::input(TensorId tensor, Layout wanted, std::optional<DType> float_type) {
  return input_view(tensor, shape_of(tensor), wanted, float_type);
}

Result<Operand> Lowering::input_view(TensorId tensor, std::vector<int64_t> shape, Layout wanted,
                                     std::optional<DType> float_type) {
  const TensorDesc& desc = graph_.desc(tensor);
  const bool constant = graph_.tensor(tensor).is_constant();
  if (!constant || desc.type == float_type) float_type.reset();
  const UnitShape units = unit_shape(shape, wanted);
  Operand operand{-1, &desc, std::move(shape), wanted, units, float_type.value_or(desc.type)};
  if (const Form* form = find_form(tensor, operand.units, float_type)) {
    operand.buffer = form->buffer;
    return operand;
  }
  if (constant) {
    BlobSpec spec;
    spec.pieces.push_back({tensor, BlobPiece::Form::blocked, operand.shape, wanted, float_type});
    NBL_TRY(operand.buffer, blob(spec));
    add_form(tensor, operand.units, operand.buffer, float_type);
    return operand;
  }
  const auto forms = forms_.find(tensor);
  if (forms == forms_.end() || forms->second.empty()) {
    return Error{Code::internal, "tensor '" + desc.name + "' is read before it is computed"};
  }
  const Form from = forms->second.front();
  NBL_TRY(const Operand to, scratch_tensor(desc, operand.shape, wanted));
  const Operand source{from.buffer, &desc, operand.shape, from.flat ? Layout{} : wanted, from.units, desc.type};
  NBL_CHECK(repack(source, to, "repack " + desc.name));
  add_form(tensor, operand.units, to.buffer, std::nullopt);
  return to;
}

Layout Lowering::layout_of(TensorId tensor, Layout otherwise) const {
  const auto found = forms_.find(tensor);
  if (found == forms_.end() || graph_.tensor(tensor).is_constant()) return otherwise;
  for (const Form& form : found->second) {
    if (!form.flat && !form.layout.flat()) return form.layout;
  }
  return otherwise;
}

Result<Operand> Lowering::as_it_lies(TensorId tensor) {
  const std::vector<int64_t> shape = shape_of(tensor);
  const Layout layout = layout_of(tensor, Layout{});
  const auto found = forms_.find(tensor);
  if (layout.flat() && !graph_.tensor(tensor).is_constant() && found != forms_.end()) {
    for (const Form& form : found->second) {
      const TensorDesc& desc = graph_.desc(tensor);
      if (form.flat) return Operand{form.buffer, &desc, shape, Layout{}, form.units, desc.type};
    }
  }
  return input(tensor, layout.flat() ? default_layout(shape.size()) : layout);
}

Result<Operand> Lowering::scratch_tensor(const TensorDesc& desc, std::vector<int64_t> shape, Layout layout) {
  const UnitShape units = unit_shape(shape, layout);
  if (units.units() * 4 > kMaxStorageElements) {
    return Error{Code::unsupported_device,
                 format("tensor '%s' has %lld elements on the device; kernels address at most %lld", desc.name.c_str(),
                        static_cast<long long>(units.units() * 4), static_cast<long long>(kMaxStorageElements))};
  }
  PlanBuffer buffer;
  buffer.bytes = static_cast<uint64_t>(storage_words(desc.type, shape, layout)) * 4;
  buffer.layout = layout;
  NBL_TRY(const BufferId id, add_buffer(std::move(buffer), "tensor '" + desc.name + "'"));
  return Operand{id, &desc, std::move(shape), layout, units, desc.type};
}

Result<Operand> Lowering::output(TensorId tensor, Layout layout, bool may_skew) {
  NBL_TRY(std::optional<Operand> place, place_in_concat(tensor, layout, may_skew));
  if (place) return *std::move(place);
  return output_view(tensor, shape_of(tensor), layout);
}

Result<Operand> Lowering::output_view(TensorId tensor, std::vector<int64_t> shape, Layout layout) {
  NBL_TRY(Operand operand, scratch_tensor(graph_.desc(tensor), std::move(shape), layout));
  plan_.buffers[static_cast<size_t>(operand.buffer)].tensor = tensor;
  add_form(tensor, operand.units, operand.buffer, std::nullopt);
  return operand;
}

Result<BufferId> Lowering::scratch(uint64_t bytes) {
  PlanBuffer buffer;
  buffer.bytes = (bytes + 3) / 4 * 4;
  return add_buffer(std::move(buffer),
                    "scratch memory of node '" + graph_.nodes[static_cast<size_t>(node_)].name + "'");
}

void Lowering::adopt(TensorId output, const Operand& from) { add_form(output, from.units, from.buffer, std::nullopt); }

bool Lowering::alias(TensorId alias, TensorId of) {
  const std::vector<int64_t> shape = shape_of(alias);
  bool any = false;
  const auto found = forms_.find(of);
  if (found == forms_.end() || graph_.tensor(of).is_constant()) return false;
  const std::vector<Form> forms = found->second;
  for (const Form& form : forms) {
    if (form.flat) {
      forms_[alias].push_back(form);
      any = true;
      continue;
    }
    for (int32_t axis = 0; axis < std::max<int32_t>(static_cast<int32_t>(shape.size()), 1); ++axis) {
      if (!same_words(unit_shape(shape, axis), form.units)) continue;
      add_form(alias, form.units, form.buffer, std::nullopt);
      any = true;
      break;
    }
  }
  return any;
}

Result<BufferId> Lowering::table(std::vector<uint32_t> words) {
  if (const auto found = tables_.find(words); found != tables_.end()) return found->second;
  PlanBuffer buffer;
  buffer.kind = PlanBuffer::Kind::table;
  buffer.bytes = words.size() * 4;
  buffer.table = words;
  NBL_TRY(const BufferId id, add_buffer(std::move(buffer), "a table"));
  tables_[std::move(words)] = id;
  return id;
}

Result<int32_t> Lowering::select(Family family, const KernelKey& key) {
  return nibble::select(kernel_table(), family, key, caps_, overrides_);
}

Result<ChosenRow> Lowering::choose(const StepProblem& problem, ConvTile rule) {
  const ConvTile direct = rule;
  const bool second = problem.second && problem.second->preferred;
  const Family family = second ? problem.second->family : problem.family;
  if (second) rule = problem.second->rule;
  const bool forced =
      overridden(problem.family, problem.key) || (problem.second && overridden(problem.second->family, problem.key));
  NBL_TRY(int32_t row, select(family, problem.key));
  const bool lanes = (kernel_table()[static_cast<size_t>(row)].needs & gpu::Caps::lanes) != 0;
  if (lanes && (!problem.lanes || !has_whole_subgroups(caps_, rule))) {
    if (forced) {
      if (!has_whole_subgroups(caps_, rule)) widen_to_subgroups(caps_, rule);
    } else {
      gpu::Caps without = caps_;
      without.bits &= ~uint32_t{gpu::Caps::lanes};
      NBL_TRY(row, nibble::select(kernel_table(), family, problem.key, without, overrides_));
    }
  }
  const std::span<const Kernel> table = kernel_table();
  ChosenRow chosen{row, rule, false};
  const std::optional<ChosenRow> former = find_former(problem);
  if (former) chosen = *former;
  if (wants_problems() && !forced) {
    if (tuning_.found) {
      const Choice choice{std::string(table[static_cast<size_t>(row)].name), rule};
      tuning_.found->try_emplace(problem.text, ProblemFound{problem, choice, direct});
    }
    const Choice* choice = tuning_.use ? tuning_.use->find(problem.text) : nullptr;
    const int32_t tuned = choice ? row_of(*choice, problem, caps_) : -1;
    if (tuned >= 0) chosen = ChosenRow{tuned, choice->tile, true};
  }
  plan_.choices[{node_, problem.family}] = {
      {std::string(table[static_cast<size_t>(chosen.kernel)].name), chosen.tile}, chosen.tuned, outputs_of(problem)};
  return chosen;
}

std::optional<ChosenRow> Lowering::find_former(const StepProblem& problem) const {
  if (!tuning_.former) return std::nullopt;
  const auto found = tuning_.former->find({node_, problem.family});
  if (found == tuning_.former->end()) return std::nullopt;
  const FormerChoice& former = found->second;
  const int64_t outputs = outputs_of(problem);
  if (outputs / kKeepTileWithin > former.outputs || former.outputs / kKeepTileWithin > outputs) return std::nullopt;
  const int32_t row = row_of(former.choice, problem, caps_);
  if (row < 0) return std::nullopt;
  return ChosenRow{row, former.choice.tile, former.tuned};
}

void Lowering::emit(Step step) {
  step.origin = node_;
  std::string name = node_ < 0 ? std::string() : graph_.nodes[static_cast<size_t>(node_)].name;
  if (finish_) {
    for (const NodeId id : finish_->maps) name += " + " + graph_.nodes[static_cast<size_t>(id)].name;
    if (finish_->add >= 0) name += " + " + graph_.nodes[static_cast<size_t>(finish_->add)].name;
  }
  if (step.label.empty()) {
    step.label = name;
  } else if (!name.empty()) {
    step.label = name + ": " + step.label;
  }
  plan_.steps.push_back(std::move(step));
}

Status Lowering::repack(const Operand& from, const Operand& to, const std::string& label) {
  const int64_t width = device_bytes(to.desc->type);
  const ElementType type = width == 4 ? ElementType::f32 : (width == 2 ? ElementType::f16 : ElementType::i8);
  NBL_TRY(const int32_t kernel, select(Family::repack, {ElementType::any, type, ElementType::any}));
  const int64_t elements = product(to.shape);
  params::RepackParams p{};
  p.units = static_cast<uint32_t>(to.units.units());
  p.elements = static_cast<uint32_t>(elements);
  p.to_channels = static_cast<uint32_t>(to.units.channels);
  p.to_blocks = static_cast<uint32_t>(to.units.blocks);
  p.to_inner = static_cast<uint32_t>(to.units.inner);
  p.from_channels = static_cast<uint32_t>(from.units.channels);
  p.from_blocks = static_cast<uint32_t>(from.units.blocks);
  p.from_inner = static_cast<uint32_t>(from.units.inner);
  // A flat tensor and one whose blocked axis is all there is hold the same words, but for the padding at the end.
  const uint32_t from_linear = from.units.outer == 1 && from.units.inner == 1;
  // By units of the source, a flat target of words is written in long runs and read once.
  const bool scatter = width == 4 && to.layout.flat() && from_linear == 0;
  if (scatter) p.units = static_cast<uint32_t>(from.units.units());
  Step step = linear_step(kernel, p.units, {reads(from.buffer), writes(to.buffer)}, push_words(p),
                          {{NBL_SPEC_OWN, from_linear},
                           {NBL_SPEC_OWN + 1, to.layout.flat() ? 1u : 0u},
                           {NBL_SPEC_OWN + 2, scatter ? 1u : 0u}});
  step.label = label;
  step.integer = width == 1;
  emit(std::move(step));
  return {};
}

Status Lowering::add_edges() {
  for (const TensorId id : graph_.inputs) {
    PlanBuffer buffer;
    buffer.kind = PlanBuffer::Kind::input;
    buffer.tensor = id;
    const std::vector<int64_t> shape = shape_of(id);
    buffer.bytes = static_cast<uint64_t>(storage_words(graph_.desc(id).type, shape, Layout{})) * 4;
    NBL_TRY(const BufferId at, add_buffer(std::move(buffer), "input '" + graph_.desc(id).name + "'"));
    forms_[id].push_back({flat_units(shape), true, Layout{}, at, std::nullopt});
  }
  return {};
}

Status Lowering::lower_node(NodeId id) {
  const Node& node = graph_.nodes[static_cast<size_t>(id)];
  node_ = id;
  const int32_t shuffle = fusion_.shuffle_of.empty() ? -1 : fusion_.shuffle_of[static_cast<size_t>(id)];
  const int32_t focus = fusion_.focus_of.empty() ? -1 : fusion_.focus_of[static_cast<size_t>(id)];
  Status status = shuffle >= 0 ? lower_shuffle(fusion_.shuffles[static_cast<size_t>(shuffle)], *this)
                  : focus >= 0 ? lower_focus(fusion_.focuses[static_cast<size_t>(focus)], *this)
                               : visit_op(*node.op, [&](const auto& op) { return lower(op, node, *this); });
  node_ = -1;
  if (!status) return std::move(status).error().with_context(std::string(op_name(node)) + " '" + node.name + "'");
  return {};
}

Status Lowering::lower_finish(const Finish& finish) {
  finish_ = &finish;
  const Status status = lower_node(finish.weighted);
  finish_ = nullptr;
  return status;
}

Status Lowering::write_outputs() {
  for (const TensorId id : graph_.outputs) {
    const TensorDesc& desc = graph_.desc(id);
    const std::vector<int64_t> shape = shape_of(id);
    if (graph_.tensor(id).is_constant()) NBL_CHECK(input(id, default_layout(shape.size())));
    const auto found = forms_.find(id);
    if (found == forms_.end() || found->second.empty()) {
      return Error{Code::internal, "output '" + desc.name + "' is never computed"};
    }
    const Form from = found->second.front();
    PlanBuffer buffer;
    buffer.kind = PlanBuffer::Kind::output;
    buffer.tensor = id;
    buffer.bytes = static_cast<uint64_t>(storage_words(desc.type, shape, Layout{})) * 4;
    NBL_TRY(const BufferId at, add_buffer(std::move(buffer), "output '" + desc.name + "'"));
    const Operand source{from.buffer, &desc, shape, from.layout, from.units, desc.type};
    const Operand to{at, &desc, shape, Layout{}, flat_units(shape), desc.type};
    NBL_CHECK(repack(source, to, "write " + desc.name));
  }
  return {};
}

Result<LoweredPlan> Lowering::run() && {
  for (const Tensor& tensor : graph_.tensors) {
    if (!is_const(tensor.desc.shape)) {
      return Error{Code::internal, "tensor '" + tensor.desc.name + "' has free dimensions: bind them first"};
    }
  }
  NBL_CHECK(add_edges());
  const bool fuses = !fusion_.absorbed.empty();
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!fuses || !fusion_.absorbed[i]) NBL_CHECK(lower_node(static_cast<NodeId>(i)));
    if (!fuses) continue;
    for (const size_t finish : fusion_.finishes_behind[i]) NBL_CHECK(lower_finish(fusion_.finishes[finish]));
  }
  NBL_CHECK(write_outputs());
  for (const auto& [tensor, forms] : forms_) {
    if (forms.empty() || graph_.tensor(tensor).is_constant()) continue;
    plan_.tensors.push_back({tensor, forms.front().buffer, forms.front().flat, forms.front().units});
  }
  return std::move(plan_);
}

}  // namespace nibble
