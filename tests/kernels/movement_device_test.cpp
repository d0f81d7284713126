#include "tests/kernels/device_case.h"

namespace nibble::test {
namespace {

INSTANTIATE_DEVICE_CASES(transpose_cases, OpCase{"matrix", Transpose{{1, 0}}, {f32({5, 7})}},
                         OpCase{"nhwc to nchw", Transpose{{0, 3, 1, 2}}, {f32({2, 3, 5, 6})}},
                         OpCase{"nchw to nhwc", Transpose{{0, 2, 3, 1}}, {i8({2, 6, 5, 3}, 1.0f, 0)}},
                         OpCase{"heads", Transpose{{0, 2, 1, 3}}, {f16({2, 5, 3, 6})}},
                         OpCase{"five axes", Transpose{{4, 1, 3, 0, 2}}, {f32({2, 3, 4, 5, 2})}},
                         OpCase{"reversal of six", Transpose{{5, 4, 3, 2, 1, 0}}, {i32({2, 3, 2, 2, 3, 2}, {})}},
                         OpCase{"bytes", Transpose{{1, 0}}, {u8({9, 6}, 1.0f, 0)}});

INSTANTIATE_DEVICE_CASES(
    slice_cases, OpCase{"whole blocks", Slice{{0, 4, 0, 0}, {1, 1, 1, 1}, {2, 6, 3, 3}}, {f32({2, 10, 3, 3})}},
    OpCase{"across blocks", Slice{{0, 3, 1, 0}, {1, 1, 1, 1}, {2, 5, 2, 3}}, {f32({2, 10, 3, 3})}},
    OpCase{"strided", Slice{{0, 1, 0, 1}, {1, 2, 2, 2}, {1, 3, 3, 2}}, {i8({1, 7, 5, 4}, 1.0f, 0)}},
    OpCase{"backwards", Slice{{1, 6, 4, 3}, {-1, -2, -1, -3}, {2, 3, 5, 2}}, {f16({2, 7, 5, 4})}},
    OpCase{"vector", Slice{{3}, {2}, {5}}, {i64({13}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})}});

INSTANTIATE_DEVICE_CASES(
    pad_cases, OpCase{"image", Pad{PadMode::constant, {0, 0, 1, 2}, {0, 0, 2, 1}, 0.0f}, {f32({2, 5, 3, 4})}},
    OpCase{"value", Pad{PadMode::constant, {0, 0, 1, 2}, {0, 0, 2, 1}, -1.5f}, {f32({2, 5, 3, 4})}},
    OpCase{"channels", Pad{PadMode::constant, {0, 3, 0, 0}, {1, 2, 0, 0}, 2.0f}, {f32({2, 5, 3, 4})}},
    OpCase{"reflect", Pad{PadMode::reflect, {0, 0, 2, 3}, {0, 0, 2, 1}, 0.0f}, {f32({2, 5, 3, 4})}},
    OpCase{"reflect channels", Pad{PadMode::reflect, {0, 4, 0, 0}, {0, 3, 0, 0}, 0.0f}, {f32({2, 5, 3, 4})}},
    OpCase{"edge", Pad{PadMode::edge, {0, 1, 2, 3}, {1, 0, 5, 1}, 0.0f}, {f16({2, 5, 3, 4})}},
    OpCase{"wrap", Pad{PadMode::wrap, {0, 1, 2, 3}, {1, 0, 1, 1}, 0.0f}, {f32({2, 5, 3, 4})}},
    OpCase{"bytes take the zero point",
           Pad{PadMode::constant, {0, 0, 1, 1}, {0, 0, 1, 1}, 0.0f},
           {i8({1, 6, 3, 4}, 0.1f, -9)}},
    OpCase{"half value", Pad{PadMode::constant, {1, 0}, {0, 3}, 1.25f}, {f16({3, 5})}},
    OpCase{"integers", Pad{PadMode::constant, {2}, {1}, 7.0f}, {i64({3}, {1, 2, 3})}});

INSTANTIATE_DEVICE_CASES(expand_cases, OpCase{"channels", Expand{{2, 5, 3, 4}}, {f32({1, 5, 1, 1})}},
                         OpCase{"lanes", Expand{{2, 6, 3}}, {f32({2, 1, 3})}},
                         OpCase{"lower rank", Expand{{3, 2, 5}}, {i8({5}, 1.0f, 0)}},
                         OpCase{"scalar", Expand{{2, 7}}, {f32({})}});

INSTANTIATE_DEVICE_CASES(concat_cases, OpCase{"whole blocks", Concat{1}, {f32({2, 4, 3, 3}), f32({2, 8, 3, 3})}},
                         OpCase{"inside blocks",
                                Concat{1},
                                {f32({2, 3, 3, 3}), f32({2, 2, 3, 3}), f32({2, 6, 3, 3}), f32({2, 1, 3, 3})}},
                         OpCase{"bytes inside blocks",
                                Concat{1},
                                {i8({2, 3, 3, 3}, 0.1f, 3), i8({2, 2, 3, 3}, 0.1f, 3), i8({2, 6, 3, 3}, 0.1f, 3)}},
                         OpCase{"rows", Concat{2}, {f16({2, 5, 3, 3}), f16({2, 5, 1, 3})}},
                         OpCase{"last axis", Concat{3}, {f32({2, 5, 3, 3}), f32({2, 5, 3, 2})}},
                         OpCase{"with a constant", Concat{1}, {f32({2, 3}), f32({2, 5}).as_constant(), f32({2, 2})}},
                         OpCase{"batch", Concat{0}, {f32({1, 5, 3}), f32({2, 5, 3})}},
                         OpCase{"vectors", Concat{0}, {i64({3}, {1, 2, 3}), i64({2}, {4, 5})}},
                         OpCase{"one input", Concat{1}, {f32({2, 3, 4})}});

INSTANTIATE_DEVICE_CASES(reshape_cases, OpCase{"flatten pixels", Reshape{{2, 5, 12}}, {f32({2, 5, 3, 4})}},
                         OpCase{"flatten all", Reshape{{2, 60}}, {f32({2, 5, 3, 4})}},
                         OpCase{"flatten one pixel", Reshape{{2, 6}}, {f32({2, 6, 1, 1})}},
                         OpCase{"split channels", Reshape{{1, 2, 3, 3, 4}}, {f32({1, 6, 3, 4})}},
                         OpCase{"through blocks", Reshape{{3, 10, 4}}, {i8({2, 5, 3, 4}, 1.0f, 0)}},
                         OpCase{"to a vector", Reshape{{30}}, {f16({5, 6})}},
                         OpCase{"heads", Reshape{{2, 3, 4, 8}}, {f32({2, 3, 32})}},
                         OpCase{"unsqueeze", Reshape{{1, 5, 1, 7}}, {f32({5, 7})}},
                         OpCase{"of a scalar", Reshape{{1, 1}}, {f32({})}},
                         OpCase{"of booleans", Reshape{{6}}, {u8({2, 3}, 1.0f, 0)}});

INSTANTIATE_DEVICE_CASES(gather_cases, OpCase{"rows", Gather{0}, {f32({7, 6}), i64({3}, {6, 0, -2})}},
                         OpCase{"columns", Gather{1}, {f32({7, 6}), i64({2, 2}, {5, 1, -1, 0})}},
                         OpCase{
                             "embedding", Gather{0}, {f32({11, 10}).as_constant(), i64({2, 3}, {1, 10, 4, 0, 7, 2})}},
                         OpCase{"of a vector", Gather{0}, {i64({5}, {10, 11, 12, 13, 14}), i64({}, {3})}},
                         OpCase{"channels", Gather{1}, {i8({2, 6, 3, 4}, 1.0f, 0), i32({3}, {5, 2, 0})}},
                         OpCase{"half last axis", Gather{2}, {f16({2, 3, 5}), i32({2}, {4, 1})}},
                         OpCase{"constant index", Gather{1}, {f32({2, 6, 5}), i64({}, {2}).as_constant()}});

}  // namespace
}  // namespace nibble::test
