// The explorer: where gradients of deep random networks vanish or explode, and which of these networks can be trained.
//
//   state       activation ("tanh", "relu" or "gelu"), depth (one of those that were trained), sigma_w, sigma_b
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with the Python's. What networks learnt is
// in trained.json, which trained.py writes.

import { bind } from "../../widgets/core/activations.js";
import { fitting, line, path, scale, text, within } from "../../widgets/core/draw.js";
import { expectation, gradientProfile, quadrature } from "../../widgets/core/gaussian.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { clamp, span } from "../../widgets/core/numbers.js";
import { figure, plain, settle, spoken, superscript } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";
import { DATA } from "./trained.json.js";

const { abs, log10, max, min, sqrt } = Math;

const RANGES = controls(MARKUP).ranges, WEIGHTS = RANGES.sigma_w, BIASES = RANGES.sigma_b;
const STOPS = [1, Math.SQRT2, 5 / 3].map((sigma_w) => ({ sigma_w, sigma_b: 0 })); // LeCun's and Xavier's; He's; torch's for tanh
const POINTS = 60; // of a line that is drawn
const LONGEST = 100; // variance up to which lengths are looked for: on the critical lines of tanh and GELU within BIASES it is below 7

// ---------------------------------------------------------------------------------------------- quantities

/** E[φ²], E[φ′²] and the derivative of E[φ²], for pre-activations of variance q. */
function squares({ f, slope, kinks }, q) {
  const rule = quadrature(0, sqrt(q), kinks), square = (x) => f(x) ** 2;
  return {
    square: expectation(square, rule), steep: expectation((x) => slope(x) ** 2, rule),
    rise: expectation((x) => square(x) * (x * x / q - 1), rule) / (2 * q),
  };
}

/** Where an increasing function of q becomes positive, between 0 and LONGEST; LONGEST if it does not. */
function crossing(g) {
  let low = 0, high = LONGEST;
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (g(middle) > 0) high = middle; else low = middle;
  }
  return high;
}

/**
 * Where a layer keeps a length q and, there, the gradient's norm: σ_w² E[φ′²] = 1 and q = σ_w² E[φ²] + σ_b², one point for each q.
 * Whether lengths nearby are drawn to q is `stable`. Where φ(ax) = a φ(x) all are one point, which keeps every length.
 */
function criticalLine(chosen) {
  const place = (q) => {
    const { square, steep, rise } = squares(chosen, q);
    return { sigma_w: 1 / sqrt(steep), bias: q - square / steep, q, stable: rise / steep < 1 - 1e-8 };
  };
  const one = place(1);
  if (abs(one.bias) < 1e-9) return [{ sigma_w: one.sigma_w, sigma_b: 0, q: NaN, stable: true }];
  const last = crossing((q) => place(q).bias - BIASES[1] ** 2), inner = span(POINTS, 0, 1).slice(1).map((t) => place(last * t * t));
  const first = { sigma_w: 1 / abs(chosen.slope(0)), bias: 0, q: 0, stable: inner[0].stable };
  return [first, ...inner].map(({ bias, ...point }) => ({ ...point, sigma_b: sqrt(max(bias, 0)) }));
}

/**
 * Where inputs of mean square 1 have outputs of mean square 1 in every layer, although lengths nearby are left: σ_w² + σ_b² = q with
 * E[φ²] = 1. On one side of it their signals shrink, on the other they grow.
 */
function watershed(chosen) {
  const q = crossing((at) => squares(chosen, at).square - 1);
  if (q === LONGEST) return [];
  const highest = min(BIASES[1], sqrt(max(q - 1 / squares(chosen, q).rise, 0))); // from there on such lengths are kept
  return highest < 1e-3 ? [] : span(POINTS, 0, highest).map((sigma_b) => ({ sigma_w: sqrt(q - sigma_b ** 2), sigma_b }));
}

const lines = {}; // of an activation: no slider changes them
function linesOf(activation) {
  const chosen = bind({ activation });
  return lines[activation] ??= { critical: criticalLine(chosen), watershed: watershed(chosen) };
}

/** The place of the number that is nearest. */
const nearest = (numbers, value) => numbers.reduce((best, number, i) => (abs(number - value) < abs(numbers[best] - value) ? i : best), 0);

