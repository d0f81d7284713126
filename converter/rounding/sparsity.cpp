#include "converter/rounding/sparsity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nibble::rounding {
namespace {

constexpr int64_t kBlock = 4;

struct Block {
  std::vector<int64_t> elements;  // of a row: input * kernel + position
};

std::vector<Block> blocks_of(int64_t inputs, int64_t kernel) {
  std::vector<Block> out;
  for (int64_t position = 0; position < kernel; ++position) {
    for (int64_t first = 0; first < inputs; first += kBlock) {
      Block block;
      for (int64_t i = first; i < std::min(first + kBlock, inputs); ++i)
        block.elements.push_back(i * kernel + position);
      out.push_back(std::move(block));
    }
  }
  return out;
}

// Walks the columns from the last of the order to the first, as round_nearest_plane does, with a value for each that
// `choose` gives: 0 or the wish itself.
class ColumnLoop {
 public:
  ColumnLoop(const LeastSquares& p, const PlaneFactor& f, int64_t index)
      : f_(f),
        k_(static_cast<size_t>(p.width)),
        target_(p.optimum.data() + static_cast<size_t>(index) * k_),
        pull_(k_, 0.0) {}

  // What the open element at place i of the order would be after all that went.
  double wish(size_t i) const { return target_[static_cast<size_t>(f_.order[i])] + pull_[i] / diagonal(i); }
  double saliency(size_t i) const {
    const double w = wish(i) * diagonal(i);
    return w * w;
  }
  void close(size_t i, double value) {
    if (f_.lower.size() == k_) return;  // diagonal
    const double error = target_[static_cast<size_t>(f_.order[i])] - value;
    const double* l = f_.lower.data() + i * k_;
    for (size_t a = 0; a < i; ++a) pull_[a] += l[a] * error;
  }

 private:
  double diagonal(size_t i) const { return f_.lower[f_.lower.size() == k_ ? i : i * k_ + i]; }

  const PlaneFactor& f_;
  const size_t k_;
  const double* target_;
  std::vector<double> pull_;
};

}  // namespace

const char* to_string(SparsityPattern pattern) {
  switch (pattern) {
    case SparsityPattern::dense: return "dense";
    case SparsityPattern::two_of_four: return "2:4";
    case SparsityPattern::half_blocks: return "4-block";
  }
  return "?";
}

Result<SparsityPattern> parse_sparsity(const std::string& text) {
  if (text == "dense") return SparsityPattern::dense;
  if (text == "2:4") return SparsityPattern::two_of_four;
  if (text == "4-block") return SparsityPattern::half_blocks;
  return Error{Code::invalid_argument, "sparsity '" + text + "': expected dense, 2:4 or 4-block"};
}

PlaneFactor make_block_factor(const LeastSquares& p, int64_t inputs, int64_t kernel) {
  std::vector<Block> blocks = blocks_of(inputs, kernel);
  const auto weight = [&](const Block& block) {
    double sum = 0.0;
    for (int64_t j : block.elements) sum += p.h_at(j);
    return sum;
  };
  // The end of the order goes first, while most columns are still open.
  std::ranges::stable_sort(blocks, {}, weight);
  PlaneFactor out;
  for (const Block& block : blocks) out.order.insert(out.order.end(), block.elements.begin(), block.elements.end());
  if (p.diagonal()) {
    for (int64_t j : out.order) out.lower.push_back(std::sqrt(p.h_at(j)));
    return out;
  }
  out.lower = factor(p.h(), p.width, out.order);
  return out;
}

std::vector<uint8_t> choose_pruned(const LeastSquares& p, const PlaneFactor& f, int64_t index, int64_t kernel,
                                   SparsityPattern pattern) {
  std::vector<uint8_t> out(static_cast<size_t>(p.width), 0);
  if (pattern == SparsityPattern::dense || f.lower.empty()) return out;
  // Blocks are runs of the order: an element's block is its position and its input / 4.
  const auto block_of = [&](size_t i) {
    const int64_t j = f.order[i];
    return std::pair(j % kernel, j / kernel / kBlock);
  };
  ColumnLoop loop(p, f, index);
  std::vector<std::pair<double, size_t>> seen;  // half_blocks: saliency and first place of each block, from the end
  for (size_t end = f.order.size(); end > 0;) {
    size_t first = end;
    while (first > 0 && block_of(first - 1) == block_of(end - 1)) --first;
    std::vector<size_t> places(end - first);
    std::iota(places.begin(), places.end(), first);
    if (pattern == SparsityPattern::two_of_four) {
      std::ranges::stable_sort(places, {}, [&](size_t i) { return loop.saliency(i); });
      for (size_t n = 0; n < places.size() / 2; ++n) out[static_cast<size_t>(f.order[places[n]])] = 1;
      for (size_t i = end; i-- > first;) loop.close(i, out[static_cast<size_t>(f.order[i])] ? 0.0 : loop.wish(i));
    } else {
      double sum = 0.0;
      for (size_t i : places) sum += loop.saliency(i);
      seen.emplace_back(sum, first);
    }
    end = first;
  }
  if (pattern != SparsityPattern::half_blocks) return out;
  std::ranges::stable_sort(seen, {}, &std::pair<double, size_t>::first);
  for (size_t n = 0; n < seen.size() / 2; ++n) {
    const auto block = block_of(seen[n].second);
    for (size_t i = seen[n].second; i < f.order.size() && block_of(i) == block; ++i)
      out[static_cast<size_t>(f.order[i])] = 1;
  }
  return out;
}

}  // namespace nibble::rounding
