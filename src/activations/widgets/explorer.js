// The explorer: one activation, what comes out of it, and what twenty layers of it leave of a gradient.
//
// An anywidget module: `render({ model, el })` draws into `el` and keeps six traits of `model` in step with the controls.
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with the Python's.
//
//   state       activation, parameter (null where there is none), mean, sd, sigma_w, x
//   quantities  every figure on show is an element with data-quantity="f" (and so on) and its full value in data-value;
//               `evaluate(state)` returns the same numbers under the same names

// ---------------------------------------------------------------------------------------------- the functions

const { abs, exp, expm1, log1p, max, min, sqrt, PI } = Math;

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
  for (let k = COEFFICIENTS.length - 1; k > 0; k--) [a, b] = [2 * y * a - b + COEFFICIENTS[k], a];
  const high = Math.fround(x); // exp(−x²) in two factors: the square of a float32 is exact in float64
  return t * (y * a - b + COEFFICIENTS[0]) * exp(-high * high) * exp((high - x) * (high + x));
}

/** erf(x), which keeps its digits near 0: there a series whose terms are all positive (Abramowitz and Stegun, 7.1.6). */
function erf(x) {
  if (abs(x) > 1) return 1 - erfc(x);
  let sum = 1;
  for (let odd = 41; odd > 1; odd -= 2) sum = 1 + sum * 2 * x * x / odd;
  return 2 / sqrt(PI) * x * exp(-x * x) * sum;
}

/** x − tanh(x) from tanh(x) = x / (1 + u), with Gauss's continued fraction u = x²/(3 + x²/(5 + …)), where x is small. */
function tanhshrink(x) {
  if (abs(x) > 2) return x - Math.tanh(x);
  let u = x * x / 23;
  for (let odd = 21; odd > 1; odd -= 2) u = x * x / (odd + u);
  return x * u / (1 + u);
}

const cdf = (x) => erfc(-x / Math.SQRT2) / 2; // of the standard normal distribution
const pdf = (x) => exp(-x * x / 2) / sqrt(2 * PI);
const sigmoid = (x) => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)));
const bell = (x) => { const e = exp(-abs(x)); return e / (1 + e) ** 2; }; // sigmoid's slope
const softplus = (x, beta) => max(x, 0) + log1p(exp(-beta * abs(x))) / beta;
const elu = (x, alpha) => (x > 0 ? x : alpha * expm1(x));
const inside = (x, low, high) => (x > low && x < high ? 1 : 0);
const span = (n, from, to) => Array.from({ length: n + 1 }, (_, i) => from + (to - from) * i / n);
const SELU = [1.6732632423543772, 1.0507009873554805]; // alpha and scale of Klambauer et al. 2017
const grown = (x) => exp(min(x, 40)); // further right mish is the identity, to the last digit
const gate = (e) => e * (e + 2) / (e * (e + 2) + 2); // tanh(log(1 + e)): mish's share of x, for e = exp(x)
export const THRESHOLD = 0.01; // a slope nearer to 0 than this counts as saturated

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
const FAMILIES = { identity: "sigmoids and kin", relu: "rectifiers", gelu: "gates" }; // by the first of each

export const RANGES = { mean: [-5, 5], sd: [0.1, 5], sigma_w: [0.1, 12], x: [-8, 8] };
export const DEFAULTS = { activation: "sigmoid", parameter: null, mean: 0, sd: 1, sigma_w: 1, x: 1 };
export const DEPTH = 20;
const STOPS = [1 / sqrt(3), 1, Math.SQRT2, 4]; // torch's default; LeCun's and Xavier's; He's; Xavier's with gain 4

/** The function of one state: its parameter filled in, and its kinks. */
function bind({ activation, parameter }) {
  const chosen = ACTIVATIONS[activation];
  if (!chosen) throw new Error(`activation must be one of ${Object.keys(ACTIVATIONS).join(", ")}; got ${activation}`);
  const p = chosen.parameter ? clamp(parameter ?? chosen.parameter.default, [chosen.parameter.low, chosen.parameter.high]) : null;
  const kinks = [...new Set(chosen.kinks?.(p))]; // ±p is one for p = 0
  return { ...fixed(chosen, p), kinks, flat: chosen.flat, p };
}
const clamp = (value, [low, high]) => min(max(value, low), high);

