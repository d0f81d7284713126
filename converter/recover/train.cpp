#include "converter/recover/train.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <thread>

#include "converter/execute/fast_layer.h"
#include "converter/recover/adam.h"
#include "core/text.h"
#include "core/try.h"

namespace nibble::recover {
namespace {

// f(thread) on each of `threads` threads, the caller's among them; the first error by thread number.
Status on_threads(int threads, const std::function<Status(int)>& f) {
  std::vector<Status> results(static_cast<size_t>(threads));
  const auto work = [&](int t) {
    const ThreadLimit limit(1);
    results[static_cast<size_t>(t)] = f(t);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
  work(0);
  for (std::thread& t : others) t.join();
  for (Status& status : results) NBL_CHECK(std::move(status));
  return {};
}

// What one thread needs to run chunks.
struct Lane {
  Subnet::Workspace workspace;
  std::vector<float> x, target, dy;

  Lane(const Subnet& subnet, bool with_gradients) : workspace(subnet.workspace(with_gradients)) {
    x.resize(static_cast<size_t>(subnet.input().elements()));
    target.resize(static_cast<size_t>(subnet.output().elements()));
    if (with_gradients) dy.resize(target.size());
  }
};

// Loss of the first `counted` samples of the chunk in the lane; with gradients where the lane has room for them.
Result<double> run_chunk(const Subnet& subnet, Lane& lane, const Loss& loss, size_t counted, double factor,
                         float* gradients) {
  NBL_TRY(const float* y, subnet.forward(lane.x.data(), lane.workspace));
  const size_t width = lane.target.size() / static_cast<size_t>(subnet.samples());
  double sum = 0.0;
  for (size_t s = 0; s < counted; ++s) {
    sum += loss({y + s * width, width}, {lane.target.data() + s * width, width},
                gradients ? lane.dy.data() + s * width : nullptr, factor);
  }
  if (gradients) NBL_CHECK(subnet.backward(lane.x.data(), lane.dy.data(), gradients, lane.workspace));
  return sum;
}

// The order in which examples are taken: shuffled anew for every round through them.
class Order {
 public:
  explicit Order(size_t count) : order_(count), at_(count) { std::iota(order_.begin(), order_.end(), size_t{0}); }

  size_t next() {
    if (at_ == order_.size()) {
      at_ = 0;
      for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
    }
    return order_[at_++];
  }

 private:
  uint64_t random() {  // splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::vector<size_t> order_;
  size_t at_;
  uint64_t state_ = 1;
};

// The steps themselves.
class Training {
 public:
  Training(Subnet& subnet, const Examples& examples, const Loss& loss, const TrainOptions& options)
      : subnet_(subnet), examples_(examples), loss_(loss), options_(options), order_(examples.size()) {
    for (int t = 0; t < options.threads; ++t) lanes_.emplace_back(subnet, true);
    gradients_.resize(kChunksPerBatch);
  }

  Status step(int64_t number, std::span<const float> values, std::vector<float>& gradient) {
    const auto chunk = static_cast<size_t>(subnet_.samples());
    std::vector<size_t> batch;
    for (size_t i = 0; i < chunk * kChunksPerBatch; ++i) batch.push_back(order_.next());
    NBL_CHECK(subnet_.use(values.data()));
    NBL_CHECK(on_threads(options_.threads, [&](int t) -> Status {
      Lane& lane = lanes_[static_cast<size_t>(t)];
      for (auto c = static_cast<size_t>(t); c < kChunksPerBatch; c += static_cast<size_t>(options_.threads)) {
        gradients_[c].assign(values.size(), 0.0f);
        const uint64_t variant = 1 + static_cast<uint64_t>(number) * kChunksPerBatch + c;
        NBL_CHECK(
            examples_.read(std::span(batch).subspan(c * chunk, chunk), variant, lane.x.data(), lane.target.data(), t));
        NBL_TRY(const double sum,
                run_chunk(subnet_, lane, loss_, chunk, 1.0 / static_cast<double>(batch.size()), gradients_[c].data()));
        if (!std::isfinite(sum)) return Error{Code::invalid_argument, "the loss is not finite"};
      }
      return {};
    }));
    gradient = gradients_[0];
    for (size_t c = 1; c < kChunksPerBatch; ++c) {
      for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += gradients_[c][i];
    }
    return {};
  }

 private:
  Subnet& subnet_;
  const Examples& examples_;
  Loss loss_;
  TrainOptions options_;
  Order order_;
  std::vector<Lane> lanes_;
  std::vector<std::vector<float>> gradients_;
};

}  // namespace

double Loss::operator()(std::span<const float> y, std::span<const float> target, float* dy, double factor) const {
  if (kind == LossKind::squared) {
    double sum = 0.0;
    const double scale = 1.0 / std::max(energy, 1e-30);
    for (size_t i = 0; i < y.size(); ++i) {
      const double d = static_cast<double>(y[i]) - static_cast<double>(target[i]);
      sum += d * d;
      if (dy) dy[i] = static_cast<float>(2.0 * d * scale * factor);
    }
    return sum * scale;
  }
  const auto log_sum = [](std::span<const float> v, double& largest) {
    largest = static_cast<double>(*std::max_element(v.begin(), v.end()));
    double sum = 0.0;
    for (const float x : v) sum += std::exp(static_cast<double>(x) - largest);
    return largest + std::log(sum);
  };
  double unused = 0.0;
  const double log_y = log_sum(y, unused), log_t = log_sum(target, unused);
  double sum = 0.0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double q = static_cast<double>(y[i]) - log_y, p = static_cast<double>(target[i]) - log_t;
    sum += std::exp(p) * (p - q);
    if (dy) dy[i] = static_cast<float>((std::exp(q) - std::exp(p)) * factor);
  }
  return sum;
}

Result<double> mean_loss(const Subnet& subnet, const Examples& examples, const Loss& loss, int threads) {
  const auto chunk = static_cast<size_t>(subnet.samples());
  const size_t chunks = (examples.size() + chunk - 1) / chunk;
  std::vector<double> sums(chunks, 0.0);
  NBL_CHECK(on_threads(threads, [&](int t) -> Status {
    Lane lane(subnet, false);
    std::vector<size_t> which(chunk);
    for (auto c = static_cast<size_t>(t); c < chunks; c += static_cast<size_t>(threads)) {
      for (size_t i = 0; i < chunk; ++i) which[i] = std::min(c * chunk + i, examples.size() - 1);
      NBL_CHECK(examples.read(which, 0, lane.x.data(), lane.target.data(), t));
      NBL_TRY(sums[c], run_chunk(subnet, lane, loss, std::min(chunk, examples.size() - c * chunk), 1.0, nullptr));
    }
    return {};
  }));
  return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(examples.size());
}

Result<Trained> train(Subnet& subnet, const Examples& examples, const Examples& held_out, const Loss& loss,
                      const TrainOptions& options) {
  const ThreadLimit limit(1);  // the library's own threads would wait for each other at every layer
  if (subnet.samples() * kChunksPerBatch != options.batch || examples.size() == 0 || held_out.size() == 0) {
    return Error{Code::internal, format("training %lld samples a step in chunks of %lld, %zu examples, %zu held out",
                                        static_cast<long long>(options.batch), static_cast<long long>(subnet.samples()),
                                        examples.size(), held_out.size())};
  }
  std::vector<float> values = subnet.initial(), gradient;
  Trained out;
  out.values = values;
  NBL_CHECK(subnet.use(values.data()));
  NBL_TRY(out.before, mean_loss(subnet, held_out, loss, options.threads));
  out.after = out.before;
  if (out.before <= kNothingLost) return out;
  Adam adam(subnet, options.keep_zeros);
  Training training(subnet, examples, loss, options);
  const int64_t every = std::max<int64_t>(options.steps / std::max<int64_t>(options.checks, 1), 1);
  for (int64_t i = 0; i < options.steps; ++i) {
    NBL_CHECK(training.step(i, values, gradient));
    const double done = static_cast<double>(i) / static_cast<double>(options.steps);
    adam.step(gradient, options.rate * 0.5 * (1.0 + std::cos(std::numbers::pi * done)), values);
    if ((i + 1) % every != 0 && i + 1 != options.steps) continue;
    NBL_CHECK(subnet.use(values.data()));
    NBL_TRY(const double now, mean_loss(subnet, held_out, loss, options.threads));
    if (!(now < out.after)) continue;
    out.after = now;
    out.values = values;
    out.best_step = i + 1;
  }
  NBL_CHECK(subnet.use(out.values.data()));
  return out;
}

}  // namespace nibble::recover
