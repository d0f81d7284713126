#include "sample_graphs.h"

#include <random>

#include "core/text.h"
#include "format/packing.h"
#include "format/tensor_names.h"
#include "ops/conv_checks.h"
#include "ops/op.h"

namespace nibble::test {
namespace {

class Builder {
 public:
  TensorId input(const char* name, DType type, Shape shape, Quant quant = {}) {
    const TensorId id = graph.add_tensor({name, type, std::move(shape), std::move(quant), Packing::plain});
    graph.inputs.push_back(id);
    return id;
  }

  TensorId constant(DType type, Shape shape, Packing packing = Packing::plain, Quant quant = {}) {
    TensorDesc desc{"", type, std::move(shape), std::move(quant), packing};
    std::vector<std::byte> bytes(stored_bytes(desc).value());
    // Element by element for floats, so that none is NaN and tests can compare.
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(random_() % 61);
    return graph.add_constant(std::move(desc), ConstantData::own(std::move(bytes)));
  }

  TensorId node(std::string name, Op op, std::vector<TensorId> inputs, std::vector<TensorDesc> declared = {}) {
    const NodeId id = graph.add_node(std::move(name), std::move(op), std::move(inputs), std::move(declared)).value();
    return graph.nodes[static_cast<size_t>(id)].outputs[0];
  }

  std::vector<float> scales(int64_t count) {
    std::vector<float> out;
    for (int64_t i = 0; i < count; ++i) out.push_back(0.001f * static_cast<float>(1 + random_() % 1000));
    return out;
  }

  Graph finish(std::vector<TensorId> outputs) {
    graph.outputs = std::move(outputs);
    const std::vector<std::string> names = derived_names(graph);
    for (size_t i = 0; i < names.size(); ++i) {
      if (graph.tensors[i].is_constant()) graph.tensors[i].desc.name = names[i];
    }
    verify(graph).value();
    return std::move(graph);
  }

  Graph graph;