// ---------------------------------------------------------------------------------------------- the theory
// The same quadrature as activations/gaussian, where it is explained.

const [NODES, WEIGHTS] = gaussLegendre(20);
const DEVIATIONS = [-12, -8, -4, -2, 0, 2, 4, 8, 12];
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
function quadrature(mean, sd, kinks) {
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
const expectation = (g, { x, w }) => x.reduce((sum, at, i) => sum + w[i] * g(at), 0);

/**
 * Variance of the pre-activations in each layer, and what is left there of the gradient's norm; layer 1 comes first.
 * A signal that explodes has q = Infinity from there on, and a gradient of NaN from there down.
 */
function gradientProfile({ f, slope, kinks }, sigmaW) {
  const q = Array(DEPTH).fill(Infinity), factors = Array(DEPTH).fill(NaN);
  let length = sigmaW ** 2;
  for (let layer = 0; layer < DEPTH && length < LARGEST; layer++) {
    q[layer] = length < SMALLEST ? 0 : length;
    const rule = quadrature(0, sqrt(max(length, SMALLEST)), kinks);
    factors[layer] = sigmaW ** 2 * expectation((x) => slope(x) ** 2, rule);
    length = sigmaW ** 2 * expectation((x) => f(x) ** 2, rule);
  }
  let log = 0;
  const left = factors.map((_, i) => exp((log += Math.log(factors[DEPTH - 1 - i])) / 2)).reverse();
  return { q, left };
}

/** Intervals of x on which |slope| < THRESHOLD: a scan of [−1490, 1490], finest around 0, then bisection. */
function saturatedIntervals({ slope, kinks, flat: known }) {
  if (known) return known;
  const flat = (x) => abs(slope(x)) < THRESHOLD;
  const edges = [...kinks];
  for (let t = -8; t <= 8; t += 1 / 128) edges.push(Math.sinh(t));
  edges.sort((a, b) => a - b);
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
function share(a, b, mean, sd) {
  const [low, high] = [(a - mean) / sd, (b - mean) / sd];
  return low > 0 ? cdf(-low) - cdf(-high) : cdf(high) - cdf(low);
}

/** Where f is constant, many inputs have the very same output: [{ y, from, to }]. */
function plateaus({ f, slope, kinks }) {
  const ends = [-Infinity, ...kinks, Infinity], found = [];
  for (let i = 1; i < ends.length && kinks.length; i++) {
    const from = ends[i - 1], to = ends[i];
    const inner = from === -Infinity ? to - 0.5 : to === Infinity ? from + 0.5 : (from + to) / 2;
    if (slope(inner) === 0) found.push({ y: f(inner), from, to });
  }
  return found;
}

let memory = {}; // of one activation and σ_w: moving x or the inputs does not change these
function remember(name, key, compute) {
  if (memory[name]?.key !== key) memory[name] = { key, value: compute() };
  return memory[name].value;
}

/** Every number that the explorer shows, by the name of its data-quantity. */
export function evaluate(state) {
  const chosen = bind(state), { mean, sd, sigma_w: sigmaW } = state, key = `${state.activation} ${chosen.p}`;
  const rule = quadrature(mean, sd, chosen.kinks);
  const outputMean = expectation(chosen.f, rule);
  const intervals = remember("intervals", key, () => saturatedIntervals(chosen));
  const { q, left } = remember("profile", `${key} ${sigmaW}`, () => gradientProfile(chosen, sigmaW));
  const masses = plateaus(chosen).map(({ y, from, to }) => ({ y, share: share(from, to, mean, sd) }));
  const factor = left[0] ** (1 / DEPTH);
  return {
    "f": chosen.f(state.x),
    "slope": chosen.slope(state.x),
    "output-mean": outputMean,
    "output-sd": sqrt(expectation((x) => (chosen.f(x) - outputMean) ** 2, rule)),
    "saturated-share": intervals.reduce((sum, [a, b]) => sum + share(a, b, mean, sd), 0),
    "point-mass": masses.reduce((sum, mass) => sum + mass.share, 0),
    "gradient-left": left[0],
    "layer-factor": factor, // geometric mean of the layers' factors
    "slope-rms": factor / sigmaW, // the slopes' part of it
    "signal-sd": sqrt(q[DEPTH - 1]), // of the last layer's pre-activations
    q, left, intervals, masses, chosen,
  };
}

// ---------------------------------------------------------------------------------------------- words and figures

const superscript = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** Three significant figures: 0.231, 12.0, 3.21 × 10⁻¹². */
export function figure(value) {
  if (!Number.isFinite(value)) return value > 0 ? "too large for a number" : "none";
  if (value === 0) return "0";
  const size = abs(value), sign = value < 0 ? "−" : "";
  if (size >= 0.001 && size < 999.5) return sign + size.toPrecision(3);
  const [mantissa, exponent] = size.toExponential(2).split("e");
  return Number(exponent) === 3 ? sign + Math.round(size) : `${sign}${mantissa} × 10${superscript(Number(exponent))}`;
}
const percent = (p) => (p === 0 ? "0 %" : p < 0.0005 ? "< 0.1 %" : p > 0.9995 && p < 1 ? "> 99.9 %" : `${(100 * p).toFixed(1)} %`);
const settle = (mean) => (abs(mean) < 1e-12 ? 0 : mean); // an odd function's mean is 0 but for rounding
const plain = (value) => String(Number(value.toFixed(3))).replace("-", "−");
/** The same for a voice: superscripts are not read out. */
const spoken = (text) => text.replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/, (_, digits) =>
  " times 10 to the power " + [...digits].map((c) => (c === "⁻" ? "minus " : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c))).join("")).replace("−", "minus ");

