// Turns nodes into steps. One Lowering serves one graph with bound shapes on one device's capabilities; an operator's
// lower() asks it for its tensors in the layouts it wants and emits steps. Pure: no Vulkan calls.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gpu/caps.h"
#include "kernels/choices.h"
#include "kernels/fuse.h"
#include "kernels/kernel_table.h"
#include "kernels/step.h"

namespace nibble {

// A tensor as a kernel sees it. shape is the tensor's own, or that of the view asked for.
struct Operand {
  BufferId buffer = -1;
  const TensorDesc* desc = nullptr;
  std::vector<int64_t> shape;
  Layout layout;
  UnitShape units;
  DType type = DType::f32;  // desc->type, or the float type a constant was converted to
  uint32_t skew = 0;        // units between where the buffer is bound and where the tensor begins
};

// Where the elements of a fed or computed tensor lie once its steps have run, in row-major order seen as `units`.
struct TensorForm {
  TensorId tensor = kNoTensor;
  BufferId buffer = -1;
  bool flat = false;
  UnitShape units;
};

struct ChosenRow {
  int32_t kernel = -1;
  ConvTile tile;
  bool tuned = false;
};

struct LoweredPlan {
  std::vector<PlanBuffer> buffers;
  std::vector<BlobSpec> blobs;
  std::vector<Step> steps;
  std::vector<TensorForm> tensors;  // one for each tensor that has a buffer, by id
  FormerChoices choices;            // for another plan of this graph
};

class Lowering {
 public:
  // All of them outlive the lowering.
  Lowering(const Graph& bound, const gpu::Caps& caps, const KernelOverrides& overrides, const Tuning& tuning = {},
           Fusion fusion = {});

  const Graph& graph() const { return graph_; }
  const gpu::Caps& caps() const { return caps_; }
  std::vector<int64_t> shape_of(TensorId tensor) const;

  // A computed or fed tensor in the wanted (blocked) layout; emits a repack step when it exists only in another one
  // (once: the repacked form is kept). Works for constants too: they go into a blob of their own, at offset 0;
  // float_type then converts a float constant.
  Result<Operand> input(TensorId tensor, Layout wanted, std::optional<DType> float_type = std::nullopt);
  // The same elements in row-major order seen under another shape.
  Result<Operand> input_view(TensorId tensor, std::vector<int64_t> shape, Layout wanted,
                             std::optional<DType> float_type = std::nullopt);
  // The tensor in whatever layout it has, flat where it lies so (data movement reads any); constants in the default
  // one.
  Result<Operand> as_it_lies(TensorId tensor);
  // The blocked layout a tensor is in now; `otherwise` for constants and for what lies flat only.
  Layout layout_of(TensorId tensor, Layout otherwise) const;
  // A new arena buffer for a tensor this node computes, or its place in the output of a Concat. Only a kernel that
  // knows of skew may ask for an output that has one.
  Result<Operand> output(TensorId tensor, Layout layout, bool may_skew = false);
  // The output of a Concat, some of whose parts may have been written; null when none has.
  const Operand* begun_concat(NodeId concat) const;
  // Whether this part has.
  bool part_lies_in(TensorId part, NodeId concat) const;
  // The same, written by the kernel as if it had another shape of as many elements.
  Result<Operand> output_view(TensorId tensor, std::vector<int64_t> shape, Layout layout);
  // Scratch in the arena that lives from the step that writes it to the last that reads it.
  Result<BufferId> scratch(uint64_t bytes);
  // Scratch that holds a tensor of this type and shape.
  Result<Operand> scratch_tensor(const TensorDesc& desc, std::vector<int64_t> shape, Layout layout);
  // Makes `alias` (an output) another name of `of` in every form that means the same words under its own shape; false
  // when there is none.
  bool alias(TensorId alias, TensorId of);
  // Makes an output the same words as an operand whose unit shape fits the output's elements.
  void adopt(TensorId output, const Operand& from);
  // Emits the step that moves `from` into `to`: the same elements in row-major order.
  Status repack(const Operand& from, const Operand& to, const std::string& label);

  // A blob of constants; equal blobs are shared, and so are large weights of nodes with other numbers of their own.
  // Fills in offset_words, where the pieces lie in the buffer, and bytes.
  Result<BufferId> blob(BlobSpec& spec);
  // Shape-dependent words.
  Result<BufferId> table(std::vector<uint32_t> words);

  // The best row of the family for these types on this device (or the overridden one).
  Result<int32_t> select(Family family, const KernelKey& key);
  // A row of the family is forced; with a key, one of these types.
  bool overridden(Family family) const { return overrides_.names(family); }
  bool overridden(Family family, const KernelKey& key) const { return overrides_.names(family, key); }
  // Row and tile of a step: what tuning found for this problem where it still fits, else what a former plan of the
  // graph has for this node and much the same sizes, else select() and `rule`, or the problem's second family where
  // that is preferred. What is overridden is not tuned.
  Result<ChosenRow> choose(const StepProblem& problem, ConvTile rule);
  // False where choose() will not look at a problem's text.
  bool wants_problems() const { return tuning_.use || tuning_.found; }
  // Adds a step; origin and an empty label are filled in from the node being lowered.
  void emit(Step step);

  // Lowers every node and the repacking at both edges.
  Result<LoweredPlan> run() &&;

  NodeId node() const { return node_; }
  // What the step of the node being lowered computes along with it; null for nothing.
  const Finish* finish() const { return finish_; }

 private:
  struct Form {
    UnitShape units;
    bool flat = false;
    Layout layout;  // under the tensor's own shape; flat when only a view of it has this form
    BufferId buffer = -1;
    std::optional<DType> float_type;
  };
  Status add_edges();
  Status lower_node(NodeId id);
  Status lower_finish(const Finish& finish);
  Status write_outputs();
  std::optional<ChosenRow> find_former(const StepProblem& problem) const;
  const Form* find_form(TensorId tensor, const UnitShape& units, std::optional<DType> float_type) const;
  void add_form(TensorId tensor, const UnitShape& units, BufferId buffer, std::optional<DType> float_type);
  Result<BufferId> add_buffer(PlanBuffer buffer, const std::string& what);
  bool worth_sharing(const BlobSpec& spec) const;
  Result<std::optional<BufferId>> append_to_blob(BlobSpec& spec);
  void find_pieces(BlobSpec& spec, BufferId buffer) const;
  Result<std::optional<Operand>> place_in_concat(TensorId tensor, Layout layout, bool may_skew);

  const Graph& graph_;
  const gpu::Caps& caps_;
  const KernelOverrides& overrides_;
  const Tuning tuning_;
  LoweredPlan plan_;
  std::map<TensorId, std::vector<Form>> forms_;
  std::map<std::string, BufferId> blobs_;
  std::map<TensorId, BufferId> blob_of_weights_;  // that further nodes with the same weights append to
  std::map<std::vector<uint32_t>, BufferId> tables_;
  NodeId node_ = -1;
  const Fusion fusion_;
  const Finish* finish_ = nullptr;
  std::map<NodeId, Operand> concats_;  // outputs of those that some part was written into
  std::set<TensorId> in_place_;
};

}  // namespace nibble
