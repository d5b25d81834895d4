// Small mathematics that all the others use: the error function, the normal distribution, ranges.

const { abs, exp, max, min, sqrt, PI } = Math;

const COEFFICIENTS = [ // Chebyshev series of exp(x²) erfc(x) / t, t = 3.75 / (3.75 + x), computed with 60 digits
  0.4214058601090404, 0.37747444362832, 0.14160448337558904, 0.04472136419492391, 0.0117959706715608,
  0.0025349704447309527, 0.0004185659812464711, 4.4764300324499895e-5, 5.257805411800891e-7, -8.231924321753128e-7,
  -1.316512185167472e-7, 2.5425950577591977e-9, 3.6155375955980613e-9, 2.8881129031517165e-10, -7.744049094712806e-11,
  -1.4154099941115766e-11, 1.541532080291853e-12, 5.316760838441818e-13, -3.1266208417670866e-14,
  -1.931405980218627e-14, 7.681944620990154e-16, 7.212640982187403e-16, -2.9234747015733566e-17,
  -2.800417314058823e-17];

/** 1 − erf(x), to a relative error of a few 1e-16. */
export function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x > 27.3) return 0; // below the smallest float64
  const t = 3.75 / (3.75 + x), y = 2 * t - 1;
  let a = 0, b = 0; // Clenshaw's recurrence sums a Chebyshev series
  for (let k = COEFFICIENTS.length - 1; k > 0; k--) {
    const next = 2 * y * a - b + COEFFICIENTS[k];
    b = a;
    a = next;
  }
  const high = Math.fround(x); // exp(−x²) in two factors: the square of a float32 is exact in float64
  return t * (y * a - b + COEFFICIENTS[0]) * exp(-high * high) * exp((high - x) * (high + x));
}

/** erf(x), which keeps its digits near 0: there a series whose terms are all positive (Abramowitz and Stegun, 7.1.6). */
export function erf(x) {
  if (abs(x) > 1) return 1 - erfc(x);
  let sum = 1;
  for (let odd = 41; odd > 1; odd -= 2) sum = 1 + sum * 2 * x * x / odd;
  return 2 / sqrt(PI) * x * exp(-x * x) * sum;
}

export const cdf = (x) => erfc(-x / Math.SQRT2) / 2; // of the standard normal distribution
export const pdf = (x) => exp(-x * x / 2) / sqrt(2 * PI);

export const clamp = (value, [low, high]) => min(max(value, low), high);
export const span = (n, from, to) => Array.from({ length: n + 1 }, (_, i) => from + (to - from) * i / n);
