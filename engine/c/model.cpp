#include "c/handles.h"
#include "core/try.h"

namespace nibble::c {

#define NBL_SAME(c_name, name) static_assert(static_cast<nbl_type>(DType::name) == c_name)
NBL_SAME(NBL_F32, f32);
NBL_SAME(NBL_F16, f16);
NBL_SAME(NBL_I8, i8);
NBL_SAME(NBL_U8, u8);
NBL_SAME(NBL_I4, i4);
NBL_SAME(NBL_I32, i32);
NBL_SAME(NBL_I64, i64);
NBL_SAME(NBL_BOOLEAN, boolean);
#undef NBL_SAME

Status write_info(const std::vector<TensorInfo>& infos, size_t index, nbl_tensor_info* out, const char* what) {
  if (index >= infos.size()) {
    return Error{Code::invalid_argument,
                 "index " + std::to_string(index) + " of " + std::to_string(infos.size()) + " " + what};
  }
  const TensorInfo& info = infos[index];
  return write_struct(out,
                      nbl_tensor_info{0, static_cast<nbl_type>(info.type), info.name.c_str(), info.shape.data(),
                                      static_cast<uint32_t>(info.shape.size()), info.quantized ? 1 : 0, info.scale,
                                      info.zero_point, info.elements(), info.bytes()},
                      "info");
}

Result<std::map<std::string, int64_t>> dims_of(const nbl_dim* dims, size_t count) {
  std::map<std::string, int64_t> out;
  if (count > 0) NBL_CHECK(need(dims, "dims"));
  for (size_t i = 0; i < count; ++i) {
    NBL_CHECK(need(dims[i].name, ("dims[" + std::to_string(i) + "].name").c_str()));
    if (!out.emplace(dims[i].name, dims[i].size).second) {
      return Error{Code::invalid_argument, "dimension '" + std::string(dims[i].name) + "' is given twice"};
    }
  }
  return out;
}

}  // namespace nibble::c

using namespace nibble;
using namespace nibble::c;

nbl_error* nbl_model_load_file(const char* path, nbl_model** model) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(path, "path"));
    NBL_CHECK(need(model, "model"));
    NBL_TRY(Model made, Model::load(std::string(path)));
    *model = new nbl_model{std::move(made)};
    return {};
  });
}

nbl_error* nbl_model_load_memory(const void* bytes, size_t size, nbl_model** model) {
  return guarded(__func__, [&]() -> Status {
    if (size > 0) NBL_CHECK(need(bytes, "bytes"));
    NBL_CHECK(need(model, "model"));
    NBL_TRY(Model made, Model::load(std::span(static_cast<const std::byte*>(bytes), size)));
    *model = new nbl_model{std::move(made)};
    return {};
  });
}

void nbl_model_free(nbl_model* model) { delete model; }

size_t nbl_model_input_count(const nbl_model* model) { return model ? model->model.inputs().size() : 0; }
size_t nbl_model_output_count(const nbl_model* model) { return model ? model->model.outputs().size() : 0; }

nbl_error* nbl_model_input(const nbl_model* model, size_t index, nbl_tensor_info* info) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(model, "model"));
    return write_info(model->model.inputs(), index, info, "inputs");
  });
}

nbl_error* nbl_model_output(const nbl_model* model, size_t index, nbl_tensor_info* info) {
  return guarded(__func__, [&]() -> Status {
    NBL_CHECK(need(model, "model"));
    return write_info(model->model.outputs(), index, info, "outputs");
  });
}

size_t nbl_model_free_dim_count(const nbl_model* model) { return model ? model->model.free_dims().size() : 0; }

const char* nbl_model_free_dim(const nbl_model* model, size_t index) {
  return index < nbl_model_free_dim_count(model) ? model->model.free_dims()[index].c_str() : nullptr;
}

const char* nbl_model_metadata(const nbl_model* model, const char* key) {
  if (!model || !key) return nullptr;
  // No std::string for the key: this function has no way to say that memory is out.
  for (const auto& [name, value] : model->model.metadata()) {
    if (name == key) return value.c_str();
  }
  return nullptr;
}

const char* nbl_model_metadata_key(const nbl_model* model, size_t index) {
  if (!model || index >= model->model.metadata().size()) return nullptr;
  auto entry = model->model.metadata().begin();
  while (index-- > 0) ++entry;
  return entry->first.c_str();
}
