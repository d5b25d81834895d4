// The explorer: one activation, what comes out of it, and what twenty layers of it leave of a gradient.
//
//   state       activation, parameter (null where there is none), mean, sd, sigma_w, x
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with the Python's.

import { ACTIVATIONS, bind } from "../../widgets/core/activations.js";
import { curve, fitting, line, path, scale, text, ticks, within } from "../../widgets/core/draw.js";
import { deviation, expectation, gradientProfile, histogram, plateaus, quadrature, saturatedIntervals, share } from "../../widgets/core/gaussian.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { clamp, span } from "../../widgets/core/numbers.js";
import { figure, percent, plain, settle, spoken, superscript } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";

const { exp, max, min, sqrt } = Math;

const RANGES = controls(MARKUP).ranges, DEPTH = 20;
const STOPS = [1 / sqrt(3), 1, Math.SQRT2, 4]; // torch's default; LeCun's and Xavier's; He's; Xavier's with gain 4

// ---------------------------------------------------------------------------------------------- quantities

let memory = {}; // of one activation and σ_w: moving x or the inputs does not change these
function remember(name, key, compute) {
  if (memory[name]?.key !== key) memory[name] = { key, value: compute() };
  return memory[name].value;
}

/** Every number that the explorer shows, by the name of its data-quantity. */
export function evaluate(state) {
  const chosen = bind(state), { mean, sd, sigma_w: sigmaW } = state, key = `${state.activation} ${chosen.p}`;
  const rule = quadrature(mean, sd, chosen.kinks);
  const intervals = remember("intervals", key, () => saturatedIntervals(chosen));
  const { q, left, spread } = remember("profile", `${key} ${sigmaW}`, () => gradientProfile(chosen, sigmaW, DEPTH));
  const masses = plateaus(chosen).map(({ y, from, to }) => ({ y, share: share(from, to, mean, sd) }));
  const factor = left[0] ** (1 / DEPTH);
  return {
    "f": chosen.f(state.x),
    "slope": chosen.slope(state.x),
    "output-mean": expectation(chosen.f, rule),
    "output-sd": deviation(chosen.f, rule),
    "saturated-share": intervals ? intervals.reduce((sum, [a, b]) => sum + share(a, b, mean, sd), 0) : NaN,
    "point-mass": masses.reduce((sum, mass) => sum + mass.share, 0),
    "gradient-left": left[0],
    "layer-factor": factor, // geometric mean of the layers' factors
    "slope-rms": factor / sigmaW, // the slopes' part of it
    "spread": spread[DEPTH - 1], // of the last layer's outputs, over examples that are unrelated at first
    q, left, spreads: spread, intervals: intervals ?? [], masses, chosen,
  };
}

// ---------------------------------------------------------------------------------------------- sentences

/** [the figure, the words after it] of "After 20 layers: 3.21 × 10⁻¹² of the gradient is left." */
function headline({ "gradient-left": left, q }) {
  if (Number.isNaN(left)) return ["overflow", `in layer ${q.indexOf(Infinity) + 1}, so no gradient comes back`];
  if (left === 0) return ["nothing", "of the gradient is left"];
  if (left > 0.9995 && left < 1.0005) return ["all", "of the gradient is left"];
  return [figure(left), left > 1 ? "times the gradient arrives" : "of the gradient is left"];
}

/** What became on its way up of the difference between examples: the other half of choosing σ_w. */
function signal(spread) {
  const text = `a unit of layer ${DEPTH} varies from example to example by ${figure(spread)} (its spread)`;
  if (spread === Infinity) return `On the way up the signal explodes: the spread of a unit of layer ${DEPTH} is ${figure(spread)}.`;
  if (spread === 0) return `On the way up the layers fall silent: a unit of layer ${DEPTH} says the same of every example (its spread is 0).`;
  return `On the way up${spread > 1000 ? " the signal explodes:" : spread < 0.001 ? " the layers fall silent:" : ","} ${text}.`;
}

