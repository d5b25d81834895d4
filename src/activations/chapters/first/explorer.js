// What random networks draw: one number goes in, one comes out, and between them stand as many layers as the reader wants.
//
//   state       activation, parameter (null where there is none), depth, sigma_w
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every line with NumPy's.

import { bind } from "../../widgets/core/activations.js";
import { line, path, scale, text, within } from "../../widgets/core/draw.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { dense, normals, through } from "../../widgets/core/network.js";
import { span } from "../../widgets/core/numbers.js";
import { figure, plain, spoken, superscript } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";

const { abs, floor, log10, max, min } = Math;

const DEEPEST = controls(MARKUP).ranges.depth[1], UNITS = 16;
const SIGMA_B = [2, 0.5]; // in the first layer and above: there larger, so that the bends do not all lie next to x = 0
const SEEDS = [10, 11, 12, 13]; // the first draws the bold line
const ENDS = [-3, 3], STEPS = 180, XS = span(STEPS, ...ENDS);
const LEAST = 1e-9; // what is smaller may be rounding

// ---------------------------------------------------------------------------------------------- quantities

/** A network with all the hidden layers that there can be, and σ_w = 1. */
function network(seed) {
  const normal = normals(seed), layers = dense([1, ...Array(DEEPEST).fill(UNITS), 1], 1, normal);
  layers.forEach((layer, l) => { layer.b = layer.b.map(() => SIGMA_B[min(l, 1)] * normal()); });
  return { hidden: layers.slice(0, -1), output: layers.at(-1) };
}

let networks = null, memory = { key: null }; // memory.taken[l]: σ_w h of every network's hidden layer l, as far up as was asked
/** What each network makes of every x, if its output follows hidden layer `depth`. */
function outputs({ f, p }, { activation, depth, sigma_w: sigmaW }) {
  const key = `${activation} ${p} ${sigmaW}`;
  function weighed(z, g) { // (σ_w W) h = W (σ_w h), so the weights stay as they were drawn
    for (let k = 0; k < z.length; k++) z[k] = sigmaW * g(z[k]);
    return z;
  }
  networks ??= SEEDS.map(network);
  if (memory.key !== key) memory = { key, taken: [networks.map(() => [weighed(Float64Array.from(XS), (x) => x)])] };
  const { taken } = memory;
  for (let l = taken.length; l <= depth; l++)
    taken.push(networks.map(({ hidden }, i) => through(hidden[l - 1], taken[l - 1][i]).map((z) => weighed(z, f))));
  return networks.map(({ output }, i) => through(output, taken[depth][i])[0]);
}

/** How often a line that rose falls, or the other way round, by more than `least`. */
export function turning(ys, least) {
  let turns = 0, way = 0, last = ys[0]; // the highest, or lowest, since the last turn
  for (const y of ys) {
    if (way * (y - last) > 0) last = y;
    else if (abs(y - last) > least) {
      if (way) turns += 1;
      way = y > last ? 1 : -1;
      last = y;
    }
  }
  return turns;
}

/** The lines, and of the bold one: how often it turns, how far it moves, whether it is straight, how much it rises from end to end. */
export function evaluate(state) {
  const chosen = bind(state), lines = outputs(chosen, state), [bold] = lines;
  const low = min(...bold), high = max(...bold), range = high - low, rise = bold.at(-1) - bold[0];
  const straight = bold.every((y, i) => abs(y - bold[0] - rise * i / STEPS) <= LEAST * range);
  return { turns: turning(bold, LEAST * max(1, -low, high)), range, straight, rise, lines, chosen };
}

// ---------------------------------------------------------------------------------------------- sentences

const layers = (depth) => (depth === 1 ? "1 hidden layer" : `${depth} hidden layers`);