/** The networks of the grid that were trained nearest to a state. */
function trained({ activation, depth, sigma_w: sigmaW, sigma_b: sigmaB }) {
  const b = nearest(DATA.sigma_b, sigmaB), d = nearest(DATA.depth, depth), w = nearest(DATA.sigma_w, sigmaW);
  return { sigma_w: DATA.sigma_w[w], sigma_b: DATA.sigma_b[b], accuracy: DATA.accuracy[activation][b][d][w] };
}

/** Every number that the explorer shows, by the name of its data-quantity. */
export function evaluate(state) {
  const { activation, depth, sigma_w: sigmaW, sigma_b: sigmaB } = state;
  const { q, apart, left } = gradientProfile(bind({ activation }), sigmaW, depth, sigmaB), near = trained(state);
  const correlations = apart.map((d) => settle(1 - d));
  return {
    "gradient-left": left[0],
    "difference": apart[depth - 1], // 1 − correlation, which keeps its digits
    "correlation": correlations[depth - 1],
    "accuracy": near.accuracy, // per cent
    q, apart, left, correlations, near, ...linesOf(activation),
  };
}

// ---------------------------------------------------------------------------------------------- sentences

/** [the figure, the words after it] of "After 20 layers: 3.21 × 10⁻¹² of the gradient is left." */
function headline({ "gradient-left": left }) {
  if (left > 0.9995 && left < 1.0005) return ["all", "of the gradient is left"];
  return [figure(left), left > 1 ? "times the gradient arrives" : "of the gradient is left"];
}

/** A correlation, which near 1 is told by what it lacks. */
function together({ correlation, difference }) {
  if (difference === 0) return "1";
  return difference < 0.0005 ? `1 − ${figure(difference)}` : figure(correlation);
}

const THEORY = {
  tanh: "On the line a layer keeps the gradient’s norm, at the length to which signals settle. Left of it is order: all inputs become "
    + "alike, and gradients vanish. Right of it is chaos: inputs are torn apart, and gradients explode.",
  relu: "The critical line is one point, He’s: √2 and no biases. On the dotted line a layer keeps the gradient’s norm whatever the "
    + "biases; left of it gradients vanish, right of it they explode. Inputs become alike everywhere.",
  gelu: "On the dashed line a layer keeps the gradient’s norm, but only at a length that signals leave; near the top, where the line is "
    + "solid, they settle there. Inputs of mean square 1 part at the dotted line: left of it signals shrink, right of it they grow.",
};

const NAMES = { tanh: "tanh", relu: "ReLU", gelu: "GELU" };
const aloud = (words) => spoken(words).replaceAll("√", "root ").replaceAll("\u00a0", " ").replaceAll("%", "per cent");

