// What unary.inc and binary.inc take as given.
#ifndef NIBBLE_SCALAR_MATH_GLSL
#define NIBBLE_SCALAR_MATH_GLSL

float nbl_tanh(float x) {
  const float m = abs(x);
  if (m < 0.05) return x * (1.0 + x * x * (-1.0 / 3.0 + x * x * (2.0 / 15.0)));  // below, 1 - t cancels
  const float t = exp(-2.0 * m);  // in (0, 1]: never overflows
  const float y = (1.0 - t) / (1.0 + t);
  return x < 0.0 ? -y : y;
}

// Taylor series near zero, else Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.26: error < 1.5e-7.
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