 private:
  std::mt19937 random_{7};
};

TensorDesc int8_output(float scale, int32_t zero_point) {
  return {"", DType::i8, {}, Quant::tensor(scale, zero_point), Packing::plain};
}

void add_float_nodes(Builder& b, std::vector<TensorId>& outputs) {
  const Dim n = Dim::symbol("N");
  const TensorId x = b.input("image", DType::f32, {n, 8, Dim::symbol("H"), 12});
  const TensorId w = b.constant(DType::f16, {6, 8, 3, 3}, Packing::blocked);
  const TensorId bias = b.constant(DType::f32, {6});
  Conv2d conv{.stride_h = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  conv.activation = {UnaryKind::clip, 0.0f, 6.0f};
  const TensorId c = b.node("features.0/conv", conv, {x, w, bias});
  // The same weights again, without bias.
  outputs.push_back(b.node("twin", Conv2d{.dilation_w = 2}, {x, w}));
  const TensorId up = b.node("up", ConvTranspose2d{.stride_h = 2, .stride_w = 2, .output_pad_h = 1},
                             {c, b.constant(DType::f32, {4, 6, 2, 2}, Packing::blocked)});
  const TensorId norm =
      b.node("norm", InstanceNorm{.groups = 2, .epsilon = 1e-3f}, {up, kNoTensor, b.constant(DType::f32, {4})});
  const TensorId pool = b.node("pool", Pool2d{.kind = PoolKind::average, .kernel_h = 2, .kernel_w = 2}, {norm});
  const TensorId big = b.node("big", Resize{.mode = ResizeMode::cubic, .cubic_a = -0.5f, .sizes = {14, 20}}, {pool});
  Pad pad{.mode = PadMode::edge, .begins = {0, 0, 1, 2}, .ends = {0, 0, 3, 4}};
  const TensorId padded = b.node("pad", pad, {big});
  const TensorId cut = b.node("cut", Slice{{0, 3, 0, 5}, {1, -1, 2, 1}, {n, 4, 9, 10}}, {padded});
  const TensorId act = b.node("act", Unary{UnaryKind::leaky_relu, 0.2f, 0.0f}, {cut});
  const TensorId sum =
      b.node("sum", Binary{.kind = BinaryKind::sub, .activation = {UnaryKind::relu, 0, 0}}, {act, cut});
  const TensorId both = b.node("both", Concat{.axis = 3}, {sum, act});
  const TensorId turned = b.node("turned", Transpose{{0, 2, 3, 1}}, {both});
  const TensorId flat = b.node("flat", Reshape{{n, Dim(180), Dim(4)}}, {turned});
  const TensorId layer = b.node("layer", LayerNorm{.axis = 2, .rms = true}, {flat, b.constant(DType::f32, {4})});
  const TensorId product = b.node("product", MatMul{.transpose_b = true}, {layer, flat});
  const TensorId soft = b.node("soft", Softmax{.axis = 1, .log = true}, {product});
  const TensorId mean = b.node("mean", Reduce{.kind = ReduceKind::l2, .axes = {1}}, {soft});
  outputs.push_back(b.node("wide", Expand{{n, Dim(3), Dim(180)}}, {mean}));
  outputs.push_back(b.node("best", ArgReduce{.axis = 2, .keep_dims = false, .last_index = true}, {mean}));
  outputs.push_back(b.node("rows", Gather{.axis = 1}, {flat, b.constant(DType::i64, {5})}));
  outputs.push_back(
      b.node("third", Gather{}, {b.constant(DType::f32, {3, 2}), b.input("ids", DType::i32, {n * 2 + 1})}));
}

void add_integer_nodes(Builder& b, std::vector<TensorId>& outputs) {
  const TensorId x = b.input("tokens", DType::f32, {2, 6, 4, 4});
  const TensorId q = b.node("quantize", Convert{}, {x}, {int8_output(0.05f, -7)});
  const TensorId depthwise =
      b.node("depthwise", Conv2d{.pad_top = 1, .pad_bottom = 1, .groups = 6, .clamp = {-7, 100}},
             {q, b.constant(DType::i8, {6, 1, 3, 1}, Packing::depthwise, Quant::channel(0, b.scales(6))),
              b.constant(DType::i32, {6}), b.constant(DType::i32, {6}), b.constant(DType::u8, {6})},
             {int8_output(0.1f, 3)});
  const TensorId table =
      b.node("table", Unary{UnaryKind::silu, 0, 0}, {depthwise, b.constant(DType::i8, {256})}, {int8_output(0.02f, 0)});
  Quant grouped{Quant::Kind::per_group, 0, 32, 0, b.scales(5)};
  TensorDesc weights{"", DType::i4, {5, 96}, grouped, Packing::blocked};
  const TensorId rows = b.node("rows2", Reshape{{2, 96}}, {table});
  const TensorId linear = b.node("linear", Linear{.clamp = {-128, 127}},
                                 {rows, b.constant(DType::i4, {5, 96}, Packing::blocked, grouped),
                                  b.constant(DType::i32, {5}), b.constant(DType::i32, {5}), b.constant(DType::u8, {5}),
                                  b.constant(DType::u8, {5, weight_groups(weights)}, Packing::group_multipliers)},
                                 {int8_output(0.3f, 1)});
  outputs.push_back(b.node("dequantize", Convert{}, {linear}, {{"", DType::f16, {}, {}, Packing::plain}}));
  outputs.push_back(b.node("masked", Gather{}, {b.constant(DType::boolean, {9}), b.input("at", DType::i64, {2})}));
}

struct Int8Maker {
  Builder& b;
  DType weights;

  TensorId convolution(const std::string& name, TensorId x, int64_t in, int64_t out, int64_t kernel, int32_t stride,
                       bool first) {
    const DType type = first ? DType::i8 : weights;
    const auto pad = static_cast<int32_t>(kernel / 2);
    Quant quant = Quant::channel(0, b.scales(out));
    if (type == DType::i4) quant = {Quant::Kind::per_group, 0, 32, 0, quant.scales};
    TensorDesc desc{"", type, {out, in, kernel, kernel}, quant, Packing::blocked};
    std::vector<TensorId> inputs{x, b.constant(type, desc.shape, Packing::blocked, quant),
                                 b.constant(DType::i32, {out}), b.constant(DType::i32, {out}),
                                 b.constant(DType::u8, {out})};
    if (type == DType::i4) {
      inputs.push_back(b.constant(DType::u8, {out, weight_groups(desc)}, Packing::group_multipliers));
    }
    return b.node(name,
                  Conv2d{.stride_h = stride,
                         .stride_w = stride,
                         .pad_top = pad,
                         .pad_left = pad,
                         .pad_bottom = pad,
                         .pad_right = pad},
                  std::move(inputs), {int8_output(b.scales(1)[0], -127)});
  }
};

}  // namespace

Graph tiny_graph() {
  Builder b;
  const TensorId x = b.input("x", DType::f32, {Dim::symbol("N"), 3});
  const TensorId y = b.node("fc", Linear{}, {x, b.constant(DType::f32, {2, 3}), b.constant(DType::f32, {2})});
  b.graph.metadata["classes"] = "cat\ndog";
  return b.finish({y});
}

Graph graph_of_all_operators() {
  Builder b;
  std::vector<TensorId> outputs;
  add_float_nodes(b, outputs);
  add_integer_nodes(b, outputs);
  b.graph.metadata = {{"", "empty key"}, {"preprocess", "{\"resize\": 256}"}, {"zero", std::string("a\0b", 3)}};
  return b.finish(std::move(outputs));
}

Graph resnet20(DType weights) {
  Builder b;
  Int8Maker make{b, weights};
  TensorId x = b.input("input", DType::f32, {Dim::symbol("N"), 3, 32, 32});
  x = b.node("input_quantized", Convert{}, {x}, {int8_output(0.02f, 3)});
  x = make.convolution("/conv1/Conv", x, 3, 16, 3, 1, true);
  int64_t channels = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 0; block < 3; ++block) {
      const std::string name = format("/layer%d/layer%d.%d/conv", stage, stage, block);
      const bool down = stage > 1 && block == 0;
      const int64_t out = down ? channels * 2 : channels;
      const TensorId first = make.convolution(name + "1/Conv", x, channels, out, 3, down ? 2 : 1, false);
      const TensorId second = make.convolution(name + "2/Conv", first, out, out, 3, 1, false);
      const TensorId side = down ? make.convolution(name + "_down/Conv", x, channels, out, 1, 2, false) : x;
      x = b.node(format("/layer%d/layer%d.%d/Add", stage, stage, block),
                 Binary{.multiplier_x = 1000000 + stage * 1000 + block, .multiplier_y = 1500000, .shift = 21},
                 {second, side}, {int8_output(b.scales(1)[0], -127)});
      channels = out;
    }
  }
  x = b.node("/pool", Reduce{.axes = {2, 3}, .keep_dims = false}, {x}, {int8_output(0.03f, -127)});
  Quant quant = Quant::channel(0, b.scales(10));
  x = b.node("/fc/Gemm", Linear{},
             {x, b.constant(DType::i8, {10, 64}, Packing::blocked, quant), b.constant(DType::i32, {10}),
              b.constant(DType::i32, {10}), b.constant(DType::u8, {10})},
             {int8_output(0.2f, 10)});
  x = b.node("logits", Convert{}, {x}, {{"", DType::f32, {}, {}, Packing::plain}});
  return b.finish({x});
}

}  // namespace nibble::test
