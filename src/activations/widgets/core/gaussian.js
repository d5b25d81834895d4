// What a Gaussian input becomes: expectations, the spread of two on their way up through many layers, the gradient's way back, the
// share of flat places.
// The same quadrature as activations/gaussian, where it is explained.

import { cdf, pdf, span } from "./numbers.js";

const { abs, exp, max, min, sqrt, PI } = Math;

export const SATURATED = 0.1; // saturated is where the slope is 0, or below this share of the steepest, as in activations/facts

const [NODES, WEIGHTS] = gaussLegendre(20);
const DEVIATIONS = [-12, -8, -4, -2, 0, 2, 4, 8, 12];
const [FEW, FEW_WEIGHTS] = gaussLegendre(6);
const REACH = 6.5; // deviations within which a spread is found
const [SMALLEST, LARGEST] = [1e-280, 1e280]; // variances beyond which squares underflow and overflow

/** Nodes and weights on [−1, 1]: Newton's method on the Legendre polynomial. */
function gaussLegendre(n) {
  const nodes = [], weights = [];
  for (let i = 1; i <= n; i++) {
    let x = Math.cos(PI * (i - 0.25) / (n + 0.5)), slope;
    for (let step = 0; step < 8; step++) {
      let value = 1, before = 0;
      for (let k = 1; k <= n; k++) [value, before] = [((2 * k - 1) * x * value - (k - 1) * before) / k, value];
      slope = n * (x * value - before) / (x * x - 1);
      x -= value / slope;
    }
    nodes.push(x);
    weights.push(2 / ((1 - x * x) * slope * slope));
  }
  return [nodes, weights];
}

/** Nodes x and weights w with Σ w·g(x) = E[g(z)] for z ~ N(mean, sd²), g smooth between its kinks. */
export function quadrature(mean, sd, kinks) {
  const low = mean - 12 * sd, high = mean + 12 * sd, reach = max(abs(low), abs(high));
  const ends = [0, ...kinks, ...DEVIATIONS.map((d) => mean + sd * d)];
  for (let scale = 1 / 16; scale < reach; scale *= 4) ends.push(scale, -scale);
  const inner = ends.filter((e) => e >= low && e <= high).sort((a, b) => a - b);
  const x = [], w = [];
  for (let i = 1; i < inner.length; i++) {
    const half = (inner[i] - inner[i - 1]) / 2, middle = (inner[i] + inner[i - 1]) / 2;
    if (half > 0) NODES.forEach((node, k) => {
      const at = middle + half * node;
      x.push(at);
      w.push(half * WEIGHTS[k] * pdf((at - mean) / sd) / sd);
    });
  }
  return { x, w };
}

/** E[g(z)] by such a rule. */
export const expectation = (g, { x, w }) => x.reduce((sum, at, i) => sum + w[i] * g(at), 0);

/**
 * Variance q of the pre-activations in each layer, how far those of two examples are apart that are unrelated at first (their correlation
 * is 1 − apart), spread of its outputs over such examples, and what is left there of the gradient's norm; layer 1 comes first. A signal that explodes has q = spread = Infinity and apart = NaN
 * from there on, and a gradient of NaN from there down; one that dies out has q = spread = 0.
 */
export function gradientProfile({ f, slope, kinks }, sigmaW, depth, sigmaB = 0) {
  const q = Array(depth).fill(Infinity), spread = Array(depth).fill(Infinity), factors = Array(depth).fill(NaN), apart = Array(depth).fill(NaN);
  let length = sigmaW ** 2 + sigmaB ** 2, d = sigmaW ** 2 / length; // a bias is the same for all examples
  for (let layer = 0; layer < depth && length < LARGEST; layer++) {
    const sd = sqrt(max(length, SMALLEST)), rule = quadrature(0, sd, kinks), steep = expectation((x) => slope(x) ** 2, rule);
    q[layer] = length < SMALLEST ? 0 : length;
    apart[layer] = d;
    factors[layer] = sigmaW ** 2 * steep;
    length = sigmaW ** 2 * expectation((x) => f(x) ** 2, rule) + sigmaB ** 2;
    if (q[layer] === 0) spread[layer] = 0;
    else if (d > 1 - 1e-9) spread[layer] = deviation(f, rule);
    else if (sd * sqrt(d) < 1e-5 * min(1, sd)) spread[layer] = sd * sqrt(d * steep); // so near to each other that f is a line
    else if (length < Infinity) spread[layer] = halfDifference(f, kinks, sd, d);
    d = min(1, sigmaW ** 2 * spread[layer] ** 2 / length);
  }
  let log = 0;
  const left = factors.map((_, i) => exp((log += Math.log(factors[depth - 1 - i])) / 2)).reverse();
  return { q, apart, spread, left };
}

/** Standard deviation of f(z) by such a rule. */
export function deviation(f, rule) {
  const mean = expectation(f, rule);
  return sqrt(expectation((x) => (f(x) - mean) ** 2, rule));
}

/**
 * √(E[(f(u) − f(v))²]/2), to three figures and more, for two Gaussians of variance sd² and correlation 1 − d; half their sum and half their
 * difference are independent. Whatever the half difference, a kink then stands at its edge of a piece, and nothing cancels.
 */
function halfDifference(f, kinks, sd, d) {
  const [sum, difference] = [sd * sqrt(1 - d / 2), sd * sqrt(d / 2)], bends = [0, ...kinks], fixed = [-REACH, -2.5, 2.5, REACH];
  for (let scale = 1 / 4; scale < 4 * sum; scale *= 4) if (scale > sum / 16) fixed.push(scale / sum, -scale / sum);
  const meet = kinks.flatMap((a) => kinks.map((b) => abs(a - b) / 2 / difference));
  return sqrt(normal([0, 2.5, REACH, ...meet], (t) => {
    const h = difference * t, ends = bends.flatMap((k) => [(k - h) / sum, (k + h) / sum]);
    return normal([...fixed, 0, ...ends], (z) => (f(sum * z + h) - f(sum * z - h)) ** 2);
  }));
}

