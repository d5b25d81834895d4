// The explorer: what a norm makes of a layer's pre-activations, and what twenty layers with it leave of a gradient.
//
//   state       activation, norm ("none", "batch", "layer", "rms" or "group"), batch, and of what comes in: scale, offset
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with torch's.

import { bind } from "../../widgets/core/activations.js";
import { curve, fitting, line, path, scale, text, ticks, within } from "../../widgets/core/draw.js";
import { deviation, expectation, quadrature, saturatedIntervals } from "../../widgets/core/gaussian.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { dense, normals, through } from "../../widgets/core/network.js";
import { GROUPS, normalize, normalizeBack } from "../../widgets/core/norms.js";
import { clamp, span } from "../../widgets/core/numbers.js";
import { figure, percent, plain, settle, spoken, superscript } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";

const { abs, exp, log10, max, min, sqrt } = Math;

const RANGES = controls(MARKUP).ranges, MOST = RANGES.batch[1];
const DEPTH = 20, UNITS = 32, SEED = 641; // a draw in which the mean of unit 0 and the spread of example 0 are far from 0 and 1
const UNIT = 0, EXAMPLE = 0; // the ones whose values are shown by themselves

// ---------------------------------------------------------------------------------------------- quantities

const many = (n, make) => Array.from({ length: n }, make);

/** What comes in, by units and examples, of variance 1 or so: units differ in their means, and examples in how far they spread. */
function drawn(normal) {
  const means = many(UNITS, () => 0.5 * normal());
  const examples = many(MOST, () => { const spread = 0.75 * exp(0.4 * normal()); return means.map((mean) => mean + spread * normal()); });
  return means.map((_, i) => examples.map((example) => example[i]));
}

const NORMAL = normals(SEED);
const INPUTS = drawn(NORMAL);
const LAYERS = dense(Array(DEPTH + 1).fill(UNITS), Math.SQRT2, NORMAL); // He's size
const GRADIENT = many(UNITS, () => many(MOST, NORMAL)); // by the outputs of layer 20, of each unit in each example
const BACK = LAYERS.map(({ W }) => ({ W: W.map((_, j) => W.map((row) => row[j])), b: Array(UNITS).fill(0) }));

/** The rows of one layer, with another function of every number. */
const mapped = (rows, act) => rows.map((row) => row.map(act));
const size = (rows) => sqrt(rows.reduce((sum, row) => row.reduce((s, v) => s + v * v, sum), 0));

/** Every layer's norm on the way up, and on the way back the norm of δ, the loss by what enters the activation; layer 0 comes first. */
function upAndBack({ activation, norm, batch, scale, offset }) {
  const { f, slope } = bind({ activation }), taken = (rows, change) => rows.map((row) => new Float64Array(row.slice(0, batch)).map(change));
  const below = taken(INPUTS, (v) => scale * v + offset), layers = [normalize(norm, below)];
  for (const layer of LAYERS) layers.push(normalize(norm, through(layer, mapped(layers.at(-1).y, f))));
  const sizes = [];
  for (let l = DEPTH, delta = taken(GRADIENT, (v) => v); l >= 0; l--) {
    const { y } = layers[l];
    delta.forEach((row, i) => { for (let k = 0; k < batch; k++) row[k] *= slope(y[i][k]); });
    sizes.unshift(size(delta));
    if (l) delta = through(BACK[l - 1], normalizeBack(layers[l], delta));
  }
  return { below, layers, left: sizes.map((s) => (s ? s / sizes[DEPTH] : 0)) };
}

/** E[φ′²]/Var φ for a standard normal input: what a layer with batch norm multiplies the gradient's square by, if layers are wide and batches large. */
function batchnormFactor({ f, slope, kinks }) {
  const rule = quadrature(0, 1, kinks);
  return expectation((x) => slope(x) ** 2, rule) / deviation(f, rule) ** 2;
}

/** Mean and standard deviation of all values, and the share of those in some intervals. */
function summary(rows, intervals) {
  const values = rows.flatMap((row) => [...row]), n = values.length, mean = values.reduce((sum, v) => sum + v, 0) / n;
  const inside = values.filter((v) => intervals.some(([a, b]) => v > a && v < b)).length;
  return { mean, sd: sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n), share: inside / n };
}

const memory = {}; // of the last state: what a change of the norm leaves as it is
function remember(name, key, compute) {
  if (memory[name]?.key !== key) memory[name] = { key, value: compute() };
  return memory[name].value;
}