/** What the bold line does. */
function does({ turns, range, straight, rise }) {
  if (!Number.isFinite(range)) return "is too large for a number, at least in places";
  if (range === 0) return "does not move";
  if (range < LEAST) return "moves by less than 10⁻⁹";
  const way = rise > 0 ? "rises" : "falls";
  if (straight) return `is straight and ${way} by ${figure(range)}`;
  if (turns === 0) return `only ${way}, by ${figure(range)}`;
  const often = ["once", "twice"][turns - 1] ?? `${turns} times`;
  return `turns ${often} and covers a range of ${figure(range)}`;
}

/** What stands in the page in words, and what a voice says. */
function say(state, now) {
  const { activation, depth, sigma_w: sigmaW } = state;
  const sentence = `In ${STEPS} steps from ${plain(ENDS[0])} to ${plain(ENDS[1])} the bold line ${does(now)}.`;
  const told = {
    networks: `${layers(depth)} of ${activation}, sigma w ${plain(sigmaW)}`,
    line: spoken(sentence.slice(0, -1).replace("−", "minus ")),
  };
  return {
    written: {}, told,
    shows: { layers: layers(depth), sentence: sentence.replace(" × ", "\u00a0×\u00a0") },
    labels: { lines: `Outputs of ${SEEDS.length} random networks over the input, the first in bold. ${told.networks}. ${told.line}` },
    values: { depth: layers(depth), sigma_w: `sigma w ${plain(sigmaW)}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

/** Marks on an axis that is symmetric about 0: three to seven round numbers. */
function marks(limit) {
  const power = 10 ** floor(log10(limit / 1.5)), step = power * [5, 2, 1].find((n) => n * power <= limit / 1.5);
  const most = floor(limit / step);
  return span(2 * most, -most, most).map((n) => n * step);
}

/** A mark in words: 2, −500, 5 × 10¹². */
function written(v) {
  if (abs(v) < 10000) return plain(v);
  const [mantissa, exponent] = abs(v).toExponential(1).replace(".0", "").split("e");
  return `${v < 0 ? "−" : ""}${mantissa === "1" ? "" : `${mantissa} × `}10${superscript(Number(exponent))}`;
}

/** All lines over x. The axis of the outputs is as long as the bold line is high, but no shorter than −2 to 2: what is flat looks flat. */
function drawLines(box, state, { lines }) {
  const { uid, width, height, em } = box, top = 2.3 * em, bottom = height - 3 * em, [bold, ...thin] = lines;
  const limit = max(2, ...[...bold].filter(Number.isFinite).map(abs));
  const X = scale(...ENDS, 0, width), share = scale(-1.06, 1.06, bottom, top), Y = (y) => share(y / limit);
  const levels = marks(limit), out = [];
  out.push(`<defs><clipPath id="${uid}-frame"><rect x="0" y="${top}" width="${width}" height="${bottom - top}"/></clipPath></defs>`);
  for (let x = ENDS[0]; x <= ENDS[1]; x++)
    out.push(line(X(x), top, X(x), bottom, "grid"), text(within(box, X(x), plain(x), "tick"), bottom + 1.3 * em, plain(x), "tick", "middle"));
  for (const y of levels) out.push(line(0, Y(y), width, Y(y), y ? "grid" : "axis"));
  const draw = (ys, name) => {
    const points = XS.map((x, i) => [X(x), Y(ys[i])]).filter(([, y]) => abs(y) < 1e6); // so far out browsers draw nothing right
    return points.length ? path(points, name) : "";
  };
  out.push(`<g clip-path="url(#${uid}-frame)">`, ...thin.map((ys) => draw(ys, "thin")), draw(bold, "f"), "</g>");
  for (const y of levels) out.push(text(0, Y(y) - 0.35 * em, written(y), "tick"));
  out.push(text(0, 1.1 * em, "output", "label f"), text(width / 2, bottom + 2.7 * em, "input x", "tick", "middle"));
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

export default { render: mount({ markup: MARKUP, evaluate, say, pictures: { lines: drawLines } }) };
