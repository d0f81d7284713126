#include "kernels/conv_step.h"

#include "core/text.h"
#include "kernels/step_parts.h"
#include "params.h"

namespace nibble {
namespace {

constexpr int64_t kMaxHalfWord = 65535;

bool reads_beyond(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  return pad > 0 || (out - 1) * stride + (kernel - 1) * dilation >= in;
}

uint32_t halves(int64_t high, int64_t low) { return static_cast<uint32_t>(high << 16 | low); }

uint32_t byte_of(int32_t value, int place) { return (static_cast<uint32_t>(value) & 0xFFu) << (8 * place); }

// All that a layer's time depends on; values and activation are not.
std::string problem_text(const ConvProblem& c, const Chosen& chosen, const ConvConstants& constants,
                         uint32_t group_steps) {
  const auto n = [](int64_t value) { return static_cast<long long>(value); };
  const FinishParts& finish = constants.finish;
  const char* table = finish.table == NBL_TABLE_NONE ? "" : " table";
  const char* sum = finish.residual == NBL_RESIDUAL_NONE ? "" : " sum";
  return format(
      "%s%s %s.%s n%lld %lldx%lldx%lld-%lldx%lldx%lld g%lld k%lldx%lld s%lldx%lld d%lldx%lld p%lldx%lld u%lld %u%s%s",
      to_string(chosen.family), c.transposed && chosen.family == Family::conv2d_grouped ? " transposed" : "",
      to_string(chosen.key.weights), to_string(chosen.key.activations), n(c.batch), n(c.in_channels), n(c.in_h),
      n(c.in_w), n(c.out_channels), n(c.out_h), n(c.out_w), n(c.groups), n(c.kernel_h), n(c.kernel_w), n(c.stride_h),
      n(c.stride_w), n(c.dilation_h), n(c.dilation_w), n(c.pad_top), n(c.pad_left), n(c.x_pixel), group_steps, table,
      sum);
}

}  // namespace

Status check_limits(const ConvProblem& c, const gpu::Caps& caps) {
  struct Limit {
    const char* what;
    int64_t value, most;
  };
  const Limit limits[] = {
      {"kernel height", c.kernel_h, kMaxHalfWord},
      {"kernel width", c.kernel_w, kMaxHalfWord},
      {"vertical stride", c.stride_h, kMaxHalfWord},
      {"horizontal stride", c.stride_w, kMaxHalfWord},
      {"vertical dilation", c.dilation_h, kMaxHalfWord},
      {"horizontal dilation", c.dilation_w, kMaxHalfWord},
      {"padding above", c.pad_top, kMaxHalfWord},
      {"padding on the left", c.pad_left, kMaxHalfWord},
      // Positions are 32-bit in kernels.
      {"kernel height * stride * dilation", c.kernel_h * c.stride_h * c.dilation_h, int64_t{1} << 30},
      {"kernel width * stride * dilation", c.kernel_w * c.stride_w * c.dilation_w, int64_t{1} << 30},
      {"batch", c.batch, caps.max_workgroup_count[2]},
  };
  for (const Limit& limit : limits) {
    if (limit.value <= limit.most) continue;
    return Error{Code::unsupported_op, format("%s is %lld; the kernels take at most %lld", limit.what,
                                              static_cast<long long>(limit.value), static_cast<long long>(limit.most))};
  }
  return {};
}

bool is_padded(const ConvProblem& c) {
  return c.transposed || reads_beyond(c.in_h, c.out_h, c.kernel_h, c.stride_h, c.dilation_h, c.pad_top) ||
         reads_beyond(c.in_w, c.out_w, c.kernel_w, c.stride_w, c.dilation_w, c.pad_left);
}

// Rows without neighbours are one long row, in which tiles leave less over.
void join_rows(ConvProblem& c) {
  const bool pointwise = c.kernel_h == 1 && c.kernel_w == 1 && c.stride_h == 1 && c.stride_w == 1;
  if (!pointwise || is_padded(c) || c.x_row != c.in_w * c.x_pixel || c.y_row != c.out_w * c.y_pixel) return;
  c.in_w *= c.in_h;
  c.out_w *= c.out_h;
  c.in_h = c.out_h = 1;
}

params::ConvParams fill_params(const ConvProblem& c, const Node& node, const Lowering& lowering,
                               const ConvConstants& constants) {
  const auto word = [](int64_t value) { return static_cast<uint32_t>(value); };
  params::ConvParams p{};
  p.x_batch = word(c.x_batch), p.x_block = word(c.x_block), p.x_row = word(c.x_row), p.x_pixel = word(c.x_pixel);
  p.y_batch = word(c.y_batch), p.y_block = word(c.y_block), p.y_row = word(c.y_row), p.y_pixel = word(c.y_pixel);
  p.in_h = static_cast<int32_t>(c.in_h), p.in_w = static_cast<int32_t>(c.in_w), p.out_w = word(c.out_w);
  p.groups = word(c.groups), p.out_channels = word(c.out_channels);
  p.kernel = halves(c.kernel_h, c.kernel_w), p.stride = halves(c.stride_h, c.stride_w);
  p.dilation = halves(c.dilation_h, c.dilation_w), p.pad = halves(c.pad_top, c.pad_left);
  p.bias = constants.bias, p.scale = constants.scale, p.shift = constants.shift;
  p.group_multiplier = constants.group_multiplier;
  p.residual = constants.finish.residual_offset;
  p.skew = c.y.skew << 16;
  if (c.x.type == DType::i8) {
    const Quant& own = lowering.graph().desc(node.outputs[0]).quant;
    p.quant_or_a = byte_of(c.x.desc->quant.zero_point, 0) | byte_of(own.zero_point, 1) | byte_of(c.clamp.min, 2) |
                   byte_of(c.clamp.max, 3);
    p.table_or_b = constants.finish.table_offset;
  } else {
    p.quant_or_a = float_bits(c.activation.a);
    p.table_or_b = float_bits(c.activation.b);
  }
  return p;
}

std::vector<SpecConstant> common_spec(const ConvProblem& c, const ConvTile& tile, const ConvConstants& constants,
                                      bool short_requantization) {
  std::vector<SpecConstant> spec{
      {NBL_SPEC_LOCAL_X, tile.local_x}, {NBL_SPEC_LOCAL_Y, tile.local_y}, {NBL_SPEC_LOCAL_Z, 1}};
  if (c.x.type == DType::i8) {
    spec.push_back({NBL_SPEC_CONV_HIGH_SHIFT, short_requantization ? 1u : 0u});
  } else {
    spec.push_back({NBL_SPEC_ACT, static_cast<uint32_t>(c.activation.kind)});
  }
  add_spec(constants.finish, spec);
  return spec;
}

Status emit_conv(const ConvProblem& c, Lowering& lowering, const ChosenRow& row, const StepProblem& problem,
                 const ConvConstants& constants, const params::ConvParams& p, std::vector<SpecConstant> spec,
                 std::array<uint32_t, 3> groups) {
  const auto& most = lowering.caps().max_workgroup_count;
  for (size_t i = 0; i < 3; ++i) {
    if (groups[i] > most[i]) {
      return Error{Code::unsupported_device, format("needs %u workgroups along axis %zu; device '%s' takes %u",
                                                    groups[i], i, lowering.caps().device_name.c_str(), most[i])};
    }
  }
  Step step;
  step.kernel = row.kernel;
  step.tuned = row.tuned;
  step.problem = problem.text;
  step.spec = std::move(spec);
  const BufferId residual = c.residual.buffer >= 0 ? c.residual.buffer : constants.buffer;
  step.bindings = {reads(c.x.buffer), reads(constants.buffer), reads(residual), writes(c.y.buffer)};
  step.push = push_words(p);
  step.groups = groups;
  // A transposed convolution multiplies every input with every tap.
  const int64_t places = c.transposed ? c.in_h * c.in_w : c.out_h * c.out_w;
  step.multiply_adds = static_cast<uint64_t>(c.batch * places * c.kernel_h * c.kernel_w) *
                       static_cast<uint64_t>(c.out_channels * (c.in_channels / c.groups));
  step.integer = c.x.type == DType::i8;
  lowering.emit(std::move(step));
  return {};
}

uint32_t group_count(int64_t invocations, uint32_t local) {
  return static_cast<uint32_t>(divide_up(invocations, local));
}

StepProblem step_problem(const ConvProblem& c, const Lowering& lowering, const Chosen& chosen,
                         const ConvConstants& constants, const TileBounds& bounds, uint32_t group_steps) {
  return {chosen.family, chosen.key, bounds,
          lowering.wants_problems() ? problem_text(c, chosen, constants, group_steps) : std::string(), true};
}

}  // namespace nibble