/** The integral of g over a standard normal z from the lowest to the highest of the ends, as far as it matters; g is smooth between them. */
function normal(ends, g) {
  const inner = ends.filter((end) => abs(end) <= REACH).sort((a, b) => a - b);
  let sum = 0;
  for (let i = 1; i < inner.length; i++) {
    const half = (inner[i] - inner[i - 1]) / 2, middle = (inner[i] + inner[i - 1]) / 2;
    if (half > 0) for (let k = 0; k < FEW.length; k++) {
      const z = middle + half * FEW[k];
      sum += half * FEW_WEIGHTS[k] * pdf(z) * g(z);
    }
  }
  return sum;
}

/** Kinks and points of [−1490, 1490], finest around 0: between two of them nothing is expected that a scan would miss. */
function grid(kinks) {
  const edges = [...kinks];
  for (let t = -8; t <= 8; t += 1 / 128) edges.push(Math.sinh(t));
  return edges.sort((a, b) => a - b);
}

/** The largest |slope|, Infinity where it grows without end: a scan, then golden sections. */
export function steepest({ slope, kinks }) {
  const edges = grid(kinks), size = (x) => abs(slope(x)), far = edges.at(-1);
  if (size(1e9) > 2 * size(far) || size(-1e9) > 2 * size(-far)) return Infinity;
  let most = 0, from = 0, to = 0;
  for (let i = 1; i < edges.length; i++) for (const end of [1e-9, 1 - 1e-9]) { // just inside: the slope at a kink belongs to neither side
    const value = size(edges[i - 1] + end * (edges[i] - edges[i - 1]));
    if (value > most) [most, from, to] = [value, edges[max(i - 2, 0)], edges[min(i + 1, edges.length - 1)]];
  }
  const golden = (sqrt(5) - 1) / 2;
  for (let step = 0; step < 60; step++) {
    const [a, b] = [to - golden * (to - from), from + golden * (to - from)], [low, high] = [size(a), size(b)];
    most = max(most, low, high);
    if (low < high) from = a; else to = b;
  }
  return most;
}

/** Intervals of x that count as saturated: a scan, then bisection. None are known where the slope has no largest value. */
export function saturatedIntervals({ slope, kinks, flat: known }) {
  if (known) return known;
  const limit = SATURATED * steepest({ slope, kinks });
  if (limit === Infinity) return null;
  const flat = (x) => abs(slope(x)) < limit || slope(x) === 0;
  const edges = grid(kinks);
  const intervals = [];
  const add = (from, to) => {
    const last = intervals.at(-1);
    if (last && last[1] === from) last[1] = to; else intervals.push([from, to]);
  };
  for (let i = 1; i < edges.length; i++) {
    const [a, b] = [edges[i - 1], edges[i]];
    let low = a + (b - a) * 1e-9, high = b - (b - a) * 1e-9; // just inside: the slope at a kink belongs to neither side
    const [first, last] = [flat(low), flat(high)];
    if (first && last) add(a, b);
    else if (first !== last) {
      for (let step = 0; step < 60; step++) {
        const middle = (low + high) / 2;
        if (flat(middle) === first) low = middle; else high = middle;
      }
      if (first) add(a, low); else add(low, b);
    }
  }
  if (intervals[0]?.[0] === edges[0]) intervals[0][0] = -Infinity;
  if (intervals.at(-1)?.[1] === edges.at(-1)) intervals.at(-1)[1] = Infinity;
  return intervals;
}

/** P(a < z < b) for z ~ N(mean, sd²), from the nearer tail. */
export function share(a, b, mean, sd) {
  const [low, high] = [(a - mean) / sd, (b - mean) / sd];
  return low > 0 ? cdf(-low) - cdf(-high) : cdf(high) - cdf(low);
}

/** Where f is constant, many inputs have the very same output: [{ y, from, to }]. */
export function plateaus({ f, slope, kinks }) {
  const ends = [-Infinity, ...kinks, Infinity], found = [];
  for (let i = 1; i < ends.length && kinks.length; i++) {
    const from = ends[i - 1], to = ends[i];
    const inner = from === -Infinity ? to - 0.5 : to === Infinity ? from + 0.5 : (from + to) / 2;
    if (slope(inner) === 0) found.push({ y: f(inner), from, to });
  }
  return found;
}

/** Share of the outputs in each of n bins between low and high, without the plateaus. */
export function histogram({ f, kinks }, masses, mean, sd, low, high, n) {
  const bins = new Float64Array(n), flat = new Set(masses.map((mass) => mass.y));
  const xs = [...span(480, mean - 5 * sd, mean + 5 * sd), ...kinks].sort((a, b) => a - b);
  const bin = (y) => (y - low) / (high - low) * n;
  for (let i = 1; i < xs.length; i++) {
    const width = xs[i] - xs[i - 1], weight = pdf(((xs[i] + xs[i - 1]) / 2 - mean) / sd) * width / sd;
    const ends = [f(xs[i - 1] + width * 1e-9), f(xs[i] - width * 1e-9)];
    if (ends[0] === ends[1] && flat.has(ends[0])) continue;
    const [from, to] = [bin(min(...ends)), bin(max(...ends))];
    for (let k = max(0, Math.floor(from)); k <= min(n - 1, Math.floor(to)); k++)
      bins[k] += weight * (to > from ? (min(to, k + 1) - max(from, k)) / (to - from) : 1);
  }
  return bins;
}