/** What stands in the page in words, and what a voice says. */
function say(state, now) {
  const { activation, mean, sd, sigma_w: sigmaW, x } = state, p = ACTIVATIONS[activation].parameter;
  const [amount, words] = headline(now);
  const written = {
    "gradient-left": amount, "output-mean": figure(settle(now["output-mean"])),
    "saturated-share": percent(now["saturated-share"]), "point-mass": percent(now["point-mass"]) };
  const told = {
    f: `${activation}${p ? `, ${p.name} ${plain(now.chosen.p)}` : ""}: f, its slope and the inputs over x; the outputs beside f.`,
    x: spoken(`At x = ${plain(x)}, f is ${figure(now.f)} and the slope ${figure(now.slope)}`),
    outputs: spoken(`Inputs with mean ${plain(mean)} and standard deviation ${plain(sd)} come out with mean ${written["output-mean"]} `)
      + spoken(`and standard deviation ${figure(now["output-sd"])}; `)
      + (Number.isNaN(now["saturated-share"]) ? "the slope has no largest value"
        : `${written["saturated-share"]} of them meet a slope below a tenth of the largest`),
    layers: spoken(`With sigma w ${plain(sigmaW)}, after ${DEPTH} layers ${amount} ${words}`)
      + (Number.isNaN(now["layer-factor"]) ? "" : spoken(`: a factor of ${figure(now["layer-factor"])} a layer`)),
  };
  return {
    written, told,
    shows: { words: `${words}.`, signal: signal(now.spread) },
    labels: { function: `${told.f} ${told.x}. ${told.outputs}`, layers: told.layers },
    values: { x: told.x, sd: `standard deviation ${plain(sd)}`, sigma_w: `sigma w ${plain(sigmaW)}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

/** Left and right end of the x axis, and how wide the outputs' column beside it is, with or without a legend at its foot. */
function columns({ width, em, measure }) {
  const longest = (...texts) => max(...texts.map(([words, name]) => measure(words, name))) + 0.4 * em;
  const needed = longest(["outputs", "label"], ["> 99.9 %", "small"], ["at −3.96", "small"]) + 0.3 * em;
  const legend = longest(["> 99.9 %", "big"], ["of inputs:", "small"], ["|f′| < max/10", "small"]);
  const explained = legend < 0.34 * width;
  const side = max(needed, explained ? legend : 0, min(0.24 * width, 12 * em));
  return { left: longest(["−0.75", "tick"]) + 0.3 * em, right: width - side - em, side, explained };
}

/** f over x with the outputs' distribution to its right; below, on the same x, the slope and the inputs. */
function drawFunction(box, state, now) {
  const { uid, width, em, measure } = box, { chosen, intervals, masses } = now, { mean, sd, x } = state, domain = RANGES.x;
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
    const words = [[percent(now["saturated-share"]), "big"], ["of inputs:", "small"], ["|f′| < max/10", "small"]];
    words.forEach(([w, name], i) => out.push(text(base, (27.5 + 1.35 * i) * em, w, name)));
    out.push(`<rect fill="url(#${uid}-hatch)" x="${base}" y="${25 * em}" width="${1.7 * em}" height="${0.95 * em}"/>`);
  }

  const [mx, my, ms] = [X(x), Y(now.f), S(now.slope)];
  out.push(line(mx, top, mx, bottom, "marker"), line(mx, my, base, my, "marker"));
  for (const [y, name] of [[my, "f"], [ms, "slope"]]) out.push(`<circle class="dot ${name}" cx="${mx}" cy="${y}" r="${0.4 * em}"/>`);
  return out.join("");
}

/** One row a layer, the last on top, as the gradient meets them; a bar is as long as the powers of ten lost or gained. */
function drawLayers(box, state, now) {
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

export default {
  render: mount({
    markup: MARKUP, stops: STOPS.map((sigma_w) => ({ sigma_w })), evaluate, say,
    pictures: { function: drawFunction, layers: drawLayers },
    drag: { picture: "function", keys: ["x"], steps: 20, axes(box) { const { left, right } = columns(box); return [[left, right]]; } },
  }),
};
