// Concats of Slices that take each n-th pixel of an image, which a plan computes in one step: every element where it
// belongs, from images that lie flat and from blocks.
#include <algorithm>

#include "core/half.h"
#include "graph/graph.h"
#include "ops/op.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

struct Pixel {
  int64_t y, x;
};

struct Case {
  int64_t batch = 1, channels = 3, step = 2;
  std::vector<Pixel> firsts{{0, 0}, {1, 0}, {0, 1}, {1, 1}};
  bool through_blocks = false;   // the source is what a Relu wrote, not the input
  bool slice_is_output = false;  // then it has to be computed too
};

constexpr int64_t kHeight = 12, kWidth = 18;

template <class T>
constexpr DType kType = std::is_same_v<T, int8_t>  ? DType::i8
                        : std::is_same_v<T, float> ? DType::f32
                                                   : DType::f16;

template <class T>
T element(int64_t index) {
  if constexpr (std::is_same_v<T, uint16_t>) return half_from_float(static_cast<float>(index % 2000));
  if constexpr (std::is_same_v<T, int8_t>) return static_cast<int8_t>(index * 37 % 251 - 125);
  return static_cast<T>(index % 2000);
}

Graph network(DType type, const Case& c) {
  Graph graph;
  const auto declared = [&](Shape shape) {
    TensorDesc desc;
    desc.type = type;
    desc.shape = std::move(shape);
    if (type == DType::i8) desc.quant = Quant::tensor(0.1f, 3);
    return desc;
  };
  const auto add = [&](Op op, std::vector<TensorId> inputs) {
    auto node = graph.add_node("n" + std::to_string(graph.nodes.size()), std::move(op), std::move(inputs),
                               type == DType::i8 ? std::vector<TensorDesc>{declared({})} : std::vector<TensorDesc>{});
    EXPECT_TRUE(node) << node.error().message;
    return graph.nodes.back().outputs[0];
  };
  TensorDesc input = declared({c.batch, c.channels, kHeight, kWidth});
  input.name = "x";
  TensorId x = graph.add_tensor(std::move(input));
  graph.inputs = {x};
  if (c.through_blocks) x = add(Unary{.kind = UnaryKind::relu}, {x});
  std::vector<TensorId> parts;
  for (const Pixel& first : c.firsts) {
    const int64_t h = kHeight / c.step, w = kWidth / c.step;
    const TensorId rows = add(Slice{{0, 0, first.y, 0}, {1, 1, c.step, 1}, {c.batch, c.channels, h, kWidth}}, {x});
    parts.push_back(add(Slice{{0, 0, 0, first.x}, {1, 1, 1, c.step}, {c.batch, c.channels, h, w}}, {rows}));
  }
  graph.outputs = {add(Concat{.axis = 1}, parts)};
  if (c.slice_is_output) graph.outputs.push_back(parts[1]);
  return graph;
}

class FocusTest : public SessionTest {
 protected:
  template <class T>
  static void expect_right(const Case& c) {
    Session made = session(model(network(kType<T>, c)));
    const std::string text = made.plan_text();
    SCOPED_TRACE(text);
    EXPECT_NE(text.find("  focus_"), std::string::npos);
    EXPECT_EQ(text.find("  copy_") != std::string::npos, c.slice_is_output);
    std::vector<T> values;
    for (int64_t i = 0; i < c.batch * c.channels * kHeight * kWidth; ++i) values.push_back(element<T>(i));
    expect_ok(made.write("x", std::span<const T>(values)));
    expect_ok(made.run());
    const int64_t h = kHeight / c.step, w = kWidth / c.step, count = static_cast<int64_t>(c.firsts.size());
    std::vector<T> expected, of_slice;
    for (int64_t k = 0; k < c.batch * count * c.channels * h * w; ++k) {
      const int64_t x = k % w, y = k / w % h, channel = k / (w * h) % c.channels;
      const int64_t part = k / (w * h * c.channels) % count, image = k / (w * h * c.channels * count);
      const Pixel first = c.firsts[static_cast<size_t>(part)];
      const int64_t row = (image * c.channels + channel) * kHeight + first.y + y * c.step;
      T value = values[static_cast<size_t>(row * kWidth + first.x + x * c.step)];
      expected.push_back(value);
      if (part == 1) of_slice.push_back(value);
    }
    const auto expect = [&](size_t output, const std::vector<T>& wanted) {
      std::vector<T> found(wanted.size());
      expect_ok(made.read(made.outputs()[output].name, std::span<T>(found)));
      EXPECT_TRUE(found == wanted) << "output " << output << ", " << c.channels << " channels, " << count << " parts";
    };
    expect(0, expected);
    if (c.slice_is_output) expect(1, of_slice);
  }

  template <class T>
  static void expect_all_right() {
    for (int64_t channels = 1; channels <= 4; ++channels) {
      expect_right<T>({channels % 2 == 0 ? 2 : 1, channels});
      expect_right<T>({1, channels, 3, {{2, 1}, {0, 2}}});
      expect_right<T>({2, channels, 1, {{0, 0}, {0, 0}, {0, 0}}});
    }
    expect_right<T>({.slice_is_output = true});
  }
};

TEST_F(FocusTest, bytes) { expect_all_right<int8_t>(); }
TEST_F(FocusTest, halves) { expect_all_right<uint16_t>(); }
TEST_F(FocusTest, words) {
  expect_all_right<float>();
  expect_right<float>({.batch = 2, .through_blocks = true});
  expect_right<float>({.channels = 2, .step = 3, .firsts = {{1, 1}, {2, 0}, {0, 2}}, .through_blocks = true});
}

}  // namespace
}  // namespace nibble::test
