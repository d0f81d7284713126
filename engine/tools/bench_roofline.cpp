#include "tools/bench_roofline.h"

#include <algorithm>

#include "core/text.h"
#include "core/try.h"
#include "runtime/open_device.h"
#include "tools/tool_program.h"

namespace nibble::tools {
namespace {

std::string row(const char* what, std::optional<double> per_second, const char* unit, const std::string& note) {
  if (!per_second) return format("  %-26s %10s %-8s %s\n", what, "absent", "", note.c_str());
  return format("  %-26s %10.4g %-8s %s\n", what, *per_second / 1e9, unit, note.c_str());
}

std::string shape_of(const MatrixRate& rate) {
  return format("%lld x %lld x %lld", static_cast<long long>(rate.rows), static_cast<long long>(rate.inputs),
                static_cast<long long>(rate.outputs));
}

std::string ceilings_text(const Ceilings& c) {
  const auto best = [&](double rate) { return std::string(rate == c.int8() ? "the int8 ceiling" : ""); };
  std::string out = "\nceilings of the device\n";
  out += row("fp32 multiply-add", c.fp32, "GFLOP/s", "");
  out += row("fp16 multiply-add", c.fp16, "GFLOP/s", c.fp16 ? "" : "the device has no fp16 arithmetic");
  out += row("int8 packed dot", c.int8_dot, "GOP/s",
             c.int8_dot ? best(*c.int8_dot) : "the device has no dot product instruction");
  out += row("int8 by shifts", c.int8_shift, "GOP/s", best(c.int8_shift));
  out += row("int8 exact in fp32", c.int8_f32, "GOP/s", best(c.int8_f32));
  out += row("int8 unpacked, fp32", c.unpack_i8, "GFLOP/s", "each weight used once");
  out += row("int4 unpacked, fp32", c.unpack_i4, "GFLOP/s", "each weight used once");
  for (const Bandwidth& b : c.bandwidths) {
    const std::string note = bytes_text(b.bytes) + (&b == &c.bandwidths.back() ? "" : ", over and over");
    out += row("read", b.read, "GB/s", note);
    out += row("copy, both ways", b.copy, "GB/s", note);
  }
  out += format("  %-26s %10s\n", "dispatch", time_text(c.dispatch_ns / 1e6).c_str());
  out += format("  %-26s %10s\n", "dispatch with barrier", time_text(c.barrier_ns / 1e6).c_str());
  return out;
}

}  // namespace

double Roofline::gemm_ratio(Product fast, Product slow) const {
  const auto rate = [&](Product product) {
    const auto found =
        std::find_if(gemm.begin(), gemm.end(), [&](const MatrixRate& r) { return r.product == product; });
    return found == gemm.end() ? 0.0 : found->operations_per_second();
  };
  return rate(slow) > 0 ? rate(fast) / rate(slow) : 0.0;
}

double Roofline::gemm_share(const MatrixRate& rate) const {
  const double ceiling = rate.product == Product::f32 ? ceilings.fp32 : ceilings.int8();
  return ceiling > 0 ? rate.operations_per_second() / ceiling : 0.0;
}

double Roofline::gemv_share(const MatrixRate& rate) const {
  return ceilings.copy() > 0 ? rate.weight_bytes_per_second() / ceilings.copy() : 0.0;
}

std::optional<PrecisionGain> precision_gain(const Roofline& roofline, std::optional<Product> first,
                                            std::optional<Product> second, double second_to_first) {
  if (!first || !second || *first == *second || second_to_first <= 0) return std::nullopt;
  const auto width = [](Product product) {
    switch (product) {
      case Product::f32: return 0;
      case Product::i4_f32: return 1;
      case Product::i8_i8: return 2;
      case Product::i4_i8: break;
    }
    return 3;
  };
  PrecisionGain gain{*first, *second, 1 / second_to_first, std::nullopt};
  if (width(*second) < width(*first)) gain = {*second, *first, second_to_first, std::nullopt};
  const double products = roofline.gemm_ratio(gain.fast, gain.slow);
  if (products > 0) gain.share = gain.ratio / products;
  return gain;
}

Result<Roofline> measure_roofline(const Device& device, int64_t gemm) {
  Roofline out;
  NBL_TRY(out.ceilings, measure_ceilings(device.state()->gpu));
  NBL_TRY(out.gemm, measure_gemm(device, gemm));
  NBL_TRY(out.gemv, measure_gemv(device));
  return out;
}

std::string roofline_text(const Roofline& r) {
  std::string out = ceilings_text(r.ceilings);
  out += "\nmatrix products by the engine's kernels, results checked\n";
  out += format("  %-26s %10s %10s  %-9s  %s\n", "rows x inputs x outputs", "time", "GOP/s", "of ceil.", "kernel");
  for (const MatrixRate& rate : r.gemm) {
    out += format("  %-12s %-13s %10s %10.4g  %7.1f %%  %s\n", to_string(rate.product), shape_of(rate).c_str(),
                  time_text(rate.ns / 1e6).c_str(), rate.operations_per_second() / 1e9, 100 * r.gemm_share(rate),
                  rate.kernel.c_str());
  }
  out += format("  int8 x int8 is %.2f times as fast as fp32, int4 x int8 %.2f times as fast as int8 x int8\n",
                r.gemm_ratio(Product::i8_i8, Product::f32), r.gemm_ratio(Product::i4_i8, Product::i8_i8));
  out += format("\n  %-30s %10s %10s  %-9s  %s\n", "one row", "time", "GB/s", "of copy", "kernel");
  for (const MatrixRate& rate : r.gemv) {
    out += format("  %-12s %-17s %10s %10.4g  %7.1f %%  %s\n", to_string(rate.product), shape_of(rate).c_str(),
                  time_text(rate.ns / 1e6).c_str(), rate.weight_bytes_per_second() / 1e9, 100 * r.gemv_share(rate),
                  rate.kernel.c_str());
  }
  return out;
}

}  // namespace nibble::tools