/** [the figure, the words after it] of "After 20 layers: 3.21 × 10⁻¹² of the gradient is left." */
function headline({ "gradient-left": left, q }) {
  if (Number.isNaN(left)) return ["overflow", `in layer ${q.indexOf(Infinity) + 1}, so no gradient comes back`];
  if (left === 0) return ["nothing", "of the gradient is left"];
  if (left > 0.9995 && left < 1.0005) return ["all", "of the gradient is left"];
  return [figure(left), left > 1 ? "times the gradient arrives" : "of the gradient is left"];
}

/** What became of the signal on its way up: the other half of choosing σ_w. */
function signal(sd) {
  const text = `the signal’s standard deviation in layer ${DEPTH} is ${figure(sd)}`;
  return sd > 1000 ? `On the way up the signal explodes: ${text}.` : sd < 0.001 ? `On the way up the signal dies out: ${text}.`
    : `On the way up, ${text}.`;
}

// ---------------------------------------------------------------------------------------------- the pictures

const line = (x1, y1, x2, y2, name) => `<line class="${name}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
const text = (x, y, words, name = "", anchor = "start") => `<text class="${name}" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
const scale = (from, to, a, b) => (v) => Math.round(10 * (a + (v - from) / (to - from) * (b - a))) / 10;
const path = (points, name) => `<path class="${name}" d="M${points.map((p) => p.join()).join("L")}"/>`;

/** Tick marks at round steps, three to six of them. */
function ticks(low, high) {
  const step = [0.25, 0.5, 1, 2, 4, 5, 10, 20].find((s) => (high - low) / s <= 5) ?? 50;
  return span(Math.floor(high / step) - Math.ceil(low / step), Math.ceil(low / step) * step, Math.floor(high / step) * step);
}

/** A curve in pieces, so that a jump stays a jump. */
function curve(g, kinks, [low, high], X, Y, name) {
  const ends = [low, ...kinks.filter((k) => k > low && k < high), high];
  return ends.slice(1).map((to, i) => {
    const from = ends[i], nudge = (to - from) * 1e-9;
    return path(span(ends.length > 2 ? 60 : 240, from + nudge, to - nudge).map((x) => [X(x), Y(g(x))]), name);
  }).join("");
}

