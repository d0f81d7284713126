// Multiply-adds, dot products and unpacking from registers.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "core/half.h"
#include "core/text.h"
#include "core/try.h"
#include "probes/probe_params.h"
#include "tools/bench_ceilings.h"
#include "tools/bench_probe.h"

namespace nibble::tools {
namespace {

constexpr size_t kRowWords = 4 * NBL_PROBE_ROW_VECTORS;
constexpr uint32_t kMostRounds = 1u << 16;
using Row = std::array<uint32_t, kRowWords>;

struct Kind {
  const char* name;
  Row (*row)(std::mt19937&);
  double (*expected)(const Row&, uint32_t rounds, uint32_t vectors);  // of one invocation
  double tolerance;                                                   // 0: the result is an int32 and exact
  double operations;                                                  // of one step, for each vector
  uint32_t fewest_vectors, most_vectors;                              // that are tried: the best counts
};

float element(const Row& row, size_t vector, size_t lane) { return std::bit_cast<float>(row[4 * vector + lane]); }

// Values that fp16 holds, too.
uint32_t real_word(std::mt19937& random, float low, float high) {
  std::uniform_real_distribution<float> real(low, high);
  return std::bit_cast<uint32_t>(float_from_half(half_from_float(real(random))));
}

Row fma_row(std::mt19937& random) {
  Row row;
  for (uint32_t& word : row) word = real_word(random, 0.25f, 1.0f);
  row[0] = real_word(random, -0.99f, -0.95f);
  return row;
}

double fma_expected(const Row& row, uint32_t rounds, uint32_t vectors) {
  const double factor = element(row, 0, 0), term = element(row, 0, 1);
  double sum = 0;
  for (size_t i = 0; i < 16; ++i) {
    const size_t vector = i / 4, lane = i % 4;
    double x = element(row, 1 + vector, lane);
    for (uint64_t step = 0; vector < vectors && step < uint64_t{rounds} * NBL_PROBE_STEPS; ++step) {
      const double next = x * factor + term;
      if (next == x) break;  // has settled
      x = next;
    }
    sum += x * static_cast<double>((vector + 1) * (lane + 1));
  }
  return sum;
}

Row dot_row(std::mt19937& random) {
  Row row;
  for (uint32_t& word : row) word = static_cast<uint32_t>(random());
  return row;
}

int32_t byte_of(uint32_t word, int i) { return static_cast<int8_t>(word >> (8 * i)); }
int32_t nibble_of(uint32_t word, int i) { return static_cast<int8_t>((word >> (4 * i) & 0xFu) << 4) >> 4; }

// Sums wrap around like the device's.
double wrapped(uint32_t sum) { return static_cast<double>(static_cast<int32_t>(sum)); }

constexpr uint32_t kPrimes[4] = {1, 3, 5, 7};

double dot_expected(const Row& row, uint32_t rounds, uint32_t vectors) {
  uint32_t a = row[0];
  uint32_t products[16] = {};
  for (uint64_t step = 0; step < uint64_t{rounds} * NBL_PROBE_STEPS; ++step, a += row[1]) {
    for (size_t i = 0; i < 4 * vectors; ++i) {
      for (int k = 0; k < 4; ++k) products[i] += static_cast<uint32_t>(byte_of(a, k) * byte_of(row[4 + i], k));
    }
  }
  uint32_t sum = 0;
  for (size_t i = 0; i < 16; ++i) sum += kPrimes[i / 4] * kPrimes[i % 4] * products[i];
  return wrapped(sum);
}

Row unpack_row(std::mt19937& random) {
  Row row = dot_row(random);
  std::uniform_int_distribution<int> magnitude(1, 127), sign(0, 1);
  for (size_t i = 4; i < row.size(); ++i) {
    const int value = sign(random) ? magnitude(random) : -magnitude(random);
    row[i] = std::bit_cast<uint32_t>(static_cast<float>(value));
  }
  return row;
}

double unpack_expected(const Row& row, uint32_t rounds, bool nibbles) {
  uint32_t sum = 0;
  for (size_t chain = 0; chain < 4; ++chain) {
    uint32_t word = row[chain];
    for (uint64_t i = 0; i < uint64_t{rounds} * NBL_PROBE_STEPS; ++i, word += NBL_PROBE_UNPACK_TURN) {
      for (size_t lane = 0; lane < 4; ++lane) {
        const auto x = [&](size_t at) { return static_cast<int32_t>(element(row, 1 + chain, at)); };
        const int k = static_cast<int>(lane);
        const int32_t product = nibbles ? nibble_of(word, 2 * k) * x(lane) + nibble_of(word, 2 * k + 1) * x(3 - lane)
                                        : byte_of(word, k) * x(lane);
        sum += kPrimes[chain] * kPrimes[lane] * static_cast<uint32_t>(product);
      }
    }
  }
  return wrapped(sum);
}

double unpack_bytes(const Row& row, uint32_t rounds, uint32_t) { return unpack_expected(row, rounds, false); }
double unpack_nibbles(const Row& row, uint32_t rounds, uint32_t) { return unpack_expected(row, rounds, true); }

// Rounding errors of the fma chains grow at most by 1 / (1 - 0.99): of a sum of 100 in fp16 about 2, in fp32 next to
// nothing. A chain that did not run, or ran another number of steps at first, is off by more.
constexpr Kind kKinds[] = {
    {"fma_f32", fma_row, fma_expected, 0.01, NBL_PROBE_FMA_OPERATIONS, 2, NBL_PROBE_MOST_VECTORS},
    {"fma_f16", fma_row, fma_expected, 5.0, NBL_PROBE_FMA_OPERATIONS, 2, NBL_PROBE_MOST_VECTORS},
    {"dot_i8_dot", dot_row, dot_expected, 0, NBL_PROBE_DOT_OPERATIONS, 2, NBL_PROBE_MOST_VECTORS},
    {"dot_i8_shift", dot_row, dot_expected, 0, NBL_PROBE_DOT_OPERATIONS, 2, NBL_PROBE_MOST_VECTORS},
    {"dot_i8_f32", dot_row, dot_expected, 0, NBL_PROBE_DOT_OPERATIONS, 2, NBL_PROBE_MOST_VECTORS},
    {"unpack_i8_f32", unpack_row, unpack_bytes, 0, NBL_PROBE_UNPACK_OPERATIONS, 1, 1},
    {"unpack_i4_f32", unpack_row, unpack_nibbles, 0, 2.0 * NBL_PROBE_UNPACK_OPERATIONS, 1, 1},
};

// One kernel on its table of rows.
struct ArithmeticProbe {
  const Kind& kind;
  std::vector<Row> rows;
  gpu::Buffer table, sums;
  uint32_t groups;
};

Result<ArithmeticProbe> make_probe(const gpu::Device& device, const Kind& kind) {
  std::mt19937 random(1);
  std::vector<Row> rows(NBL_PROBE_ROWS);
  for (Row& row : rows) row = kind.row(random);
  std::vector<uint32_t> words;
  for (const Row& row : rows) words.insert(words.end(), row.begin(), row.end());
  const uint32_t groups = probe_groups(device.caps());
  NBL_TRY(gpu::Buffer table, probe_buffer(device, words, "probe table"));
  NBL_TRY(gpu::Buffer sums, gpu::Buffer::create(device, uint64_t{4} * groups * kProbeGroup,
                                                gpu::BufferPurpose::device_local, "probe sums"));
  return ArithmeticProbe{kind, std::move(rows), std::move(table), std::move(sums), groups};
}

Status check(const Kind& kind, std::span<const uint32_t> found, std::span<const double> expected) {
  for (size_t i = 0; i < found.size(); ++i) {
    const double value = kind.tolerance == 0 ? wrapped(found[i]) : static_cast<double>(std::bit_cast<float>(found[i]));
    const double wanted = expected[i % expected.size()];
    if (std::abs(value - wanted) <= kind.tolerance) continue;
    return Error{Code::internal,
                 format("probe %s: invocation %zu gave %.9g, expected %.9g", kind.name, i, value, wanted)};
  }
  return {};
}

Result<double> measure(const gpu::Device& device, const ArithmeticProbe& probe, uint32_t vectors) {
  const Kind& kind = probe.kind;
  NBL_TRY(const gpu::Pipeline pipeline, probe_pipeline(device, kind.name, vectors));
  NBL_TRY(TimedCommands commands, TimedCommands::create(device, kind.name));
  const auto run = [&](uint32_t rounds) -> Result<double> {
    NBL_CHECK(commands.record([&](gpu::CommandList& list) {
      const params::ProbeParams push{rounds, 0};
      const gpu::BufferRange buffers[] = {probe.table.whole(), probe.sums.whole()};
      list.bind(pipeline, buffers);
      list.push(std::as_bytes(std::span(&push, 1)));
      list.dispatch(probe.groups, 1, 1);
    }));
    return commands.run();
  };
  NBL_TRY(const Amount amount, measure_growing(run, probe_target_ns(device.caps()), kMostRounds));
  NBL_TRY(const std::vector<uint32_t> results, buffer_words(device, probe.sums));
  std::vector<double> expected;
  for (const Row& row : probe.rows) expected.push_back(kind.expected(row, amount.rounds, vectors));
  NBL_CHECK(check(kind, results, expected));
  const double invocations = static_cast<double>(probe.groups) * kProbeGroup;
  return kind.operations * vectors * NBL_PROBE_STEPS * amount.rounds * invocations / amount.ns * 1e9;
}

}  // namespace

Result<double> measure_arithmetic(const gpu::Device& device, const std::string& kernel) {
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == kernel; });
  if (kind == std::end(kKinds)) return Error{Code::internal, format("there is no probe '%s'", kernel.c_str())};
  NBL_TRY(const ArithmeticProbe probe, make_probe(device, *kind));
  double best = 0;
  for (uint32_t vectors = kind->fewest_vectors; vectors <= kind->most_vectors; ++vectors) {
    NBL_TRY(const double rate, measure(device, probe, vectors));
    best = std::max(best, rate);
  }
  return best;
}

}  // namespace nibble::tools
