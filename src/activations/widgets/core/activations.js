// The activations: value and slope of each. The package's tests compare them with the Python's, which are explained there.

import { SATURATED } from "./gaussian.js";
import { cdf, clamp, erf, pdf, span } from "./numbers.js";
import { REGISTRY } from "./registry.js";

const { abs, exp, expm1, log, log1p, max, min, sqrt, PI } = Math;

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

const leaky = { f: (x, p) => (x > 0 ? x : p * x), slope: (x, p) => (x > 0 ? 1 : p) };
const swish = { f: (x, p) => x * sigmoid(p * x), slope: (x, p) => sigmoid(p * x) + p * x * bell(p * x) };
const fixed = ({ f, slope }, p) => ({ f: (x) => f(x, p), slope: (x) => slope(x, p) });

/**
 * f and its slope as functions of x and the parameter p.
 * flat, the intervals that count as saturated, is for those that a scan would not find out.
 */
const FORMULAS = {
  identity: { f: (x) => x, slope: () => 1 },
  step: { f: (x) => (x >= 0 ? 1 : 0), slope: () => 0 },
  sigmoid: { f: sigmoid, slope: bell },
  logsigmoid: { f: (x) => -softplus(-x, 1), slope: (x) => sigmoid(-x) },
  hardsigmoid: { f: (x) => min(max(x / 6 + 0.5, 0), 1), slope: (x) => inside(x, -3, 3) / 6 },
  tanh: { f: Math.tanh, slope: (x) => 4 * bell(2 * x) },
  hardtanh: { f: (x, p) => min(max(x, p), 1), slope: (x, p) => inside(x, p, 1) },
  tanhshrink: { f: tanhshrink, slope: (x) => Math.tanh(x) ** 2 },
  softsign: { f: (x) => x / (1 + abs(x)), slope: (x) => 1 / (1 + abs(x)) ** 2 },
  arctan: { f: Math.atan, slope: (x) => 1 / (1 + x * x) },
  erf: { f: erf, slope: (x) => 2 / sqrt(PI) * exp(-x * x) },
  sine: { // no slider for its frequency: above 1 the quadrature would miss whole waves
    f: Math.sin, slope: Math.cos,
    flat: span(43, -21.5, 21.5).map((k) => [PI * k - Math.asin(SATURATED), PI * k + Math.asin(SATURATED)]) }, // as far as inputs go
  relu: { f: (x) => max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  relu6: { f: (x) => min(max(x, 0), 6), slope: (x) => inside(x, 0, 6) },
  squared_relu: { f: (x) => max(x, 0) ** 2, slope: (x) => 2 * max(x, 0) },
  leaky_relu: leaky,
  prelu: leaky,
  rrelu: fixed(leaky, 11 / 48), // after training: the mean of 1/8 and 1/3
  threshold: { f: (x, p) => (x > p ? x : 0), slope: (x, p) => (x > p ? 1 : 0) },
  softplus: { f: softplus, slope: (x, p) => sigmoid(p * x) },
  softshrink: { f: (x, p) => x - min(max(x, -p), p), slope: (x, p) => (abs(x) > p ? 1 : 0) },
  hardshrink: { f: (x, p) => (abs(x) > p ? x : 0), slope: (x, p) => (abs(x) > p ? 1 : 0) },
  elu: { f: elu, slope: (x, p) => (x > 0 ? 1 : p * exp(x)) },
  celu: { f: (x, p) => (x > 0 ? x : p * expm1(x / p)), slope: (x, p) => (x > 0 ? 1 : exp(x / p)) },
  selu: { f: (x) => SELU[1] * elu(x, SELU[0]), slope: (x) => SELU[1] * (x > 0 ? 1 : SELU[0] * exp(x)) },
  gelu: { f: (x) => x * cdf(x), slope: (x) => cdf(x) + x * pdf(x) },
  quick_gelu: fixed(swish, 1.702),
  silu: fixed(swish, 1),
  swish,
  hardswish: {
    f: (x) => x * min(max(x + 3, 0), 6) / 6, slope: (x) => (x < 3 ? inside(x, -3, 3) * (2 * x + 3) / 6 : 1) },
  mish: {
    f: (x) => x * gate(grown(x)),
    slope: (x) => { const e = grown(x); return gate(e) + x * 4 * e * (e + 1) / (e * (e + 2) + 2) ** 2; } },
};

/** By name: f and slope, with what the registry knows: family, kinks ("p" stands for the parameter), parameter. */
export const ACTIVATIONS = Object.fromEntries(Object.entries(REGISTRY).filter(([name]) => name in FORMULAS)
  .map(([name, about]) => [name, { ...FORMULAS[name], ...about }]));

/** The function of one state: its parameter filled in, and its kinks. */
export function bind({ activation, parameter }) {
  const chosen = ACTIVATIONS[activation];
  if (!chosen) throw new Error(`activation must be one of ${Object.keys(ACTIVATIONS).join(", ")}; got ${activation}`);
  const p = chosen.parameter ? clamp(parameter ?? chosen.parameter.default, [chosen.parameter.low, chosen.parameter.high]) : null;
  const kinks = chosen.kinks.map((at) => (at === "p" ? p : at === "-p" ? -p : at));
  return { ...fixed(chosen, p), kinks: [...new Set(kinks)], flat: chosen.flat, p }; // ±p is one for p = 0
}

const first = (x) => 1 / (1 + 2 * exp(-x)); // softmax's share of the first of x, 0 and 0
const gated = ({ f, slope }) => ({ f: (x) => x * f(x), slope: (x) => f(x) + x * slope(x) });

/** Of several numbers, what the zoo draws of them: the first result, along the line that the package names as their view. */
export const VIEWS = {
  maxout: { f: (x) => max(x, -x / 4), slope: (x) => (x >= 0 ? 1 : -0.25) },
  glu: gated(FORMULAS.sigmoid), geglu: gated(FORMULAS.gelu), swiglu: gated(FORMULAS.silu), reglu: gated(FORMULAS.relu),
  softmax: { f: first, slope: (x) => first(x) * (1 - first(x)) },
  log_softmax: { f: (x) => log(first(x)), slope: (x) => 1 - first(x) },
  softmin: { f: (x) => first(-x), slope: (x) => -first(-x) * (1 - first(-x)) },
};