/** Share of the outputs in each of n bins between low and high, without the plateaus. */
function histogram({ f, kinks }, masses, mean, sd, low, high, n) {
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

// A picture is given its `box`: width and height of its place in CSS pixels, em, the size of its letters, and measure(words, name),
// the length of a text of that class. Nothing else is known of the reader's font, so what has no room is said shorter, or left to
// the words around the picture.

/** The first of the ways to say something that is no longer than the room; the last may be empty. */
const fitting = ({ measure }, room, name, ...ways) => ways.find((words) => measure(words, name) <= room) ?? "";
/** Where to centre a text at x so that it stays within the picture. */
const within = ({ width, measure }, x, words, name) => {
  const half = measure(words, name) / 2;
  return clamp(x, [half, max(half, width - half)]);
};

/** Left and right end of the x axis, and how wide the outputs' column beside it is, with or without a legend at its foot. */
function columns({ width, em, measure }) {
  const longest = (...texts) => max(...texts.map(([words, name]) => measure(words, name))) + 0.4 * em;
  const needed = longest(["outputs", "label"], ["> 99.9 %", "small"], ["at −3.96", "small"]) + 0.3 * em;
  const legend = longest(["> 99.9 %", "big"], ["of inputs:", "small"], [`|f′| < ${THRESHOLD}`, "small"]);
  const explained = legend < 0.34 * width;
  const side = max(needed, explained ? legend : 0, min(0.24 * width, 12 * em));
  return { left: longest(["−0.75", "tick"]) + 0.3 * em, right: width - side - em, side, explained };
}

/** f over x with the outputs' distribution to its right; below, on the same x, the slope and the inputs. */
function drawFunction(box, state, now, uid) {
  const { width, em, measure } = box, { chosen, intervals, masses } = now, { mean, sd, x } = state, domain = RANGES.x;
  const { left, right, side, explained } = columns(box);
  const [top, middle, floor, bottom] = [1.6, 15.4, 23.9, 30.8].map((y) => y * em); // of f; the feet of f, of the slope, of the inputs
  const values = span(160, ...domain).map(chosen.f), near = chosen.kinks.flatMap((k) => [k - 1e-9, k + 1e-9]);
  const slopes = [...span(320, ...domain), ...near].map(chosen.slope);
  const [low, high] = [min(...values), max(...values)], pad = max(0.06 * (high - low), 0.04);
  const X = scale(...domain, left, right);
  const Y = scale(low - pad, high + pad, middle, top);
  const S = scale(min(-0.25, ...slopes), max(1.25, ...slopes), floor, floor - 6.5 * em);
  const D = (z) => Math.round(10 * (bottom - 4.5 * em * exp(-z * z / 2))) / 10;
  const out = [`<defs><pattern id="${uid}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
    <line class="hatch" x1="0" y1="0" x2="0" y2="5"/></pattern></defs>`];
  const level = (y, words) => out.push(line(left, y, right, y, "grid"), text(left - 0.4 * em, y + 0.33 * em, words, "tick", "end"));

  for (const [from, to] of intervals.map((i) => i.map((v) => clamp(v, domain))))
    if (to > from) out.push(`<rect class="flat" x="${X(from)}" y="${top}" width="${max(1, X(to) - X(from))}" height="${bottom - top}"/>`);
  for (const y of ticks(low - pad, high + pad)) level(Y(y), plain(y));
  for (const s of [0, max(...slopes) > 5 ? 10 : 1]) level(S(s), s);
  const apart = X(4) - X(0) > measure("−8", "tick") + 0.5 * em ? 4 : 8;
  for (let v = -8; v <= 8; v += apart) out.push(text(X(v), bottom + 1.3 * em, plain(v), "tick", "middle"));
  out.push(line(left, bottom, right, bottom, "axis"), text((left + right) / 2, bottom + 2.7 * em, "input x", "tick", "middle"));

  const bell = (from, to) => [[X(from), bottom], ...span(80, from, to).map((v) => [X(v), D((v - mean) / sd)]), [X(to), bottom]];
  const [first, last] = [clamp(mean - 4 * sd, domain), clamp(mean + 4 * sd, domain)];
  out.push(path(bell(first, last), "inputs"));
  for (const i of intervals) {
    const [from, to] = i.map((v) => clamp(v, [first, last]));
    if (to > from) out.push(`<path fill="url(#${uid}-hatch)" d="M${bell(from, to).map((p) => p.join()).join("L")}"/>`);
  }
  out.push(curve(chosen.f, chosen.kinks, domain, X, Y, "f"), curve(chosen.slope, chosen.kinks, domain, X, S, "slope"));
  const begin = left + 0.3 * em, steepest = figure(max(...slopes));
  const named = fitting(box, width - begin, "label", `slope f′(x), here at most ${steepest}`, `slope, at most ${steepest}`, "slope");
  out.push(text(begin, 1.1 * em, "f(x)", "label f"), text(begin, 17.1 * em, named, "label slope"), text(begin, 26 * em, "inputs", "label"));

  // The outputs share f's vertical axis: a bar is as long as its share of them.
  const base = width - side, n = 44, bins = histogram(chosen, masses, mean, sd, low - pad, high + pad, n), most = max(...bins);
  const rest = (1 - masses.reduce((sum, mass) => sum + mass.share, 0)) || 0, room = (side - 0.3 * em) * max(0.25, rest);
  if (rest > 1e-6) {
    const stairs = [...bins].flatMap((b, k) => [k, k + 1].map((edge) =>
      [base + room * b / most, middle - (middle - top) * edge / n].map((v) => Math.round(10 * v) / 10)));
    out.push(path([[base, middle], ...stairs, [base, top]], "outputs"));
  }
  out.push(line(base, top, base, middle, "axis"), text(base, 1.1 * em, "outputs", "label"));
  for (const { y, share } of masses) if (share >= 0.0005) {
    const end = base + (side - 0.7 * em) * share, parts = [percent(share), `at ${plain(y)}`], whole = parts.join(" ");
    const lines = measure(whole, "small") < side - 0.7 * em ? [whole] : parts, above = Y(y) > (top + middle) / 2;
    out.push(line(base, Y(y), end, Y(y), "mass"), `<circle class="mass" cx="${end}" cy="${Y(y)}" r="${0.3 * em}"/>`);
    lines.forEach((words, i) => out.push(text(base + 0.3 * em, Y(y) + (above ? 1.2 * (i + 1 - lines.length) - 0.7 : 1.2 * i + 1.5) * em, words, "small")));
  }
  if (explained) {
    const words = [[percent(now["saturated-share"]), "big"], ["of inputs:", "small"], [`|f′| < ${THRESHOLD}`, "small"]];
    words.forEach(([w, name], i) => out.push(text(base, (27.5 + 1.35 * i) * em, w, name)));
    out.push(`<rect fill="url(#${uid}-hatch)" x="${base}" y="${25 * em}" width="${1.7 * em}" height="${0.95 * em}"/>`);
  }

  const [mx, my, ms] = [X(x), Y(now.f), S(now.slope)];
  out.push(line(mx, top, mx, bottom, "marker"), line(mx, my, base, my, "marker"));
  for (const [y, name] of [[my, "f"], [ms, "slope"]]) out.push(`<circle class="dot ${name}" cx="${mx}" cy="${y}" r="${0.4 * em}"/>`);
  return out.join("");
}

/** One row a layer, the last on top, as the gradient meets them; a bar is as long as the powers of ten lost or gained. */
function drawLayers(box, now) {
  const { width, height, em, measure } = box, limits = [-20, 12], left = measure(DEPTH, "tick") + 1.6 * em;
  const X = scale(...limits, left, width - em), one = X(0), bottom = height - 2.9 * em, out = [];
  const row = scale(DEPTH, 1, 2.6 * em, bottom - 0.7 * em);
  const apart = [5, 10].find((step) => X(step) - one > measure("10⁻²⁰", "tick") + 0.4 * em) ?? 20;
  for (let power = -20; power <= 10; power += apart) {
    const words = power ? `10${superscript(power)}` : "1";
    out.push(line(X(power), 1.7 * em, X(power), bottom, power ? "grid" : "axis"));
    out.push(text(within(box, X(power), words, "tick"), bottom + 1.3 * em, words, "tick", "middle"));
  }
  const title = fitting(box, width, "tick", "share of the gradient’s norm that arrives", "share of the gradient that arrives", "share that arrives");
  const enters = fitting(box, one - measure("layer", "label") - em, "small", "the gradient enters ↓", "it enters ↓", "↓");
  out.push(text(within(box, X(-4), title, "tick"), bottom + 2.6 * em, title, "tick", "middle"));
  out.push(text(0, em, "layer", "label"), text(one, em, enters, "small", "end"));
  if (Number.isNaN(now.left[0])) {
    const none = fitting(box, width - left, "label", "no gradient comes back", "no gradient", "none");
    out.push(text(X(-4), row(10), none, "label", "middle"));
  }
  now.left.forEach((share, i) => {
    const power = Math.log10(share), end = X(clamp(power, limits)), y = row(i + 1), layer = i + 1, r = 0.3 * em;
    if (layer === 1 || layer % 5 === 0) out.push(text(left - 1.6 * em, y + 0.33 * em, layer, "tick", "end"));
    if (Number.isNaN(share)) return;
    const beyond = power < limits[0] || power > limits[1];
    out.push(line(one, y, end, y, "lost"));
    out.push(beyond ? `<path class="dot f" d="M${end},${y - r}v${2 * r}l${power < 0 ? -1.6 * r : 1.6 * r},${-r}z"/>` : `<circle class="dot f" cx="${end}" cy="${y}" r="${r}"/>`);
  });
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

// Plain HTML and no more than constants of this file filled in, since a page reads it here to keep an explorer's place before it
// has come (book/extension/course/explorer.py). UID is one explorer's own name. A .room is as large as its data-room, the longest
// that it will hold, whatever it holds: so nothing changes its size, under any font.
const MARKUP = `
  <div class="activation-explorer"><div class="columns"><div class="part" role="group" aria-label="One activation and one distribution of inputs">
    <div class="pair">
      <div class="control"><label for="UID-activation">activation</label>
        <select id="UID-activation" data-key="activation" data-lm-suppress-shortcuts="true"></select></div>
      <div class="control"><label for="UID-parameter" class="room" data-room="negative_slope"><span data-shows="name"></span></label>
        <span class="shown room" aria-hidden="true" data-room="−0.975"><span data-shows="parameter"></span></span>
        <input type="range" id="UID-parameter" data-key="parameter" step="any" data-lm-suppress-shortcuts="true"></div>
    </div>
    <svg class="picture" data-picture="function" role="img"><g></g><text></text></svg>
    <div class="control"><label for="UID-x">x, one input</label>
        <span class="shown room" aria-hidden="true" data-room="−7.95"><span data-shows="x"></span></span>
        <input type="range" id="UID-x" data-key="x" step="0.05" data-lm-suppress-shortcuts="true"></div>
    <p class="three">
      <span class="one"><small>x</small> <span class="room" data-room="−8.00"><b data-quantity="x"></b></span></span>
      <span class="one"><small>f(x)</small> <span class="room" data-room="−8.88 × 10⁻⁸⁸"><b data-quantity="f"></b></span></span>
      <span class="one"><small>slope f′(x)</small> <span class="room" data-room="−8.88 × 10⁻⁸⁸"><b data-quantity="slope"></b></span></span>
    </p>
    <div class="pair">
      <div class="control"><label for="UID-mean">inputs’ mean</label>
        <span class="shown room" aria-hidden="true" data-room="−4.95"><span data-shows="mean"></span></span>
        <input type="range" id="UID-mean" data-key="mean" step="0.05" data-lm-suppress-shortcuts="true"></div>
      <div class="control"><label for="UID-sd">inputs’ sd</label>
        <span class="shown room" aria-hidden="true" data-room="4.95"><span data-shows="sd"></span></span>
        <input type="range" id="UID-sd" data-key="sd" step="0.05" data-lm-suppress-shortcuts="true"></div>
    </div>
    <p class="three">
      <span class="one"><small>outputs’ mean</small> <span class="room" data-room="−8.88 × 10⁻⁸⁸"><b data-quantity="output-mean"></b></span></span>
      <span class="one"><small>outputs’ sd</small> <span class="room" data-room="8.88 × 10⁻⁸⁸⁸"><b data-quantity="output-sd"></b></span></span>
      <span class="one"><small><i class="swatch"></i> saturated: <span>|f′| &lt; ${THRESHOLD}</span></small> <span class="room" data-room="&gt; 99.9 %"><b data-quantity="saturated-share"></b></span></span>
    </p>
  </div>
  <div class="part" role="group" aria-label="What ${DEPTH} layers leave of a gradient">
    <div class="control"><label for="UID-sigma_w">σ<sub>w</sub>: weights have sd σ<sub>w</sub>/√fan-in</label>
        <span class="shown room" aria-hidden="true" data-room="11.99"><span data-shows="sigma_w"></span></span>
        <input type="range" id="UID-sigma_w" data-key="sigma_w" step="0.01" data-lm-suppress-shortcuts="true"></div>
    <div class="stops">
      <button type="button" data-stop="0">torch’s default <span>1/√3</span></button>
      <button type="button" data-stop="1">LeCun, Xavier <span>1</span></button>
      <button type="button" data-stop="2">He <span>√2</span></button>
      <button type="button" data-stop="3">Xavier, gain 4</button>
    </div>
    <p class="headline">After ${DEPTH} layers:
      <span class="room" data-room="8.88 × 10⁻⁸⁸⁸"><strong data-quantity="gradient-left"></strong></span>
      <span class="room" data-room="in layer ${DEPTH}, so no gradient comes back."><span data-shows="words"></span></span></p>
    <svg class="picture" data-picture="layers" role="img"><g></g><text></text></svg>
    <p class="product">
      <i></i> <small>slope (rms)</small> <span class="room" data-room="8.88 × 10⁻⁸⁸"><b data-quantity="slope-rms"></b></span>
      <i>×</i> <small>weights, σ<sub>w</sub></small> <span class="room" data-room="0.888"><b data-quantity="sigma_w"></b></span>
      <i>=</i> <small>a layer</small> <span class="room" data-room="8.88 × 10⁻⁸⁸"><b data-quantity="layer-factor"></b></span></p>
    <p class="note room" data-room="On the way up the signal explodes: the signal’s standard deviation in layer ${DEPTH} is too large for a number."><span data-shows="signal"></span></p>
    <data hidden data-quantity="signal-sd"></data><data hidden data-quantity="point-mass"></data>
  </div></div>
  <span class="letters" aria-hidden="true">0123456789 abc</span>
  <p class="spoken" role="status" aria-live="polite"></p></div>`;

function render({ model, el }) {
  const read = () => Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, model.get(key) ?? DEFAULTS[key]]));
  bind(read()); // an unknown activation is an error before anything is drawn
  const uid = `explorer-${Math.random().toString(36).slice(2, 10)}`; // several explorers share a page
  el.insertAdjacentHTML("beforeend", MARKUP.replaceAll("UID", uid));
  const root = el.lastElementChild;
  const find = (selector) => root.querySelector(selector);
  const show = (name, words) => root.querySelectorAll(`[data-shows="${name}"]`).forEach((node) => { node.textContent = words; });
  const input = (key) => find(`[data-key="${key}"]`);
  const pictures = { function: find('[data-picture="function"]'), layers: find('[data-picture="layers"]') };
  let frame = 0, unsaved = false, timer = 0, said = "", edges = [0, 1];
  const drawn = {}, lengths = new Map();
  input("activation").innerHTML = Object.keys(ACTIVATIONS).map((name) =>
    `${FAMILIES[name] ? `</optgroup><optgroup label="${FAMILIES[name]}">` : ""}<option>${name}</option>`).join("");
  for (const [key, [low, high]] of Object.entries(RANGES)) Object.assign(input(key), { min: low, max: high });

  function update() {
    frame = 0;
    if (unsaved) model.save_changes();
    unsaved = false;
    const state = read(), now = evaluate(state), parameter = ACTIVATIONS[state.activation].parameter;

    input("activation").value = state.activation;
    const box = input("parameter");
    box.closest(".control").style.visibility = parameter ? "visible" : "hidden"; // hidden keeps its room
    if (parameter) Object.assign(box, { min: parameter.low, max: parameter.high, step: (parameter.high - parameter.low) / 100 });
    show("name", parameter?.name ?? "parameter");
    for (const [key, value] of Object.entries({ ...state, parameter: now.chosen.p ?? 0 })) {
      if (key === "activation") continue;
      input(key).value = value;
      show(key, plain(value));
    }

    for (const node of root.querySelectorAll("[data-quantity]")) {
      const name = node.dataset.quantity, value = now[name] ?? state[name];
      node.dataset.value = value;
      node.textContent = name.endsWith("share") || name === "point-mass" ? percent(value) : figure(name === "output-mean" ? settle(value) : value);
    }
    const [amount, words] = headline(now);
    find('[data-quantity="gradient-left"]').textContent = amount;
    show("words", `${words}.`);
    show("signal", signal(now["signal-sd"]));
    root.querySelectorAll("[data-stop]").forEach((button) =>
      button.setAttribute("aria-pressed", abs(STOPS[button.dataset.stop] - state.sigma_w) < 1e-9));

    const told = describe(state, now, `${amount} ${words}`);
    input("x").setAttribute("aria-valuetext", told.x);
    input("mean").setAttribute("aria-valuetext", `mean ${plain(state.mean)}`);
    input("sd").setAttribute("aria-valuetext", `standard deviation ${plain(state.sd)}`);
    input("sigma_w").setAttribute("aria-valuetext", `sigma w ${plain(state.sigma_w)}`);
    input("parameter").setAttribute("aria-valuetext", `${parameter?.name ?? "parameter"} ${plain(now.chosen.p ?? 0)}`);
    draw("function", `${told.f} ${told.x}. ${told.outputs}`, (box) => drawFunction(box, state, now, uid));
    draw("layers", told.layers, (box) => drawLayers(box, now));
    announce(told);
  }

  function draw(name, label, picture) {
    const svg = pictures[name], box = place(svg);
    svg.setAttribute("aria-label", label);
    if (!box.width) return; // not laid out yet: the ResizeObserver will call again
    svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const drawing = picture(box);
    if (drawn[name] !== drawing) svg.firstElementChild.innerHTML = drawn[name] = drawing;
    if (name === "function") { const { left, right } = columns(box); edges = [left, right]; }
  }

  /** What a picture has to know of its place. */
  function place(svg) {
    const [, probe] = svg.children;
    function measure(words, name) {
      const key = `${name} ${words}`;
      if (!lengths.has(key)) {
        probe.setAttribute("class", name);
        probe.textContent = words;
        lengths.set(key, probe.getComputedTextLength());
        probe.textContent = "";
      }
      return lengths.get(key);
    }
    return { width: svg.clientWidth, height: svg.clientHeight, em: parseFloat(getComputedStyle(svg).fontSize), measure };
  }

  /** Says what changed, once the reader has paused; nothing at first. */
  function announce(told) {
    const parts = Object.values(told), before = said;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (before) find(".spoken").textContent = parts.filter((part) => !before.includes(part)).join(". ");
      said = parts;
    }, before ? 600 : 0);
  }

  const schedule = () => { frame ||= requestAnimationFrame(update); };
  function change(values) {
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    unsaved = true;
    schedule();
  }

  root.addEventListener("input", ({ target }) => {
    const key = target.dataset.key;
    if (key === "activation") change({ activation: target.value, parameter: ACTIVATIONS[target.value].parameter?.default ?? null });
    else if (key) change({ [key]: Number(target.value) });
  });
  root.addEventListener("click", ({ target }) => {
    const stop = target.closest("[data-stop]");
    if (stop) change({ sigma_w: STOPS[stop.dataset.stop] });
  });
  const drag = (event) => { // the marker follows the pointer
    if (event.type === "pointermove" && !event.buttons) return;
    const at = event.clientX - pictures.function.getBoundingClientRect().left;
    if (at < edges[1] + 8) change({ x: clamp(Math.round(20 * scale(...edges, ...RANGES.x)(at)) / 20, RANGES.x) });
  };
  pictures.function.addEventListener("pointerdown", drag);
  pictures.function.addEventListener("pointermove", drag);

  const keys = Object.keys(DEFAULTS).map((key) => `change:${key}`);
  keys.forEach((key) => model.on(key, schedule));
  const resized = new ResizeObserver(() => { lengths.clear(); schedule(); });
  resized.observe(root);
  resized.observe(find(".letters")); // whose width tells of another font, size or spacing
  update();
  return () => {
    keys.forEach((key) => model.off(key, schedule));
    resized.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    root.remove();
  };
}

/** The state in sentences, by the part of the explorer that they describe. */
function describe(state, now, gradient) {
  const p = ACTIVATIONS[state.activation].parameter;
  return {
    f: `${state.activation}${p ? `, ${p.name} ${plain(now.chosen.p)}` : ""}: f, its slope and the inputs over x; the outputs beside f.`,
    x: spoken(`At x = ${plain(state.x)}, f is ${figure(now.f)} and the slope ${figure(now.slope)}`),
    outputs: spoken(`Inputs with mean ${plain(state.mean)} and standard deviation ${plain(state.sd)} come out with mean ${figure(settle(now["output-mean"]))} `)
      + spoken(`and standard deviation ${figure(now["output-sd"])}; ${percent(now["saturated-share"])} of them meet a slope below ${THRESHOLD} in size`),
    layers: spoken(`With sigma w ${plain(state.sigma_w)}, after ${DEPTH} layers ${gradient}`)
      + (Number.isNaN(now["layer-factor"]) ? "" : spoken(`: a factor of ${figure(now["layer-factor"])} a layer`)),
  };
}

export default { render };