/** Every number that the explorer shows, by the name of its data-quantity. */
export function evaluate(state) {
  const { activation, batch, scale, offset } = state, chosen = bind({ activation });
  const { law, intervals } = remember("theory", activation, () => ({ law: batchnormFactor(chosen), intervals: saturatedIntervals(chosen) }));
  const plainly = remember("none", `${activation} ${batch} ${scale} ${offset}`, () => upAndBack({ ...state, norm: "none" }));
  const { below, layers, left } = state.norm === "none" ? plainly : upAndBack(state), after = layers[0].y, { mean, sd, share } = summary(after, intervals);
  return {
    "gradient-left": left[0], "none-left": plainly.left[0],
    "law": law ** (DEPTH / 2),
    "mean": settle(mean), "sd": sd, "flat-share": share,
    left, none: plainly.left, laws: span(DEPTH, 0, DEPTH).map((l) => law ** ((DEPTH - l) / 2)),
    before: below, after, top: layers[DEPTH].y, intervals, chosen,
  };
}

// ---------------------------------------------------------------------------------------------- sentences

const NORMS = { none: "no norm", batch: "batch norm", layer: "layer norm", rms: "RMS norm", group: "group norm" };
const NAMES = { relu: "ReLU", gelu: "GELU", silu: "SiLU", selu: "SELU", tanh: "tanh", sigmoid: "sigmoid", identity: "the identity" };

/** What the norm does to the numbers. */
function statistics({ norm, batch }) {
  if (norm === "batch" && batch === 2) return "A batch of two: every unit is +1 for one example and −1 for the other, whatever it was before the norm.";
  return {
    none: "No norm: the values stay as they come, with whatever mean and size.",
    batch: `Batch norm over ${batch} examples: mean 0 and variance 1 in every unit.`,
    layer: `Layer norm over ${UNITS} units: mean 0 and variance 1 in every example.`,
    rms: `RMS norm over ${UNITS} units: mean square 1 in every example, which keeps a mean.`,
    group: `Group norm over ${GROUPS} groups of ${UNITS / GROUPS} units: mean 0 and variance 1 in each group of an example.`,
  }[norm];
}

const whole = (left) => left > 0.9995 && left < 1.0005;

/** [the figure, the words after it] of "After 20 layers: 51.2 times the gradient arrives." */
function arrives(left) {
  if (left === 0) return ["nothing", "of the gradient is left"];
  if (whole(left)) return ["all", "of the gradient is left"];
  return [figure(left), left > 1 ? "times the gradient arrives" : "of the gradient is left"];
}

/** Beside what is left of the gradient, what theory says, and what there is without a norm. */
function compared({ norm, batch }, { law, "none-left": none }) {
  if (norm === "none") return "This is what the norms are compared with: choose one.";
  const without = `Without a norm ${arrives(none).join(" ")}.`;
  if (norm !== "batch") return without;
  if (batch === 2) return `Values that can only be +1 and −1 do not move with what they are made from: a gradient passes through ε alone. ${without}`;
  return `The law for wide layers and large batches says ${whole(law) ? "all of it" : `${figure(law)} times`}. ${without}`;
}

const FEW = 10; // examples, below which twenty layers with batch norm may enlarge a change of 1e-5 to one that shows

/** Whether scale and offset of what comes in matter to the gradient. */
function invariance({ norm, batch }) {
  if (norm === "batch" && batch < FEW)
    return "The first norm takes scale and offset of what comes in off, up to its ε; with so few examples twenty layers enlarge even that.";
  return {
    none: "No norm takes scale and offset off: the layers get what comes in as it is.",
    rms: "The scale of what comes in changes little here, for the first norm divides by it. The offset does more: an RMS norm leaves a mean.",
  }[norm] ?? "Scale and offset of what comes in change little here: the first norm takes them off, up to its ε.";
}

const aloud = (words) => spoken(words).replaceAll("−", "minus ").replaceAll("+1", "plus 1");