/** What stands in the page in words, and what a voice says. */
function say({ activation, depth, sigma_w: sigmaW, sigma_b: sigmaB }, now) {
  const [amount, words] = headline(now), { near } = now;
  const sentences = {
    correlation: `Two inputs that are unrelated at first have a correlation of ${together(now)} in layer ${depth}.`,
    networks: `Networks trained near here (weights ${plain(near.sigma_w)}, biases ${plain(near.sigma_b)}, ${depth} layers): ${near.accuracy}\u00a0% of digits right, where chance is 10\u00a0%.`,
  };
  const told = {
    point: aloud(`${NAMES[activation]}, ${depth} layers, sigma w ${plain(sigmaW)}, sigma b ${plain(sigmaB)}`),
    gradient: aloud(`After ${depth} layers ${amount} ${words}`),
    ...Object.fromEntries(Object.entries(sentences).map(([name, sentence]) => [name, aloud(sentence).replace(/\.$/, "")])),
  };
  return {
    written: { "gradient-left": amount }, told,
    shows: { after: `After ${depth} layers:`, words: `${words}.`, theory: THEORY[activation], ...sentences },
    labels: {
      phases: `Sizes of weights across, of biases upwards. ${aloud(THEORY[activation])} ${told.point}. ${told.networks}`,
      profile: `The gradient and the correlation of two inputs, layer by layer. ${told.gradient}. ${told.correlation}`,
    },
    values: { sigma_w: `sigma w ${plain(sigmaW)}`, sigma_b: `sigma b ${plain(sigmaB)}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

const SIDES = { // what there is on the left and on the right of the line, and how it is said shorter
  tanh: [
    ["order: all inputs become alike, gradients vanish", "order: gradients vanish", "order"],
    ["chaos: inputs torn apart, gradients explode", "chaos: gradients explode", "chaos"]],
  relu: [["gradients vanish", "vanish"], ["gradients explode", "explode"]],
  gelu: [["gradients vanish", "vanish"], ["gradients explode", "explode"]],
};
const sigma = (letter) => `σ<tspan class="sub" dy=".25em">${letter}</tspan>`;
const CHANCE = 10, BEST = 90; // per cent: an empty circle and a full one

/** The rectangle of σ_w and σ_b, and the radius of a network's circle, for which there is room around it. */
function plane({ width, height, em, measure }) {
  const begin = measure("0.5", "tick") + 0.5 * em, apart = 0.2 / (WEIGHTS[1] - WEIGHTS[0]), r = min(0.75 * em, 0.42 * apart * (width - begin));
  const left = begin + 0.4 * em, right = width - 0.6 * em, top = 3 * em + r, bottom = height - 5.4 * em - r;
  return { left, right, top, bottom, r };
}

/** A network's circle: the more digits are right, the fuller and the darker. */
function circle(x, y, r, accuracy) {
  const share = clamp((accuracy - CHANCE) / (BEST - CHANCE), [0, 1]);
  const inner = share ? `<circle class="solid" cx="${x}" cy="${y}" r="${(r * sqrt(share)).toFixed(1)}" fill-opacity="${(0.25 + 0.6 * share).toFixed(2)}"/>` : "";
  return `<circle class="network" cx="${x}" cy="${y}" r="${r}"/>${inner}`;
}

/** The critical line over σ_w and σ_b, the networks that were trained, and the point. */
function drawPhases(box, { activation, depth, sigma_w: sigmaW, sigma_b: sigmaB }, { critical, watershed }) {
  const { width, em, measure } = box, { left, right, top, bottom, r } = plane(box), [floor, ceiling] = [bottom + r + 0.2 * em, top - r];
  const X = scale(...WEIGHTS, left, right), Y = scale(...BIASES, bottom, top), at = ({ sigma_w, sigma_b }) => [X(sigma_w), Y(sigma_b)];
  const edge = left - 0.4 * em, out = [];
  for (const v of span(5, ...BIASES)) out.push(line(edge, Y(v), right, Y(v), "grid"), text(edge - 0.3 * em, Y(v) + 0.33 * em, plain(v), "tick", "end"));
  for (const v of span(4, 0.5, 2.5)) out.push(line(X(v), ceiling, X(v), floor, "grid"), text(X(v), floor + 1.3 * em, plain(v), "tick", "middle"));
  out.push(line(edge, floor, right, floor, "axis"), line(edge, ceiling, edge, floor, "axis"));
  out.push(text(0, 0.9 * em, `biases, ${sigma("b")}`, "label"), text((left + right) / 2, floor + 2.6 * em, `weights, ${sigma("w")}`, "label", "middle"));
  const half = (right - edge) / 2 - 0.5 * em;
  const [before, after] = SIDES[activation].map((ways) => fitting(box, half, "small", ...ways, ""));
  out.push(text(edge, 2.3 * em, before, "small"), text(right, 2.3 * em, after, "small", "end"));

  const d = nearest(DATA.depth, depth);
  DATA.sigma_b.forEach((b, i) => DATA.sigma_w.forEach((w, k) => out.push(circle(X(w), Y(b), r, DATA.accuracy[activation][i][d][k]))));

  const drawn = (points, name) => out.push(path(points, `${name} under`), path(points, name)); // clear of the circles
  if (watershed.length) drawn(watershed.map(at), "limit watershed");
  if (critical.length === 1) {
    const [x, y] = at(critical[0]);
    drawn([[x, floor], [x, ceiling]], "limit watershed");
    out.push(`<circle class="solid critical" cx="${x}" cy="${y}" r="${0.35 * em}"/>`);
  } else {
    const turn = critical.findIndex(({ stable }) => stable !== critical[0].stable);
    const parts = turn < 0 ? [critical] : [critical.slice(0, turn + 1), critical.slice(turn)];
    for (const part of parts) drawn(part.map(at), `limit critical${part[0].stable ? "" : " left"}`);
  }
  const [x, y] = at({ sigma_w: sigmaW, sigma_b: sigmaB });
  out.push(`<circle class="dot f" cx="${x}" cy="${y}" r="${0.5 * em}"/><circle class="hold" cx="${x}" cy="${y}" r="${max(22, em)}"/>`);

  const foot = floor + 4.3 * em, [low, high] = [`${CHANCE} %`, `${BEST} %`], steps = span(4, CHANCE, BEST), step = 2 * r + 0.4 * em;
  const legend = measure(low, "small") + measure(high, "small") + steps.length * step + em;
  const words = fitting(box, width - legend - 0.6 * em, "small", "digits right after training:", "digits right:", "digits:", ""), from = measure(words, "small") + 0.6 * em;
  const first = from + measure(low, "small") + 0.5 * em + r;
  out.push(text(0, foot, words, "small"), text(from, foot, low, "small"), text(first + 4 * step + r + 0.5 * em, foot, high, "small"));
  steps.forEach((accuracy, i) => out.push(circle(first + i * step, foot - 0.33 * em, r, accuracy)));
  return out.join("");
}

/** Over the layers: the share of the gradient that arrives, in powers of ten, and the correlation of two inputs. */
function drawProfile(box, { depth }, { left: shares, correlations }) {
  const { width, height, em, measure } = box, limits = [-8, 4], left = measure("10⁻⁸", "tick") + 0.9 * em, right = width - 0.9 * em;
  const X = scale(1, depth, left, right), bottom = height - 2.9 * em, middle = (bottom + 1.7 * em) / 2 - 0.6 * em, out = [];
  const P = scale(...limits, middle, 1.9 * em), C = scale(0, 1, bottom, middle + 2.9 * em), edge = left - 0.6 * em, r = min(0.3 * em, 0.36 * (X(2) - X(1)));
  const level = (y, words, name) => out.push(line(edge, y, right, y, name), text(edge - 0.3 * em, y + 0.33 * em, words, "tick", "end"));
  for (let power = limits[0]; power <= limits[1]; power += 4) level(P(power), power ? `10${superscript(power)}` : "1", power ? "grid" : "axis");
  for (const c of [0, 0.5, 1]) level(C(c), plain(c), c ? "grid" : "axis");
  const share = fitting(box, width, "label", "share of the gradient’s norm that arrives", "share of the gradient that arrives", "gradient that arrives", "gradient");
  const pair = fitting(box, width, "label", "correlation of two inputs, unrelated at first", "correlation of two inputs", "correlation");
  out.push(text(0, 0.9 * em, share, "label f"), text(0, middle + 1.9 * em, pair, "label"));
  const every = depth > 10 ? 10 : depth > 5 ? 5 : 1;
  for (let layer = 1; layer <= depth; layer++) if (layer === 1 || layer % every === 0)
    out.push(text(X(layer), bottom + 1.3 * em, layer, "tick", "middle"));
  const title = fitting(box, width, "tick", "layer; the gradient enters at the last", "layer");
  out.push(text(within(box, (left + right) / 2, title, "tick"), bottom + 2.6 * em, title, "tick", "middle"));

  const powers = shares.map(log10), dots = (ys, name) => ys.map((y, i) => `<circle class="dot ${name}" cx="${X(i + 1)}" cy="${y}" r="${r}"/>`);
  out.push(path(powers.map((power, i) => [X(i + 1), P(clamp(power, limits))]), "f"));
  powers.forEach((power, i) => {
    const x = X(i + 1), y = P(clamp(power, limits)), beyond = power < limits[0] ? 1 : power > limits[1] ? -1 : 0, s = max(r, 0.2 * em);
    out.push(beyond ? `<path class="dot f" d="M${x - s},${y}h${2 * s}l${-s},${beyond * 1.6 * s}z"/>` : `<circle class="dot f" cx="${x}" cy="${y}" r="${r}"/>`);
  });
  out.push(path(correlations.map((c, i) => [X(i + 1), C(c)]), "pair"), ...dots(correlations.map(C), "pair"));
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

export default {
  render: mount({
    markup: MARKUP, stops: STOPS, evaluate, say,
    pictures: { phases: drawPhases, profile: drawProfile },
    drag: {
      picture: "phases", keys: ["sigma_w", "sigma_b"], steps: 100,
      axes(box) { const { left, right, top, bottom } = plane(box); return [[left, right], [bottom, top]]; },
    },
  }),
};
