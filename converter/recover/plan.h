// What both ways of recovery share: which samples are held out, how many are run at once.
#pragma once

#include <vector>

#include "converter/recover/recover.h"
#include "converter/recover/subnet.h"
#include "converter/recover/train.h"

namespace nibble::recover {

struct Split {
  std::vector<size_t> train, held_out;
};
// Every fifth sample is held out; an error below 10 samples.
Result<Split> split_samples(size_t samples);

// Samples that a subnet is run on at once: batch / kChunksPerBatch, fewer where its workspace would be too large.
int64_t chunk_samples(const Subnet& of_one_sample, const Options& options);

TrainOptions train_options(const Options& options, int64_t chunk, int64_t steps);

}  // namespace nibble::recover
