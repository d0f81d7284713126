#include "nibble/model.h"

#include "core/mapped_file.h"
#include "core/try.h"
#include "core/without_exceptions.h"
#include "format/reader.h"
#include "runtime/model_internal.h"

namespace nibble {

TensorInfo tensor_info(const TensorDesc& desc, const DimBindings& bindings) {
  TensorInfo info;
  info.name = desc.name;
  info.type = desc.type;
  for (const Dim& dim : desc.shape) {
    info.shape.push_back(dim.evaluate(bindings));
    info.dims.push_back(dim.to_string());
  }
  info.quantized = desc.quant.kind == Quant::Kind::per_tensor;
  info.scale = desc.quant.scale();
  info.zero_point = desc.quant.zero_point;
  return info;
}

Result<Model> make_model(Graph graph, WeightMemory memory) {
  NBL_CHECK(verify(graph));
  auto state = std::make_shared<ModelState>(std::move(memory));
  for (TensorId id : graph.inputs) state->inputs.push_back(tensor_info(graph.desc(id), {}));
  for (TensorId id : graph.outputs) state->outputs.push_back(tensor_info(graph.desc(id), {}));
  state->free_dims = nibble::free_dims(graph);
  state->graph = std::move(graph);
  return Model(std::move(state));
}

Result<Model> Model::load(const std::string& path) {
  return without_exceptions([&]() -> Result<Model> {
    NBL_TRY(LoadedModel loaded, load_model(path));
    // Reading has touched every byte for its checksum. The weights are read again when they are uploaded.
    loaded.file->release(loaded.file->bytes());
    return make_model(std::move(loaded.graph), {std::move(loaded.file), std::move(loaded.expanded)});
  });
}

Result<Model> Model::load(std::span<const std::byte> file) {
  return without_exceptions([&]() -> Result<Model> {
    auto copy = std::make_shared<const std::vector<std::byte>>(file.begin(), file.end());
    NBL_TRY(Graph graph, read_model(*copy, copy));
    return make_model(std::move(graph));
  });
}

const std::vector<TensorInfo>& Model::inputs() const { return state_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const { return state_->outputs; }
const std::vector<std::string>& Model::free_dims() const { return state_->free_dims; }
const std::map<std::string, std::string>& Model::metadata() const { return state_->graph.metadata; }

}  // namespace nibble
