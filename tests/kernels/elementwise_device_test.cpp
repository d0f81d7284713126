#include "tests/kernels/device_case.h"

namespace nibble::test {
namespace {

using U = UnaryKind;
using B = BinaryKind;

TensorDesc declared(DType type, float scale = 1.0f, int32_t zero_point = 0) {
  TensorDesc out;
  out.type = type;
  if (type == DType::i8 || type == DType::u8) out.quant = Quant::tensor(scale, zero_point);
  return out;
}

std::vector<double> counted(size_t n, double first, double step) {
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = first + step * static_cast<double>(i);
  return out;
}

Binary binary(BinaryKind kind, UnaryKind activation = U::identity) {
  Binary op;
  op.kind = kind;
  op.activation.kind = activation;
  return op;
}

Binary integer(BinaryKind kind, int32_t multiplier_x, int32_t multiplier_y, int32_t shift, ClampRange clamp = {}) {
  Binary op = binary(kind);
  op.clamp = clamp;
  op.multiplier_x = multiplier_x;
  op.multiplier_y = multiplier_y;
  op.shift = shift;
  return op;
}

Convert rescale(int32_t multiplier, int32_t shift, ClampRange clamp = {}) { return {clamp, multiplier, shift}; }

CaseInput byte_table(DType type, std::vector<int64_t> shape) {
  CaseInput table = type == DType::i8 ? i8(std::move(shape), 1.0f, 0) : u8(std::move(shape), 1.0f, 0);
  table.desc.quant = {};
  return std::move(table).as_constant();
}

INSTANTIATE_DEVICE_CASES(
    unary_functions, OpCase{"relu", Unary{U::relu}, {f32({2, 5, 3, 7})}},
    OpCase{"clip", Unary{U::clip, -0.5f, 1.0f}, {f32({33})}},
    OpCase{"leaky relu", Unary{U::leaky_relu, 0.1f}, {f32({1, 6, 2, 2})}},
    OpCase{"sigmoid", Unary{U::sigmoid}, {f32({3, 9}).between(-90, 90)}},
    OpCase{"silu", Unary{U::silu}, {f32({3, 9}).between(-90, 90)}},
    OpCase{"tanh", Unary{U::tanh}, {f32({3, 9}).between(-100, 100)}},
    OpCase{"tanh near zero", Unary{U::tanh}, {f32({3, 90}).between(-0.1, 0.1)}},
    OpCase{"hard sigmoid", Unary{U::hard_sigmoid, 0.2f, 0.5f}, {f32({3, 9}).between(-5, 5)}},
    OpCase{"hard swish", Unary{U::hard_swish}, {f32({3, 9}).between(-5, 5)}},
    OpCase{"exp", Unary{U::exp}, {f32({3, 9})}}, OpCase{"log", Unary{U::log}, {f32({3, 9}).between(0.1, 50)}},
    OpCase{"sqrt", Unary{U::sqrt}, {f32({3, 9}).between(0, 50)}},
    OpCase{"reciprocal", Unary{U::reciprocal}, {f32({3, 9}).between(0.5, 50)}},
    OpCase{"neg", Unary{U::neg}, {f32({3, 9})}}, OpCase{"abs", Unary{U::abs}, {f32({3, 9})}},
    OpCase{"gelu", Unary{U::gelu}, {f32({3, 90}).between(-6, 6)}},
    OpCase{"gelu tanh", Unary{U::gelu_tanh}, {f32({3, 90}).between(-6, 6)}},
    OpCase{"elu", Unary{U::elu, 1.5f}, {f32({3, 9})}}, OpCase{"selu", Unary{U::selu, 1.67326f, 1.0507f}, {f32({3, 9})}},
    OpCase{"softplus", Unary{U::softplus}, {f32({3, 9}).between(-50, 50)}},
    OpCase{"softsign", Unary{U::softsign}, {f32({3, 9})}},
    OpCase{"mish", Unary{U::mish}, {f32({3, 9}).between(-20, 20)}},
    OpCase{"erf", Unary{U::erf}, {f32({3, 90}).between(-4, 4)}}, OpCase{"floor", Unary{U::floor}, {f32({3, 9})}},
    OpCase{"ceil", Unary{U::ceil}, {f32({3, 9})}},
    OpCase{"round",
           Unary{U::round},
           {f32({2, 8}, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 2.4, 2.6, -7, 0, 1, 1e6, -1e6, 0.49, -3.51})}},
    OpCase{"sign", Unary{U::sign}, {f32({3}, {-2, 0, 5})}},
    OpCase{"thresholded relu", Unary{U::thresholded_relu, 0.7f}, {f32({3, 9})}},
    OpCase{"celu", Unary{U::celu, 2.0f}, {f32({3, 9})}}, OpCase{"sin", Unary{U::sin}, {f32({3, 9})}},
    OpCase{"cos", Unary{U::cos}, {f32({3, 9})}}, OpCase{"affine", Unary{U::affine, 2.0f, -1.0f}, {f32({3, 9})}},
    OpCase{"identity of a scalar", Unary{U::identity}, {f32({})}},
    OpCase{"half width", Unary{U::silu}, {f16({2, 5, 3, 7})}},
    OpCase{"integers clip", Unary{U::clip, -3.0f, 40.0f}, {i32({2, 5}, counted(10, -20, 9))}},
    OpCase{"integers neg", Unary{U::neg}, {i64({7}, counted(7, -3, 1))}},
    OpCase{"integers sign", Unary{U::sign}, {i32({7}, counted(7, -3, 1))}});

INSTANTIATE_DEVICE_CASES(tables,
                         OpCase{"one row",
                                Unary{U::sigmoid},
                                {i8({2, 6, 5, 3}, 0.1f, 3), byte_table(DType::i8, {256})},
                                declared_i8(0.1f, 0)},
                         OpCase{"a row per channel",
                                Unary{U::tanh},
                                {i8({2, 6, 5, 3}, 0.1f, 3), byte_table(DType::i8, {6, 256})},
                                declared_i8(0.1f, 0)},
                         OpCase{"unsigned",
                                Unary{U::sigmoid},
                                {u8({3, 11}, 0.1f, 3), byte_table(DType::u8, {256})},
                                declared(DType::u8, 0.1f, 7)},
                         OpCase{"the whole range",
                                Unary{U::sigmoid},
                                {i8({256}, 0.1f, 3).between(-128, 127), byte_table(DType::i8, {256})},
                                declared_i8(0.1f, 0)});

INSTANTIATE_DEVICE_CASES(
    binary_functions, OpCase{"same shape", binary(B::add), {f32({2, 5, 3, 4}), f32({2, 5, 3, 4})}},
    OpCase{"channel constant", binary(B::mul), {f32({2, 5, 3, 4}), f32({1, 5, 1, 1}).as_constant()}},
    OpCase{"channel constant of lower rank", binary(B::sub), {f32({2, 5, 3, 4}), f32({5, 1, 1}).as_constant()}},
    OpCase{"scalar constant", binary(B::div), {f32({2, 5, 3, 4}), f32({}, {3.0}).as_constant()}},
    OpCase{"column constant", binary(B::max), {f32({2, 5, 3, 4}), f32({4}).as_constant()}},
    OpCase{"both broadcast", binary(B::min), {f32({2, 1, 3, 1}), f32({1, 6, 1, 4})}},
    OpCase{"lane broadcast", binary(B::mul), {f32({2, 1, 3, 4}), f32({2, 7, 3, 4})}},
    OpCase{"computed vector", binary(B::add), {f32({4, 9}), f32({9})}},
    OpCase{"scalars", binary(B::add), {f32({}), f32({})}},
    OpCase{"one element against a tensor", binary(B::sub), {f32({1}), f32({3, 2, 5})}},
    OpCase{"alternating axes", binary(B::add), {f32({2, 1, 3, 1, 2, 1}), f32({1, 3, 1, 2, 1, 5})}},
    OpCase{"pow", binary(B::pow), {f32({3, 9}).between(0.1, 3), f32({9}).as_constant()}, std::nullopt, 8.0},
    OpCase{"pow of negatives",
           binary(B::pow),
           {f32({2, 4}, {-2, -1, 0, 3, -2, -1.5, 0, 2}), f32({2, 4}, {2, 3, 0, 0.5, 3, 4, 2, -2})},
           std::nullopt,
           8.0},
    OpCase{"prelu", binary(B::prelu), {f32({2, 5, 3, 4}), f32({5, 1, 1}).as_constant()}},
    OpCase{"fused relu", binary(B::add, U::relu), {f32({2, 5, 3, 4}), f32({2, 5, 3, 4})}},
    OpCase{"fused sigmoid keeps padding zero", binary(B::add, U::sigmoid), {f32({2, 5, 3, 4}), f32({2, 5, 3, 4})}},
    OpCase{"half width", binary(B::mul), {f16({2, 5, 3, 4}), f16({5, 1, 1})}},
    OpCase{"mixed widths", binary(B::mul), {f16({2, 5, 3, 4}), f32({5, 1, 1}).as_constant()}, declared(DType::f16)},
    OpCase{"mixed widths computed", binary(B::mul), {f16({2, 5, 3, 4}), f32({5, 1, 1})}, declared(DType::f32)},
    OpCase{"integers", binary(B::mul), {i32({2, 5}, counted(10, -20, 9)), i32({5}, counted(5, -2, 1))}},
    OpCase{"integer division", binary(B::div), {i64({2, 5}, counted(10, -20, 9)), i64({5}, {1, 2, 3, -4, 5})}});

INSTANTIATE_DEVICE_CASES(integer_binary,
                         OpCase{"add",
                                integer(B::add, 700000, 1200000, 20),
                                {i8({2, 5, 3, 4}, 0.1f, 3), i8({2, 5, 3, 4}, 0.2f, -7)},
                                declared_i8(0.2f, 5)},
                         OpCase{"sub",
                                integer(B::sub, 700000, 1200000, 20),
                                {i8({2, 5, 3, 4}, 0.1f, 3), i8({2, 5, 3, 4}, 0.2f, -7)},
                                declared_i8(0.2f, 5)},
                         OpCase{"shift of one",
                                integer(B::add, 1, 1, 1),
                                {i8({2, 64}, 0.1f, 0), i8({2, 64}, 0.1f, 0)},
                                declared_i8(0.2f, 0)},
                         OpCase{"mul",
                                integer(B::mul, 1500000000, 0, 37),
                                {i8({2, 5, 3, 4}, 0.1f, 3), i8({1, 5, 1, 1}, 0.2f, -7)},
                                declared_i8(0.2f, 5)},
                         OpCase{"mul with a small shift saturates",
                                integer(B::mul, 1073741824, 0, 1),
                                {i8({2, 64}, 0.1f, 3), i8({2, 64}, 0.2f, -7)},
                                declared_i8(0.2f, 5)},
                         OpCase{"broadcast constant and clamp",
                                integer(B::add, 900000, 1300000, 20, {0, 100}),
                                {i8({2, 5, 3, 4}, 0.1f, 3), i8({5, 1, 1}, 0.2f, -7).as_constant()},
                                declared_i8(0.2f, 0)});

INSTANTIATE_DEVICE_CASES(
    conversions, OpCase{"quantize", Convert{}, {f32({2, 5, 3, 4}).between(-20, 20)}, declared_i8(0.11f, 5)},
    OpCase{"quantize ties", Convert{}, {f32({2, 9}, counted(18, -4.5, 0.5))}, declared_i8(1.0f, 0)},
    OpCase{"quantize ties of a small scale",
           Convert{},
           {f32({400}, counted(400, -200 * 0.0009765625, 0.0009765625))},
           declared_i8(0.001953125f, 2)},
    OpCase{"quantize many", Convert{}, {f32({1, 3, 64, 64}).between(-1, 1)}, declared_i8(0.007874016f, 0)},
    OpCase{"quantize odd planes", Convert{}, {f32({2, 6, 3, 5}).between(-20, 20)}, declared_i8(0.11f, 5)},
    OpCase{"quantize rows", Convert{}, {f32({3, 10}).between(-20, 20)}, declared_i8(0.11f, 5)},
    OpCase{"quantize huge", Convert{}, {f32({4}, {1e30, -1e30, 1e9, -1e9})}, declared_i8(0.01f, 0)},
    OpCase{"quantize unsigned", rescale(0, 0, {0, 255}), {f32({3, 7}).between(-2, 20)}, declared(DType::u8, 0.07f, 9)},
    OpCase{"quantize half", Convert{}, {f16({3, 7})}, declared_i8(0.02f, 1)},
    OpCase{"quantize half unsigned", rescale(0, 0, {0, 255}), {f16({3, 7})}, declared(DType::u8, 0.02f, 100)},
    OpCase{"dequantize", Convert{}, {i8({2, 5, 3, 4}, 0.11f, 5)}, declared(DType::f32)},
    OpCase{"dequantize unsigned", Convert{}, {u8({2, 5, 3, 4}, 0.11f, 5)}, declared(DType::f32)},
    OpCase{"dequantize to half", Convert{}, {i8({5, 3}, 0.11f, 5)}, declared(DType::f16)},
    OpCase{"dequantize unsigned to half", Convert{}, {u8({5, 3}, 0.11f, 5)}, declared(DType::f16)},
    OpCase{"rescale", rescale(1600000000, 31), {i8({2, 5, 3, 4}, 0.1f, 5)}, declared_i8(0.134f, -9)},
    OpCase{"unsigned to signed", rescale(1 << 30, 30), {u8({2, 5, 3, 4}, 0.1f, 128)}, declared_i8(0.1f, 0)},
    OpCase{"signed to unsigned",
           rescale(1 << 30, 30, {0, 255}),
           {i8({2, 5, 3, 4}, 0.1f, 0)},
           declared(DType::u8, 0.1f, 128)},
    OpCase{"unsigned to unsigned",
           rescale(1 << 30, 31, {0, 255}),
           {u8({2, 5, 3, 4}, 0.1f, 3)},
           declared(DType::u8, 0.2f, 1)},
    OpCase{"widen", Convert{}, {f16({3, 7})}, declared(DType::f32)},
    OpCase{"narrow", Convert{}, {f32({3, 7})}, declared(DType::f16)},
    OpCase{"integers to float", Convert{}, {i64({7}, counted(7, -3, 1))}, declared(DType::f32)},
    OpCase{"integers to half", Convert{}, {i32({7}, counted(7, -3, 1))}, declared(DType::f16)},
    OpCase{"float to integers", Convert{}, {f32({3, 7}).between(-100, 100)}, declared(DType::i32)},
    OpCase{"half to integers", Convert{}, {f16({3, 7})}, declared(DType::i64)},
    OpCase{"integers to integers", Convert{}, {i64({7}, counted(7, -3, 1))}, declared(DType::i32)},
    OpCase{"float to boolean", Convert{}, {f32({5}, {0, 1, -2, 0, 0.5})}, declared(DType::boolean)},
    OpCase{"integers to boolean", Convert{}, {i32({5}, {0, 1, -2, 0, 256})}, declared(DType::boolean)});

}  // namespace
}  // namespace nibble::test
