#include "converter/execute/fast_layer.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace nibble {

#if defined(_OPENMP)
ThreadLimit::ThreadLimit(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
ThreadLimit::~ThreadLimit() { omp_set_num_threads(before_); }
#else
ThreadLimit::ThreadLimit(int threads) : before_(threads) {}
ThreadLimit::~ThreadLimit() { before_ = 0; }
#endif

}  // namespace nibble
