// What unary.inc and binary.inc take as given.
#ifndef NIBBLE_SCALAR_MATH_GLSL
#define NIBBLE_SCALAR_MATH_GLSL

float nbl_tanh(float x) {
  const float m = abs(x);
  if (m < 0.05) return x * (1.0 + x * x * (-1.0 / 3.0 + x * x * (2.0 / 15.0)));  // below, 1 - t cancels
  const float t = exp(-2.0 * m);                                                 // in (0, 1]: never overflows
  const float y = (1.0 - t) / (1.0 + t);
  return x < 0.0 ? -y : y;
}

// Taylor series near zero, else Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.26: error
// < 1.5e-7.
float nbl_erf(float x) {
  const float m = abs(x);
  const float s = x * x;
  if (m < 0.5) {
    const float p = 1.0 + s * (-1.0 / 3.0 + s * (1.0 / 10.0 + s * (-1.0 / 42.0 + s * (1.0 / 216.0 - s / 1320.0))));
    return 1.1283791670955126 * x * p;
  }
  const float t = 1.0 / (1.0 + 0.3275911 * m);
  const float p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const float y = 1.0 - p * exp(-s);
  return x < 0.0 ? -y : y;
}

// log(1 + x) for x > -1, exact to rounding also for tiny x (W. Kahan's correction).
float nbl_log1p(float x) {
  precise float u = 1.0 + x;
  precise float d = u - 1.0;
  return d == 0.0 ? x : log(u) * (x / d);
}

// Vulkan promises sin and cos to 2^-11 only. The argument goes to [-pi/4, pi/4] by pi/2 in three parts (W. Cody, W.
// Waite, Software Manual for the Elementary Functions, 1980), good to some thousands; Taylor series there: error below
// 2^-25.
float nbl_sine_quarters(float x, int quarters) {
  const float turns = roundEven(x * 0.63661977236758134);
  precise float r = x - turns * 1.5703125;
  r = r - turns * 4.837512969970703e-4;
  r = r - turns * 7.549789954891882e-8;
  const int quarter = (int(turns) + quarters) & 3;
  const float s = r * r;
  const float sine = r + r * s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s / 362880.0)));
  const float cosine = 1.0 + s * (-0.5 + s * (1.0 / 24.0 + s * (-1.0 / 720.0 + s / 40320.0)));
  const float y = (quarter & 1) == 0 ? sine : cosine;
  return quarter < 2 ? y : -y;
}
float nbl_sin(float x) { return nbl_sine_quarters(x, 0); }
float nbl_cos(float x) { return nbl_sine_quarters(x, 1); }

float nbl_round_even(float x) { return roundEven(x); }

float nbl_pow(float x, float y) {
  if (y == 2.0) return x * x;
  if (y == 0.5) return sqrt(x);
  if (y == 1.0) return x;
  if (y == 0.0) return 1.0;
  if (y == 3.0) return x * x * x;
  if (x == 0.0) return y > 0.0 ? 0.0 : 1.0 / abs(x);
  const float p = pow(abs(x), y);
  if (x > 0.0) return p;
  if (floor(y) != y) return sqrt(x);  // NaN for a negative x
  return mod(y, 2.0) == 0.0 ? p : -p;
}

int nbl_pow(int x, int y) {
  int p = 1;
  for (int i = 0; i < min(y, 32 * 32); ++i) p *= x;
  return y < 0 ? (x == 1 ? 1 : (x == -1 ? ((y & 1) == 0 ? 1 : -1) : 0)) : p;
}

#endif
