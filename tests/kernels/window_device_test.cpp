#include "tests/kernels/device_case.h"

namespace nibble::test {
namespace {

Pool2d pool(PoolKind kind, int32_t kernel, int32_t stride, int32_t pad) {
  Pool2d op;
  op.kind = kind;
  op.kernel_h = op.kernel_w = kernel;
  op.stride_h = op.stride_w = stride;
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = pad;
  return op;
}

Pool2d with(Pool2d op, bool ceil_mode, bool count_include_pad, int32_t dilation = 1) {
  op.ceil_mode = ceil_mode;
  op.count_include_pad = count_include_pad;
  op.dilation_h = op.dilation_w = dilation;
  return op;
}

constexpr PoolKind kMax = PoolKind::max;
constexpr PoolKind kAverage = PoolKind::average;

INSTANTIATE_DEVICE_CASES(
    pool2d_cases, OpCase{"max", pool(kMax, 3, 2, 1), {f32({2, 5, 9, 7})}},
    OpCase{"max ceil", with(pool(kMax, 3, 2, 0), true, false), {f32({1, 5, 8, 8})}},
    OpCase{"max dilated", with(pool(kMax, 2, 1, 1), false, false, 2), {f32({1, 5, 8, 9})}},
    OpCase{"max half", pool(kMax, 2, 2, 0), {f16({1, 6, 8, 6})}},
    OpCase{"max bytes", pool(kMax, 3, 2, 1), {i8({2, 5, 9, 7}, 0.1f, 3)}},
    OpCase{"max bytes of the whole range", pool(kMax, 2, 1, 0), {i8({1, 9, 12, 12}, 0.1f, 3).between(-128, 127)}},
    OpCase{"max unsigned of the whole range", pool(kMax, 2, 1, 0), {u8({1, 9, 12, 12}, 0.1f, 3).between(0, 255)}},
    OpCase{"max unsigned", pool(kMax, 3, 2, 1), {u8({2, 5, 9, 7}, 0.1f, 3)}},
    OpCase{"average", pool(kAverage, 3, 2, 1), {f32({2, 5, 9, 7})}},
    OpCase{"average with padding", with(pool(kAverage, 3, 2, 1), false, true), {f32({2, 5, 9, 7})}},
    OpCase{"average ceil", with(pool(kAverage, 3, 2, 1), true, false), {f32({2, 5, 8, 10})}},
    OpCase{"average ceil with padding", with(pool(kAverage, 3, 2, 1), true, true), {f32({2, 5, 8, 10})}},
    OpCase{"average dilated", with(pool(kAverage, 3, 1, 2), false, true, 2), {f32({1, 3, 9, 9})}},
    OpCase{"average half", pool(kAverage, 2, 2, 0), {f16({1, 6, 8, 6})}},
    OpCase{"average bytes", pool(kAverage, 3, 2, 1), {i8({2, 5, 9, 7}, 0.1f, 3)}, declared_i8(0.07f, -4)},
    OpCase{"average bytes with padding",
           with(pool(kAverage, 3, 2, 1), true, true),
           {i8({2, 5, 8, 8}, 0.1f, 3)},
           declared_i8(0.07f, -4)});

Reduce reduction(ReduceKind kind, std::vector<int64_t> axes, bool keep_dims = true) {
  return {kind, std::move(axes), keep_dims, {}};
}

INSTANTIATE_DEVICE_CASES(
    reduce_cases, OpCase{"global mean", reduction(ReduceKind::mean, {2, 3}), {f32({2, 5, 7, 6})}},
    OpCase{"global mean of a large plane", reduction(ReduceKind::mean, {2, 3}), {f32({1, 3, 40, 41})}},
    OpCase{"dropped axes", reduction(ReduceKind::mean, {2, 3}, false), {f32({2, 5, 7, 6})}},
    OpCase{"channels", reduction(ReduceKind::sum, {1}), {f32({2, 5, 7, 6})}},
    OpCase{"channels and rows", reduction(ReduceKind::max, {1, 2}, false), {f32({2, 5, 7, 6})}},
    OpCase{"all", reduction(ReduceKind::mean, {0, 1, 2, 3}, false), {f32({2, 5, 7, 6})}},
    OpCase{"batch", reduction(ReduceKind::min, {0}), {f32({3, 5, 2})}},
    OpCase{"last", reduction(ReduceKind::sum, {2}), {f32({3, 5, 11})}},
    OpCase{"long last", reduction(ReduceKind::sum, {1}), {f32({2, 3001})}},
    OpCase{"squares", reduction(ReduceKind::sum_square, {1, 2}), {f32({3, 5, 11})}},
    OpCase{"l1", reduction(ReduceKind::l1, {0, 2}), {f32({3, 5, 11})}},
    OpCase{"l2", reduction(ReduceKind::l2, {1, 3}), {f32({2, 5, 3, 6})}},
    OpCase{"product", reduction(ReduceKind::prod, {2}), {f32({3, 5, 7}).between(0.5, 1.5)}},
    OpCase{"log sum exp", reduction(ReduceKind::log_sum_exp, {1, 3}), {f32({2, 5, 3, 6}).between(-30, 30)}},
    OpCase{"log sum exp of planes", reduction(ReduceKind::log_sum_exp, {2, 3}), {f32({2, 5, 30, 30})}},
    OpCase{"no axes", reduction(ReduceKind::l2, {}), {f32({2, 5})}},
    OpCase{"half", reduction(ReduceKind::mean, {2, 3}), {f16({2, 5, 7, 6})}},
    OpCase{"half in passes", reduction(ReduceKind::sum, {0, 2}), {f16({3, 5, 6})}},
    OpCase{"bytes mean", reduction(ReduceKind::mean, {2, 3}), {i8({2, 5, 7, 6}, 0.1f, 3)}, declared_i8(0.03f, 7)},
    OpCase{"bytes mean of a large plane",
           reduction(ReduceKind::mean, {2, 3}),
           {i8({1, 5, 40, 41}, 0.1f, 3)},
           declared_i8(0.003f, 7)},
    OpCase{"bytes mean of channels",
           reduction(ReduceKind::mean, {1, 2}, false),
           {i8({2, 5, 7, 6}, 0.1f, 3)},
           declared_i8(0.03f, 7)},
    OpCase{"bytes max", reduction(ReduceKind::max, {1, 2}), {i8({2, 5, 7, 6}, 0.1f, 3)}},
    OpCase{"unsigned min", reduction(ReduceKind::min, {1, 2}), {u8({2, 5, 7}, 0.1f, 3)}},
    OpCase{"integer sum", reduction(ReduceKind::sum, {0, 1}), {i32({3, 5}, {})}},
    OpCase{"integer product", reduction(ReduceKind::prod, {0}), {i64({5}, {1, -2, 3, 4, 5})}});

INSTANTIATE_DEVICE_CASES(softmax_cases, OpCase{"last axis", Softmax{-1}, {f32({2, 7})}},
                         OpCase{"odd columns", Softmax{1}, {f32({3, 13, 5})}},
                         OpCase{"one column", Softmax{-1}, {f32({4, 1})}},
                         OpCase{"channels", Softmax{1}, {f32({2, 5, 3, 4}).between(-90, 90)}},
                         OpCase{"columns of an image", Softmax{3}, {f32({2, 5, 3, 7})}},
                         OpCase{"log", Softmax{1, true}, {f32({2, 11}).between(-90, 90)}},
                         OpCase{"log of channels", Softmax{1, true}, {f32({2, 5, 3, 4})}},
                         OpCase{"half", Softmax{-1}, {f16({3, 10})}},
                         OpCase{"thousand classes", Softmax{1}, {f32({1, 1000}).between(-10, 10)}});

InstanceNorm normalize(int32_t groups, Activation activation = {}) { return {groups, 1e-5f, activation}; }

INSTANTIATE_DEVICE_CASES(
    norm_cases, OpCase{"instance", normalize(0), {f32({2, 5, 7, 6}), f32({5}).as_constant(), f32({5}).as_constant()}},
    OpCase{"bare", normalize(0), {f32({1, 3, 5, 5})}},
    OpCase{"large planes", normalize(0), {f32({1, 3, 65, 63}), f32({3}).as_constant(), f32({3}).as_constant()}},
    OpCase{"far from zero", normalize(0), {f32({1, 3, 33, 32}).between(99, 101), f32({3}).as_constant(), absent()}},
    OpCase{"groups", normalize(3), {f32({2, 6, 7, 6}), f32({6}).as_constant(), f32({6}).as_constant()}},
    OpCase{"one group", normalize(1), {f32({2, 6, 9, 9})}},
    OpCase{"relu behind", normalize(0, {UnaryKind::relu}), {f32({2, 5, 7, 6}), absent(), f32({5}).as_constant()}},
    OpCase{"sigmoid behind",
           normalize(0, {UnaryKind::sigmoid}),
           {f32({2, 5, 7, 6}), f32({5}).as_constant(), f32({5}).as_constant()}},
    OpCase{"half", normalize(0), {f16({2, 5, 7, 6}), f32({5}).as_constant(), f32({5}).as_constant()}},
    OpCase{"sequence", normalize(0), {f32({2, 6, 17})}},
    OpCase{"layer", LayerNorm{-1, 1e-5f, false}, {f32({2, 3, 10}), f32({10}).as_constant(), f32({10}).as_constant()}},
    OpCase{"layer of two axes", LayerNorm{-2, 1e-5f, false}, {f32({2, 3, 10}), f32({3, 10}).as_constant(), absent()}},
    OpCase{"root mean square", LayerNorm{-1, 1e-6f, true}, {f32({2, 3, 10}), f32({10}).as_constant()}},
    OpCase{"half layer", LayerNorm{2, 1e-5f, false}, {f16({2, 3, 10})}},
    OpCase{"layer of an image", LayerNorm{1, 1e-5f, false}, {f32({2, 3, 4, 5})}});

INSTANTIATE_DEVICE_CASES(arg_reduce_cases, OpCase{"channels", ArgReduce{1}, {f32({2, 7, 3, 4})}},
                         OpCase{"rows", ArgReduce{2, true}, {f32({2, 7, 3, 4})}},
                         OpCase{"last", ArgReduce{1, false, false}, {f32({2, 11})}},
                         OpCase{"ties first", ArgReduce{0}, {f32({6}, {1, 5, 2, 5, 5, 0})}},
                         OpCase{"ties last", ArgReduce{0, false, true, true}, {f32({6}, {1, 5, 2, 5, 5, 0})}},
                         OpCase{"bytes", ArgReduce{1}, {i8({2, 7, 3, 4}, 1.0f, 0)}},
                         OpCase{"unsigned", ArgReduce{1, true}, {u8({2, 7, 3, 4}, 1.0f, 0)}},
                         OpCase{"integers", ArgReduce{0}, {i64({4}, {3, 9, -1, 9})}},
                         OpCase{"half", ArgReduce{3}, {f16({1, 3, 2, 9})}});

Resize resize(ResizeMode mode, ResizeCoordinates coordinates, Shape sizes) {
  Resize op;
  op.mode = mode;
  op.coordinates = coordinates;
  op.sizes = std::move(sizes);
  return op;
}

using C = ResizeCoordinates;

INSTANTIATE_DEVICE_CASES(
    resize_cases, OpCase{"nearest", resize(ResizeMode::nearest, C::asymmetric, {6, 10}), {f32({2, 5, 3, 5})}},
    OpCase{"linear", resize(ResizeMode::linear, C::half_pixel, {7, 11}), {f32({2, 5, 3, 5})}},
    OpCase{"linear corners", resize(ResizeMode::linear, C::align_corners, {7, 11}), {f32({2, 5, 3, 5})}},
    OpCase{"cubic", resize(ResizeMode::cubic, C::half_pixel, {7, 4}), {f32({1, 3, 6, 9})}},
    OpCase{"down", resize(ResizeMode::linear, C::pytorch_half_pixel, {2, 1}), {f32({1, 3, 6, 9})}},
    OpCase{"half", resize(ResizeMode::linear, C::half_pixel, {7, 11}), {f16({2, 5, 3, 5})}},
    OpCase{"bytes nearest", resize(ResizeMode::nearest, C::half_pixel, {7, 11}), {i8({2, 5, 3, 5}, 0.1f, 3)}},
    OpCase{"bytes linear", resize(ResizeMode::linear, C::half_pixel, {7, 11}), {i8({2, 5, 3, 5}, 0.1f, 3)}},
    OpCase{"bytes cubic", resize(ResizeMode::cubic, C::half_pixel, {7, 11}), {i8({2, 5, 3, 5}, 0.1f, 3)}},
    OpCase{"unsigned linear", resize(ResizeMode::linear, C::half_pixel, {7, 11}), {u8({2, 5, 3, 5}, 0.1f, 3)}});

INSTANTIATE_DEVICE_CASES(matmul_cases, OpCase{"matrices", MatMul{}, {f32({5, 7}), f32({7, 6})}},
                         OpCase{"transposed right", MatMul{false, true}, {f32({5, 7}), f32({6, 7})}},
                         OpCase{"transposed left", MatMul{true, false}, {f32({7, 5}), f32({7, 6})}},
                         OpCase{"both", MatMul{true, true}, {f32({7, 5}), f32({6, 7})}},
                         OpCase{"heads", MatMul{}, {f32({2, 3, 9, 8}), f32({2, 3, 8, 5})}},
                         OpCase{"broadcast batch", MatMul{}, {f32({2, 3, 4, 8}), f32({8, 5})}},
                         OpCase{"crossed batches", MatMul{}, {f32({2, 1, 3, 7}), f32({4, 7, 5})}},
                         OpCase{"constant right", MatMul{}, {f32({3, 7}), f32({7, 5}).as_constant()}},
                         OpCase{"half", MatMul{}, {f16({5, 7}), f16({7, 6})}},
                         OpCase{"one row", MatMul{}, {f32({1, 64}), f32({64, 3})}});

}  // namespace
}  // namespace nibble::test
