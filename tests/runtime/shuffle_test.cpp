// Shuffles of two groups of channels with the Concat before them and the Slices behind them, which a plan computes in a
// step for each slice: every element where it belongs.
#include <algorithm>
#include <cstring>

#include "core/half.h"
#include "graph/graph.h"
#include "ops/op.h"
#include "session_fixture.h"

namespace nibble::test {
namespace {

struct Case {
  int64_t batch = 1, half = 4;                      // channels of a group
  bool joined = true;                               // two inputs "a" and "b", else one
  std::vector<std::pair<int64_t, int64_t>> slices;  // begin and count; none: the shuffle's output as it is
};

constexpr int64_t kHeight = 3, kWidth = 5, kPixels = kHeight * kWidth;

template <class T>
constexpr DType kType = std::is_same_v<T, int8_t>  ? DType::i8
                        : std::is_same_v<T, float> ? DType::f32
                                                   : DType::f16;

TensorDesc declared(DType type, Shape shape) {
  TensorDesc desc;
  desc.type = type;
  desc.shape = std::move(shape);
  if (type == DType::i8) desc.quant = Quant::tensor(0.1f, 3);
  return desc;
}

Graph network(DType type, const Case& c) {
  Graph graph;
  const auto add = [&](Op op, std::vector<TensorId> inputs) {
    const bool declares = type == DType::i8;
    auto node = graph.add_node("n" + std::to_string(graph.nodes.size()), std::move(op), std::move(inputs),
                               declares ? std::vector<TensorDesc>{declared(type, {})} : std::vector<TensorDesc>{});
    EXPECT_TRUE(node) << node.error().message;
    return graph.nodes.back().outputs[0];
  };
  const auto input = [&](const char* name, int64_t channels) {
    TensorDesc desc = declared(type, {c.batch, channels, kHeight, kWidth});
    desc.name = name;
    graph.inputs.push_back(graph.add_tensor(std::move(desc)));
    return graph.inputs.back();
  };
  TensorId x = kNoTensor;
  if (c.joined) {
    const TensorId a = input("a", c.half), b = input("b", c.half);
    x = add(Concat{.axis = 1}, {a, b});
  } else {
    x = input("a", 2 * c.half);
  }
  x = add(Reshape{{c.batch, 2, c.half, kHeight, kWidth}}, {x});
  x = add(Transpose{{0, 2, 1, 3, 4}}, {x});
  x = add(Reshape{{c.batch, 2 * c.half, kHeight, kWidth}}, {x});
  if (c.slices.empty()) graph.outputs = {x};
  for (const auto& [begin, count] : c.slices) {
    graph.outputs.push_back(add(Slice{{0, begin, 0, 0}, {1, 1, 1, 1}, {c.batch, count, kHeight, kWidth}}, {x}));
  }
  return graph;
}

template <class T>
T element(int64_t index) {
  if constexpr (std::is_same_v<T, uint16_t>) return half_from_float(static_cast<float>(index % 2000));
  if constexpr (std::is_same_v<T, int8_t>) return static_cast<int8_t>(index * 37 % 251 - 125);
  return static_cast<T>(index % 2000);
}

class ShuffleTest : public SessionTest {
 protected:
  template <class T>
  static void expect_right(const Case& c) {
    Session made = session(model(network(kType<T>, c)));
    SCOPED_TRACE(made.plan_text());
    const std::string text = made.plan_text();
    EXPECT_NE(text.find("  shuffle_"), std::string::npos);
    EXPECT_EQ(text.find("  copy_"), std::string::npos);
    const int64_t of_input = c.joined ? c.half : 2 * c.half;
    const auto source = [&](int64_t image, int64_t channel, int64_t pixel) {  // before the shuffle
      const int64_t part = c.joined ? channel / c.half : 0;
      return element<T>(part * 1000 + (image * of_input + channel - part * c.half) * kPixels + pixel);
    };
    for (int64_t part = 0; part < (c.joined ? 2 : 1); ++part) {
      std::vector<T> values;
      for (int64_t i = 0; i < c.batch * of_input * kPixels; ++i) values.push_back(element<T>(part * 1000 + i));
      expect_ok(made.write(part == 0 ? "a" : "b", std::span<const T>(values)));
    }
    expect_ok(made.run());
    auto slices = c.slices;
    if (slices.empty()) slices.push_back({0, 2 * c.half});
    for (size_t s = 0; s < slices.size(); ++s) {
      const auto [begin, count] = slices[s];
      std::vector<T> found(static_cast<size_t>(c.batch * count * kPixels)), expected;
      expect_ok(made.read(made.outputs()[s].name, std::span<T>(found)));
      for (int64_t image = 0; image < c.batch; ++image) {
        for (int64_t channel = begin; channel < begin + count; ++channel) {
          const int64_t from = channel % 2 * c.half + channel / 2;
          for (int64_t pixel = 0; pixel < kPixels; ++pixel) expected.push_back(source(image, from, pixel));
        }
      }
      EXPECT_TRUE(found == expected) << "slice " << s << " of " << c.half << " channels, batch " << c.batch
                                     << (c.joined ? ", joined" : "");
    }
  }

  template <class T>
  static void expect_all_right() {
    for (const int64_t half : {1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 29}) {
      for (const bool joined : {true, false}) {
        const int64_t batch = half % 3 == 0 ? 2 : 1;
        expect_right<T>({batch, half, joined, {}});
        expect_right<T>({batch, half, joined, {{0, half}, {half, half}}});
      }
    }
    // Ranges that begin anywhere, of any length.
    expect_right<T>({1, 12, true, {{1, 5}, {2, 9}, {3, 21}, {5, 1}, {6, 6}, {7, 17}}});
    expect_right<T>({2, 11, false, {{1, 5}, {2, 9}, {3, 19}, {5, 1}, {6, 6}, {9, 13}}});
  }
};

TEST_F(ShuffleTest, bytes) { expect_all_right<int8_t>(); }
TEST_F(ShuffleTest, halves) { expect_all_right<uint16_t>(); }
TEST_F(ShuffleTest, words) { expect_all_right<float>(); }

}  // namespace
}  // namespace nibble::test
