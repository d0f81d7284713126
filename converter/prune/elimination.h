// Block optimal brain surgeon for one layer: channels are removed one by one, the other weights make up for each.
#pragma once

#include <Eigen/Dense>
#include <vector>

namespace nibble::prune {

// Hassibi and Stork 1993; for columns of weights as in Frantar et al. 2022. After each removal
//   W -= W_S (H^-1_SS)^-1 H^-1_S:,  H^-1 -= H^-1_:S (H^-1_SS)^-1 H^-1_S:
// What is taken from H^-1 and W waits as the factors of a product until many columns have come together and is then
// subtracted at once (as blocked factorizations do); until then only what choices need is brought up to date: each
// channel's own block of H^-1 and of WT W.
class Elimination {
 public:
  using Matrix = Eigen::MatrixXd;

  // `inverse` [r, r]: H^-1, on and below the diagonal. `weights` [o, r]. `columns`: by channel, those it takes.
  Elimination(Matrix inverse, Matrix weights, std::vector<std::vector<Eigen::Index>> columns, int threads);

  // Sum of what the outputs lose without the channel, tr(W_S (H^-1_SS)^-1 W_S^T); 0 where it takes no column.
  double loss(size_t channel) const { return channels_[channel].loss; }
  // Each channel once.
  void remove(size_t channel);

 private:
  struct Channel {
    std::vector<Eigen::Index> columns;  // of what is left
    Matrix inverse, squares;            // blocks of H^-1 and of WT W
    double loss = 0.0;
    bool gone = false;
  };
  Matrix inverse_columns(const std::vector<Eigen::Index>& at) const;
  void subtract_pending();
  void compact();
  void read_blocks(Channel& channel) const;

  Matrix inverse_, weights_;  // without what is pending; the first left_ columns (and rows) count
  Eigen::Index left_ = 0;
  std::vector<Channel> channels_;
  // H^-1 is inverse_ - taken_ taken_T, W is weights_ - given_ taken_T, over the first pending_ columns.
  Matrix taken_, given_;
  Eigen::Index pending_ = 0;
  int threads_;
};

}  // namespace nibble::prune
