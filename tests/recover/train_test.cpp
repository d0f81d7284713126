#include "converter/recover/train.h"

#include "converter/recover/examples.h"
#include "tests/recover/damaged_net.h"

namespace nibble::test {
namespace {

using recover::Loss;
using recover::LossKind;

TEST(Loss, squared_is_relative_and_has_its_gradient) {
  const Loss loss{LossKind::squared, 4.0};
  const Floats y{1.0f, 2.0f, -1.0f}, target{0.0f, 2.0f, 1.0f};
  Floats dy(3);
  EXPECT_DOUBLE_EQ(loss(y, target, dy.data(), 0.5), 5.0 / 4.0);
  EXPECT_FLOAT_EQ(dy[0], 0.25f);
  EXPECT_FLOAT_EQ(dy[1], 0.0f);
  EXPECT_FLOAT_EQ(dy[2], -0.5f);
}

TEST(Loss, divergence_is_that_of_the_softmax_and_has_its_gradient) {
  const Loss loss{LossKind::divergence};
  const Floats target{1.0f, -0.5f, 0.2f, 3.0f};
  Floats y{0.3f, 0.1f, -1.2f, 2.0f}, dy(4);
  EXPECT_NEAR(loss(target, target, nullptr, 1.0), 0.0, 1e-12);
  EXPECT_GT(loss(y, target, dy.data(), 1.0), 0.0);
  Floats shifted = y;  // a softmax does not see what is added to all
  for (float& v : shifted) v += 50.0f;
  EXPECT_NEAR(loss(y, target, nullptr, 1.0), loss(shifted, target, nullptr, 1.0), 1e-5);
  for (size_t i = 0; i < y.size(); ++i) {
    Floats up = y, down = y;
    up[i] += 0.01f;
    down[i] -= 0.01f;
    EXPECT_NEAR(dy[i], (loss(up, target, nullptr, 1.0) - loss(down, target, nullptr, 1.0)) / 0.02, 1e-4);
  }
}

struct Setting {
  Graph original = residual_net();
  Graph changed = damaged(original, {"block0.a", "block1.a"}, 3);
  std::vector<NodeId> nodes;
  recover::Samples samples = noise_samples(60);

  Setting() {
    for (size_t i = 0; i < changed.nodes.size(); ++i) nodes.push_back(static_cast<NodeId>(i));
  }
  recover::Subnet subnet() const {
    auto made = recover::Subnet::make(changed, nodes, changed.inputs[0], changed.outputs[0], 4);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  recover::CachedExamples examples(const recover::Subnet& subnet, size_t from, size_t to) const {
    std::vector<size_t> which;
    for (size_t i = from; i < to; ++i) which.push_back(i);
    auto x = recover::collect(changed, changed.inputs[0], samples, which);
    auto y = recover::collect(original, original.outputs[0], samples, which);
    EXPECT_TRUE(x && y);
    return {*std::move(x), *std::move(y), subnet};
  }
  recover::Trained train(const recover::TrainOptions& options) const {
    recover::Subnet net = subnet();
    auto trained = recover::train(net, examples(net, 0, 50), examples(net, 50, 60), {LossKind::squared, 5.0}, options);
    EXPECT_TRUE(trained) << trained.error().message;
    return *std::move(trained);
  }
};

recover::TrainOptions quick() {
  recover::TrainOptions o;
  o.steps = 60;
  o.batch = 16;
  return o;
}

TEST(Train, brings_the_output_nearer_to_the_target) {
  const recover::Trained trained = Setting().train(quick());
  EXPECT_GT(trained.before, 0.0);
  EXPECT_LT(trained.after, 0.5 * trained.before);
  EXPECT_GT(trained.best_step, 0);
}

TEST(Train, gives_the_same_values_on_one_and_two_and_three_threads) {
  const Setting setting;
  recover::TrainOptions options = quick();
  options.threads = 1;
  const recover::Trained one = setting.train(options);
  for (int threads : {2, 3}) {
    options.threads = threads;
    const recover::Trained more = setting.train(options);
    EXPECT_EQ(one.values, more.values);
    EXPECT_EQ(one.after, more.after);
    EXPECT_EQ(one.best_step, more.best_step);
  }
}

TEST(Train, leaves_zeros_alone_when_asked) {
  Setting setting;
  setting.changed = damaged(setting.original, {"block0.b"}, 3);  // not behind a ReLU, which would stop their gradients
  recover::TrainOptions options = quick();
  const recover::Subnet net = setting.subnet();
  const auto revived = [&](const recover::Trained& trained) {
    size_t count = 0;
    for (const recover::Parameter& p : net.parameters()) {
      for (size_t i = p.begin; i < p.begin + p.count; ++i)
        count += !p.is_bias && net.initial()[i] == 0.0f && trained.values[i] != 0.0f;
    }
    return count;
  };
  EXPECT_GT(revived(setting.train(options)), 0u);
  options.keep_zeros = true;
  EXPECT_EQ(revived(setting.train(options)), 0u);
}

// A rate far too large makes everything worse: then the values stay what they were.
TEST(Train, keeps_the_beginning_where_nothing_was_better) {
  recover::TrainOptions options = quick();
  options.rate = 30.0;
  const Setting setting;
  const recover::Trained trained = setting.train(options);
  EXPECT_EQ(trained.best_step, 0);
  EXPECT_EQ(trained.after, trained.before);
  EXPECT_EQ(trained.values, setting.subnet().initial());
}

}  // namespace
}  // namespace nibble::test
