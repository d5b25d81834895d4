// The activations: value and slope of each. The package's tests compare them with the Python's, which are explained there.

import { THRESHOLD } from "./gaussian.js";
import { cdf, clamp, erf, pdf, span } from "./numbers.js";

const { abs, exp, expm1, log1p, max, min, sqrt, PI } = Math;

/** x − tanh(x) from tanh(x) = x / (1 + u), with Gauss's continued fraction u = x²/(3 + x²/(5 + …)), where x is small. */
function tanhshrink(x) {
  if (abs(x) > 2) return x - Math.tanh(x);
  let u = x * x / 23;
  for (let odd = 21; odd > 1; odd -= 2) u = x * x / (odd + u);
  return x * u / (1 + u);
}

const sigmoid = (x) => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));
const bell = (x) => { const e = exp(-abs(x)); return e / (1 + e) ** 2; }; // sigmoid's slope
const softplus = (x, beta) => max(x, 0) + log1p(exp(-beta * abs(x))) / beta;
const elu = (x, alpha) => (x > 0 ? x : alpha * expm1(x));
const inside = (x, low, high) => (x > low && x < high ? 1 : 0);
const SELU = [1.6732632423543772, 1.0507009873554805]; // alpha and scale of Klambauer et al. 2017
const grown = (x) => exp(min(x, 40)); // further right mish is the identity, to the last digit
const gate = (e) => e * (e + 2) / (e * (e + 2) + 2); // tanh(log(1 + e)): mish's share of x, for e = exp(x)

const atZero = () => [0];
const leaky = { f: (x, p) => (x > 0 ? x : p * x), slope: (x, p) => (x > 0 ? 1 : p), kinks: atZero };
const swish = { f: (x, p) => x * sigmoid(p * x), slope: (x, p) => sigmoid(p * x) + p * x * bell(p * x) };
const fixed = ({ f, slope, kinks }, p) => ({ f: (x) => f(x, p), slope: (x) => slope(x, p), kinks });

/**
 * f and its slope as functions of x and the parameter p; kinks, a function of p, are where f is not smooth.
 * flat, where the slope is below THRESHOLD in size, is for those that a scan would not find out.
 */
export const ACTIVATIONS = {
  identity: { f: (x) => x, slope: () => 1 },
  step: { f: (x) => (x >= 0 ? 1 : 0), slope: () => 0, kinks: atZero },
  sigmoid: { f: sigmoid, slope: bell },
  logsigmoid: { f: (x) => -softplus(-x, 1), slope: (x) => sigmoid(-x) },
  hardsigmoid: { f: (x) => min(max(x / 6 + 0.5, 0), 1), slope: (x) => inside(x, -3, 3) / 6, kinks: () => [-3, 3] },
  tanh: { f: Math.tanh, slope: (x) => 4 * bell(2 * x) },
  hardtanh: {
    f: (x, p) => min(max(x, p), 1), slope: (x, p) => inside(x, p, 1), kinks: (p) => [p, 1],
    parameter: { name: "min_val", default: -1, low: -4, high: 0 } },
  tanhshrink: { f: tanhshrink, slope: (x) => Math.tanh(x) ** 2 },
  softsign: { f: (x) => x / (1 + abs(x)), slope: (x) => 1 / (1 + abs(x)) ** 2, kinks: atZero },
  arctan: { f: Math.atan, slope: (x) => 1 / (1 + x * x) },
  erf: { f: erf, slope: (x) => 2 / sqrt(PI) * exp(-x * x) },
  sine: { // no slider for its frequency: above 1 the quadrature would miss whole waves
    f: Math.sin, slope: Math.cos,
    flat: span(43, -21.5, 21.5).map((k) => [PI * k - Math.asin(THRESHOLD), PI * k + Math.asin(THRESHOLD)]) }, // as far as inputs go
  relu: { f: (x) => max(x, 0), slope: (x) => (x > 0 ? 1 : 0), kinks: atZero },
  relu6: { f: (x) => min(max(x, 0), 6), slope: (x) => inside(x, 0, 6), kinks: () => [0, 6] },
  squared_relu: { f: (x) => max(x, 0) ** 2, slope: (x) => 2 * max(x, 0), kinks: atZero },
  leaky_relu: { ...leaky, parameter: { name: "negative_slope", default: 0.01, low: 0, high: 1 } },
  prelu: { ...leaky, parameter: { name: "weight", default: 0.25, low: -1, high: 1.5 } },
  rrelu: fixed(leaky, 11 / 48), // after training: the mean of 1/8 and 1/3
  threshold: {
    f: (x, p) => (x > p ? x : 0), slope: (x, p) => (x > p ? 1 : 0), kinks: (p) => [p],
    parameter: { name: "threshold", default: 1, low: -5, high: 5 } },
  softplus: {
    f: softplus, slope: (x, p) => sigmoid(p * x),
    parameter: { name: "beta", default: 1, low: 0.1, high: 10 } },
  softshrink: {
    f: (x, p) => x - min(max(x, -p), p), slope: (x, p) => (abs(x) > p ? 1 : 0), kinks: (p) => [-p, p],
    parameter: { name: "lambd", default: 0.5, low: 0, high: 5 } },
  hardshrink: {
    f: (x, p) => (abs(x) > p ? x : 0), slope: (x, p) => (abs(x) > p ? 1 : 0), kinks: (p) => [-p, p],
    parameter: { name: "lambd", default: 0.5, low: 0, high: 5 } },
  elu: {
    f: elu, slope: (x, p) => (x > 0 ? 1 : p * exp(x)), kinks: atZero,
    parameter: { name: "alpha", default: 1, low: 0, high: 4 } },
  celu: {
    f: (x, p) => (x > 0 ? x : p * expm1(x / p)), slope: (x, p) => (x > 0 ? 1 : exp(x / p)), kinks: atZero,
    parameter: { name: "alpha", default: 1, low: 0.25, high: 4 } },
  selu: { f: (x) => SELU[1] * elu(x, SELU[0]), slope: (x) => SELU[1] * (x > 0 ? 1 : SELU[0] * exp(x)), kinks: atZero },
  gelu: { f: (x) => x * cdf(x), slope: (x) => cdf(x) + x * pdf(x) },
  quick_gelu: fixed(swish, 1.702),
  silu: fixed(swish, 1),
  swish: { ...swish, parameter: { name: "beta", default: 1, low: 0, high: 10 } },
  hardswish: {
    f: (x) => x * min(max(x + 3, 0), 6) / 6, slope: (x) => (x < 3 ? inside(x, -3, 3) * (2 * x + 3) / 6 : 1), kinks: () => [-3, 3] },
  mish: {
    f: (x) => x * gate(grown(x)),
    slope: (x) => { const e = grown(x); return gate(e) + x * 4 * e * (e + 1) / (e * (e + 2) + 2) ** 2; } },
};

export const FAMILIES = { identity: "sigmoids and kin", relu: "rectifiers", gelu: "gates" }; // by the first of each

/** The function of one state: its parameter filled in, and its kinks. */
export function bind({ activation, parameter }) {
  const chosen = ACTIVATIONS[activation];
  if (!chosen) throw new Error(`activation must be one of ${Object.keys(ACTIVATIONS).join(", ")}; got ${activation}`);
  const p = chosen.parameter ? clamp(parameter ?? chosen.parameter.default, [chosen.parameter.low, chosen.parameter.high]) : null;
  const kinks = [...new Set(chosen.kinks?.(p))]; // ±p is one for p = 0
  return { ...fixed(chosen, p), kinks, flat: chosen.flat, p };
}