/** What stands in the page in words, and what a voice says. */
function say(state, now) {
  const { activation, norm, batch, scale, offset } = state, [amount, words] = arrives(now["gradient-left"]);
  const factor = `× ${figure(scale)}`, share = percent(now["flat-share"]);
  const written = { "gradient-left": amount, "flat-share": now.intervals.length ? share : "none" };
  const sentences = { statistics: statistics(state), compared: compared(state, now), invariance: invariance(state) };
  const told = {
    state: `${NORMS[norm]}, ${NAMES[activation]}, ${batch} examples, scale times ${figure(scale)}, offset ${aloud(plain(offset))}`,
    statistics: aloud(sentences.statistics).replace(/\.$/, ""),
    values: aloud(`All values then have mean ${figure(now.mean)} and standard deviation ${figure(now.sd)}`)
      + (now.intervals.length ? aloud(`; ${share} of them are where ${NAMES[activation]} is flat`).replaceAll("%", "per cent") : ""),
    gradient: aloud(`After ${DEPTH} layers ${amount} ${words}`),
    compared: aloud(sentences.compared).replace(/\.$/, ""),
  };
  return {
    written, told,
    shows: { words: `${words}.`, scale: factor, ...sentences },
    labels: {
      values: `The values of one layer before and after the norm, over the curve of ${NAMES[activation]}. ${told.state}. ${told.statistics}. ${told.values}`,
      profile: `The gradient, layer by layer. ${told.state}. ${told.gradient}. ${told.compared}`,
    },
    values: { batch: `${batch} examples`, scale: `scale times ${figure(scale)}`, offset: `offset ${aloud(plain(offset))}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

const DOMAIN = [-6, 6], BIN = 0.25; // bins have their middles at its multiples, and so at ±1
const BINS = (DOMAIN[1] - DOMAIN[0]) / BIN + 1;
const LOWEST_PEAK = 0.08; // share of a bin that is drawn as high as a histogram can be, if no bin has more

/** Share of all values in each bin, and beyond all. */
function binned(rows) {
  const bins = Array(BINS).fill(0), n = rows.length * rows[0].length;
  let beyond = 0;
  for (const row of rows) for (const v of row) {
    const k = Math.round((v - DOMAIN[0]) / BIN);
    if (k >= 0 && k < BINS) bins[k] += 1 / n; else beyond += 1 / n;
  }
  return { bins, beyond };
}

/** Before the norm and after it: all values as a histogram, and those of one unit and of one example; beneath, where they fall on f. */
function drawValues(box, { activation, norm }, { before, after, intervals, chosen }) {
  const { width, em, measure } = box, left = max(measure("example", "small"), measure("−0.25", "tick")) + 0.6 * em, right = width - 0.9 * em;
  const X = scale(DOMAIN[0] - BIN / 2, DOMAIN[1] + BIN / 2, left, right), top = 1.6 * em, floor = 30 * em, out = [];
  for (const [from, to] of intervals.map((i) => i.map((v) => clamp(v, DOMAIN))))
    if (to > from) out.push(`<rect class="flat" x="${X(from)}" y="${top}" width="${max(1, X(to) - X(from))}" height="${floor - top}"/>`);
  const apart = X(2) - X(0) > measure("−6", "tick") + 0.5 * em ? 2 : 6;
  for (let v = DOMAIN[0]; v <= DOMAIN[1]; v += apart) out.push(line(X(v), top, X(v), floor, "grid"), text(X(v), floor + 1.3 * em, plain(v), "tick", "middle"));

  const parts = [before, after].map(binned);
  const titles = [["before the norm", "before"], norm === "none" ? ["no norm: the same", "the same"] : [`after ${NORMS[norm]}`, "after"]];
  [before, after].forEach((rows, at) => {
    const head = (0.9 + 11.2 * at) * em, foot = head + 6.3 * em, { bins, beyond } = parts[at];
    const tall = 5.2 * em / max(LOWEST_PEAK, ...bins), title = fitting(box, width, "label", ...titles[at]);
    const stairs = bins.flatMap((share, k) => [k - 0.5, k + 0.5].map((edge) => [X(DOMAIN[0] + BIN * edge), Math.round(10 * (foot - tall * share)) / 10]));
    out.push(path([[X(DOMAIN[0] - BIN / 2), foot], ...stairs, [right, foot]], "inputs"), line(left, foot, right, foot, "axis"), text(0, head, title, "label"));
    if (beyond) {
      const words = fitting(box, width - measure(title, "label") - em, "small", `${percent(beyond)} lie beyond ±6`, `${percent(beyond)} beyond`);
      out.push(text(width, head, words, "small", "end"));
    }
    [["unit", rows[UNIT], "f"], ["example", rows.map((row) => row[EXAMPLE]), "slope"]].forEach(([words, values, name], row) => {
      const y = foot + (1.2 + 1.4 * row) * em;
      out.push(text(left - 0.6 * em, y + 0.33 * em, words, "small", "end"));
      const marks = [...values].filter((v) => abs(v) <= DOMAIN[1]).map((v) => `M${X(v)},${(y - 0.5 * em).toFixed(1)}v${em}`);
      if (marks.length) out.push(`<path class="tally ${name}" d="${marks.join("")}"/>`);
    });
  });

  const values = span(160, ...DOMAIN).map(chosen.f), [low, high] = [min(...values), max(...values)], pad = max(0.08 * (high - low), 0.04);
  const Y = scale(low - pad, high + pad, floor, 24.3 * em), name = NAMES[activation];
  for (const y of ticks(low - pad, high + pad)) out.push(line(left, Y(y), right, Y(y), "grid"), text(left - 0.6 * em, Y(y) + 0.33 * em, plain(y), "tick", "end"));
  out.push(line(left, floor, right, floor, "axis"), curve(chosen.f, chosen.kinks, DOMAIN, X, Y, "thin"));
  const { bins } = parts[1], most = max(...bins);
  bins.forEach((share, k) => {
    const at = DOMAIN[0] + BIN * k;
    if (share) out.push(`<circle class="fall" cx="${X(at)}" cy="${Y(chosen.f(at))}" r="${(0.62 * em * sqrt(share / most)).toFixed(1)}"/>`);
  });
  out.push(text(0, 23.3 * em, fitting(box, width, "label", `where on ${name} they fall`, name), "label"));
  const title = fitting(box, width, "tick", "what enters the activation; shaded where it is flat", "what enters; shaded: flat", "what enters");
  out.push(text(within(box, (left + right) / 2, title, "tick"), floor + 2.6 * em, title, "tick", "middle"));
  return out.join("");
}

const LIMITS = [-6, 4]; // powers of ten

/** Lines and what they are, one after the other as far as there is room. */
function legend({ width, em, measure }, items, y) {
  let x = 0;
  return items.map(([name, words]) => {
    const long = 2.6 * em + measure(words, "small");
    if (x && x + long > width) [x, y] = [0, y + 1.4 * em];
    const from = x;
    x += long + 1.2 * em;
    return path([[from, y - 0.33 * em], [from + 2.1 * em, y - 0.33 * em]], name) + text(from + 2.6 * em, y, words, "small");
  }).join("");
}

/** Over the layers: the gradient's norm as a share of layer 20's, in powers of ten. */
function drawProfile(box, { norm, batch }, { left: shares, none, laws }) {
  const { width, height, em, measure } = box, left = measure("10⁻⁶", "tick") + 0.9 * em, right = width - 0.9 * em;
  const bottom = height - 3.5 * em, top = 5 * em, X = scale(0, DEPTH, left, right), P = scale(...LIMITS, bottom, top), edge = left - 0.6 * em, out = [];
  for (let power = LIMITS[0]; power <= LIMITS[1]; power += 2) {
    const words = power ? `10${superscript(power)}` : "1";
    out.push(line(edge, P(power), right, P(power), power ? "grid" : "axis"), text(edge - 0.3 * em, P(power) + 0.33 * em, words, "tick", "end"));
  }
  for (let layer = 0; layer <= DEPTH; layer += 5) out.push(text(X(layer), bottom + 1.8 * em, layer, "tick", "middle"));
  const title = fitting(box, width, "tick", "layer; the gradient enters at the last", "layer");
  out.push(text(within(box, (left + right) / 2, title, "tick"), bottom + 3.1 * em, title, "tick", "middle"));
  out.push(text(0, 0.9 * em, fitting(box, width, "label", "the gradient’s norm, as a share of that in layer 20", "gradient, as a share of layer 20’s", "gradient, layer 20: 1", "gradient"), "label"));

  const points = (values) => values.map((share, layer) => [X(layer), P(clamp(log10(share), LIMITS))]);
  const lines = [["f", NORMS[norm], shares]];
  if (norm !== "none") lines.unshift(["thin", NORMS.none, none]);
  if (norm === "batch" && batch > 2) lines.push(["limit watershed", fitting(box, width - 2.6 * em, "small", "law for wide layers, large batches", "law"), laws]);
  out.push(...lines.map(([name, , values]) => path(points(values), name)), legend(box, lines, 2.5 * em));
  points(shares).forEach(([x, y], layer) => {
    const power = log10(shares[layer]), beyond = power < LIMITS[0] ? 1 : power > LIMITS[1] ? -1 : 0, s = 0.3 * em;
    out.push(beyond ? `<path class="dot f" d="M${x - s},${y}h${2 * s}l${-s},${beyond * 1.6 * s}z"/>` : `<circle class="dot f" cx="${x}" cy="${y}" r="${0.8 * s}"/>`);
  });
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

export default { render: mount({ markup: MARKUP, evaluate, say, pictures: { values: drawValues, profile: drawProfile } }) };
