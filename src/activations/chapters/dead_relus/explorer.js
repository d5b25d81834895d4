// One unit's line over points in the plane: what gradient reaches it there, and how many steps of descent bring it back.
//
//   state       activation, parameter (null where there is none), x1, x2 (a point of the line), angle (of w), shift (of the inputs),
//               outgoing (V, the weight above)
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with torch's.

import { ACTIVATIONS, bind } from "../../widgets/core/activations.js";
import { fitting, line, path, scale, text, within } from "../../widgets/core/draw.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { normals } from "../../widgets/core/network.js";
import { clamp, span } from "../../widgets/core/numbers.js";
import { figure, plain, spoken, superscript } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";

const { abs, cos, hypot, log10, max, min, sin, PI } = Math;

const [LOW, HIGH] = controls(MARKUP).ranges.x1;
const COUNT = 30, SCATTER = 0.45, LENGTH = 2, RATE = 0.5, LIMIT = 1000; // points and their sd in a class; of w; of descent: its rate, and the most steps
const COMPARED = ["relu", "leaky_relu", "elu", "gelu"];
const STOPS = [[0.5, 0.25, 0], [2.1, 1.2, 0], [3.2, 1.6, 0], [3.2, 1.6, 2]].map(([x1, x2, shift]) => ({ x1, x2, shift, angle: 30, outgoing: 1 }));

/** Two classes of points, whose targets are 1 and 0 in turn. */
function drawn() {
  const normal = normals(7), target = Float64Array.from({ length: COUNT }, (_, i) => (i + 1) % 2), X = [0.7, 0.4].map(() => new Float64Array(COUNT));
  for (let i = 0; i < COUNT; i++) [0.7, 0.4].forEach((centre, k) => { X[k][i] = (2 * target[i] - 1) * centre + SCATTER * normal(); });
  return { X, target };
}
const DATA = drawn();

// ---------------------------------------------------------------------------------------------- quantities

let memory = {}; // of each part the last: which activation is chosen does not change the others' descent, nor does the handle the curves
function remember(name, key, compute) {
  if (memory[name]?.key !== key) memory[name] = { key, value: compute() };
  return memory[name].value;
}

/** The inputs of a state, moved. */
const inputs = ({ shift }) => [DATA.X[0].map((x) => x + shift), DATA.X[1]];

/** z of every point. */
const preactivations = ([X1, X2], [w1, w2, b]) => X1.map((x, i) => w1 * x + w2 * X2[i] + b);

/** ∂L/∂w₁, ∂L/∂w₂ and ∂L/∂b. */
function gradient({ f, slope }, [X1, X2], V, z) {
  let [g1, g2, gb] = [0, 0, 0];
  for (let i = 0; i < COUNT; i++) {
    const steep = slope(z[i]);
    if (steep === 0) continue;
    const delta = V * (V * f(z[i]) - DATA.target[i]) * steep / COUNT;
    g1 += delta * X1[i];
    g2 += delta * X2[i];
    gb += delta;
  }
  return [g1, g2, gb];
}

const highest = (z) => z.reduce((most, v) => max(most, v), -Infinity);

/** Gradient descent until the unit is on for a point: after how many steps, LIMIT + 1 if later or never, and the highest z by then. */
function descend(unit, X, V, [w1, w2, b]) {
  const z = new Float64Array(COUNT), [X1, X2] = X;
  for (let step = 0; ; step++) {
    let top = -Infinity;
    for (let i = 0; i < COUNT; i++) if ((z[i] = w1 * X1[i] + w2 * X2[i] + b) > top) top = z[i];
    if (top > 0 || step === LIMIT) return { steps: top > 0 ? step : LIMIT + 1, top };
    const [g1, g2, gb] = gradient(unit, X, V, z), before = [w1, w2, b];
    w1 -= RATE * g1;
    w2 -= RATE * g2;
    b -= RATE * gb;
    if (w1 === before[0] && w2 === before[1] && b === before[2]) return { steps: LIMIT + 1, top }; // no step will ever move it
  }
}

const OFFSETS = [...span(60, -10, 0), ...span(36, 1e-9, 6)]; // of the curves: highest z, just above 0 too, where ReLU comes on

/** Every number that the explorer shows, by the name of its data-quantity, and what is drawn. */
export function evaluate(state) {
  const chosen = bind(state), { x1, x2, angle, shift, outgoing: V } = state, turn = angle * PI / 180;
  const w = [LENGTH * cos(turn), LENGTH * sin(turn)], b = -w[0] * x1 - w[1] * x2;
  const X = inputs(state), z = preactivations(X, [...w, b]), top = highest(z), here = gradient(chosen, X, V, z);
  const nearest = z.indexOf(top), step = -RATE * (here[0] * X[0][nearest] + here[1] * X[1][nearest] + here[2]);
  const units = Object.fromEntries([...COMPARED, state.activation].map((name) => [name, name === state.activation ? chosen : bind({ activation: name })]));
  const returns = {}, curves = {};
  for (const [name, unit] of Object.entries(units)) {
    const about = `${unit.p} ${angle} ${shift} ${V}`;
    returns[name] = remember(`descent ${name}`, `${about} ${b}`, () => descend(unit, X, V, [...w, b]));
    curves[name] = remember(`curve ${name}`, about, () => OFFSETS.map((at) => hypot(...gradient(unit, X, V, z.map((v) => v - top + at)))));
  }
  return {
    on: z.reduce((n, v) => n + (v > 0), 0), through: z.reduce((n, v) => n + (V !== 0 && chosen.slope(v) !== 0), 0),
    highest: top, b, "gradient-b": here[2], "gradient-w": hypot(here[0], here[1]),
    wants: z.reduce((sum, v, i) => sum - V * (V * chosen.f(v) - DATA.target[i]) / COUNT, 0), // by how much L falls with h
    step, // what the first step of descent makes of the highest z
    steps: returns[state.activation].steps, ...Object.fromEntries(COMPARED.map((name) => [`steps-${name}`, returns[name].steps])),
    dead: z.every((v) => chosen.f(v) === 0), falls: chosen.slope(top) < 0,
    size: hypot(...here), here, w, X, z, returns, curves, chosen,
  };
}

// ---------------------------------------------------------------------------------------------- sentences

const many = (n) => (n === COUNT ? "all" : n === 0 ? "none" : String(n));
const aloud = (words) => spoken(words).replaceAll("−", "minus ").replaceAll("> ", "more than ");

/** For how many points the unit is on, and how many of them let a gradient through. */
function where({ on, through, dead }) {
  const first = `On for ${many(on)} of ${COUNT} points`, pass = through === 1 ? "1 passes" : through === 0 ? "none passes" : `${many(through)} pass`;
  return `${first}, and ${pass} a gradient on${dead ? ": the unit is dead" : ""}.`;
}

/** What the loss wants of the unit, and what a step does. */
function pull({ wants, step, size, falls, on }, V) {
  if (V === 0) return "The weight above is 0, so no gradient comes from there.";
  if (size === 0) return "The gradient is exactly 0: no step moves w or b.";
  const more = wants > 0 ? "more" : "less", up = step > 0, does = `a first step down it ${up ? "raises" : "lowers"} the highest z`;
  const reason = falls && up !== wants > 0 ? ", since φ falls there" : "", line = on ? "" : up ? ": the line comes nearer" : ": the line moves away";
  return `The loss wants ${more} of h, ${up === wants > 0 ? "and" : "but"} ${does}${reason}${line}.`;
}

/** [the figure, the words after it] of when descent brings a unit back. */
function comeback({ steps, top }, before, frozen, size) {
  if (steps === 0) return ["0", "since it is on already."];
  if (steps <= LIMIT) return [String(steps), `at a rate of ${RATE}.`];
  if (frozen) return ["never", size ? "since each step is rounded away." : "since no step moves it."];
  return [`> ${LIMIT}`, `and by then it is ${top > before ? "nearer" : "further off"} than it was.`];
}

/** The same in a word. */
function brief({ steps, top }, before, frozen) {
  if (steps === 0) return "on";
  if (steps <= LIMIT) return `${steps} step${steps === 1 ? "" : "s"}`;
  return frozen ? "never" : `> ${LIMIT}, ${top > before ? "nearing" : "leaving"}`;
}

function remedy({ highest: top, on }) {
  if (on) return `It would be off for all points if b fell by ${figure(top)}.`;
  return `It would be on at once if b rose by ${figure(-top)}, or if the inputs came nearer by ${figure(-top / LENGTH)}.`;
}

/** What stands in the page in words, and what a voice says. */
function say({ activation, x1, x2, angle, shift, outgoing }, now) {
  const p = ACTIVATIONS[activation].parameter, { highest: top, returns, curves } = now;
  const frozen = (name) => returns[name].top === top; // not moved in LIMIT steps
  const [amount, words] = comeback(returns[activation], top, frozen(activation), now.size), until = `Steps of descent until it is on: ${amount}, ${words}`;
  const steps = Object.fromEntries(COMPARED.map((name) => [name, brief(returns[name], top, frozen(name))]));
  const sentences = { where: where(now), pull: pull(now, outgoing), remedy: remedy(now) };
  const unit = `${activation}${p ? `, ${p.name} ${plain(now.chosen.p)}` : ""}`, place = `The line goes through ${plain(x1)}, ${plain(x2)}; w points to ${plain(angle)} degrees`;
  const all = `Until it is on: ${COMPARED.map((name) => `${name} ${steps[name]}`).join("; ")}`;
  const told = [unit, place, sentences.where, until, sentences.pull, all].map((part) => aloud(part).replace(/\.$/, ""));
  return {
    written: { steps: amount, ...Object.fromEntries(COMPARED.map((name) => [`steps-${name}`, steps[name]])) },
    shows: { ...sentences, words }, told,
    labels: {
      plane: `${COUNT} points of two classes, and the line of one unit. ${told.slice(0, 3).join(". ")}`,
      lines: aloud(`Size of the gradient over the highest z of the points, from minus 10 to 6, for ${Object.keys(curves).join(", ")}. `
        + `Here, at ${figure(top)}, it is ${figure(now.size)}. ${all}`),
    },
    values: {
      x1: `x 1 ${aloud(plain(x1))}`, x2: `x 2 ${aloud(plain(x2))}`, angle: `${aloud(plain(angle))} degrees`,
      shift: `inputs moved by ${aloud(plain(shift))}`, outgoing: `V ${aloud(plain(outgoing))}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

const SQUARE = [[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]];

/** The part of the square where a·x + b ≥ 0, corner by corner. */
function side([a1, a2], b) {
  const heights = SQUARE.map(([x1, x2]) => a1 * x1 + a2 * x2 + b);
  return SQUARE.flatMap((corner, k) => {
    const next = SQUARE[(k + 1) % 4], [here, there] = [heights[k], heights[(k + 1) % 4]], t = here / (here - there);
    return [...(here >= 0 ? [corner] : []), ...(here * there < 0 ? [corner.map((v, i) => v + t * (next[i] - v))] : [])];
  });
}

/** The square in which the plane is drawn. */
function frame({ width, height, em, measure }) {
  const left = measure("−4", "tick") + 0.5 * em, top = 1.8 * em, edge = min(width - left - 0.3 * em, height - top - 3 * em);
  return { left, right: left + edge, top, bottom: top + edge };
}

/** An arrow by its foot, the way it points to and its length. */
function arrow([x, y], [a, b], length, em, name) {
  const tip = [x + length * a, y + length * b], head = min(0.45 * em, length);
  const barb = (turn) => [tip[0] - head * a - turn * 0.7 * head * b, tip[1] - head * b + turn * 0.7 * head * a];
  return line(x, y, ...tip, name) + path([barb(1), tip, barb(-1)], name);
}

/** The points, the side on which the unit is on, its line, w and the step that descent makes of it. */
function drawPlane(box, { x1, x2 }, { w, b, here, X }) {
  const { width, em } = box, { left, right, top, bottom } = frame(box), out = [];
  const A = scale(LOW, HIGH, left, right), B = scale(LOW, HIGH, bottom, top), at = ([a, c]) => [A(a), B(c)];
  const lit = side(w, b), foot = at([x1, x2]);
  out.push(path(SQUARE.map(at), "region"));
  if (lit.length > 2) out.push(path(lit.map(at), "region here"));
  for (const v of span(4, LOW, HIGH)) out.push(
    line(A(v), top, A(v), bottom, "grid"), line(left, B(v), right, B(v), "grid"),
    text(A(v), bottom + 1.3 * em, plain(v), "tick", "middle"), text(left - 0.4 * em, B(v) + 0.33 * em, plain(v), "tick", "end"));
  out.push(line(left, bottom, right, bottom, "axis"), line(left, top, left, bottom, "axis"));
  X[0].forEach((v, i) => {
    const [x, y] = at([v, X[1][i]]), r = 0.27 * em;
    out.push(DATA.target[i] ? `<rect class="solid" x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}"/>` : `<circle class="hollow" cx="${x}" cy="${y}" r="${r}"/>`);
  });
  const ends = lit.filter(([a, c]) => abs(w[0] * a + w[1] * c + b) < 1e-6).map(at), way = [w[0] / LENGTH, -w[1] / LENGTH];
  if (ends.length > 1) out.push(line(...ends[0], ...ends[1], "hinge unit-1"));
  out.push(arrow(foot, way, 2.2 * em, em, "hinge way"));
  const size = hypot(here[0], here[1]), length = 12 * em * size;
  if (length > 0.5) out.push(arrow(foot, [-here[0] / size, here[1] / size], min(length, 4.5 * em), em, "limit"));
  const title = fitting(box, width - 3 * em, "label", "x₂: the unit is on where it is filled", "x₂: on where it is filled", "x₂");
  out.push(text((left + right) / 2, bottom + 2.6 * em, "x₁", "label", "middle"), text(0, 0.9 * em, title, "label"));
  out.push(`<circle class="dot f" cx="${foot[0]}" cy="${foot[1]}" r="${0.5 * em}"/><circle class="hold" cx="${foot[0]}" cy="${foot[1]}" r="${max(22, em)}"/>`);
  return out.join("");
}

const POWERS = [-6, 1], SHORT = { relu: "ReLU", leaky_relu: "leaky", elu: "ELU", gelu: "GELU" };
const NAMED = { leaky_relu: [-9.8, -0.5, "start"], elu: [-5.5, -0.4, "end"], gelu: [-3.4, 1, "start"], relu: [0.15, 0, "start"] }; // where, and how far above or below

/** The gradient's size, a power of ten a line and 0 below them, as the unit's line goes over the data from the left to the right end. */
function drawLines(box, state, { highest: top, size, curves }) {
  const { width, height, em, measure } = box, left = measure("10⁻⁶", "tick") + 0.5 * em, right = width - 0.6 * em;
  const ceiling = 3.4 * em, zero = height - 3.2 * em, floor = zero - 1.8 * em, out = [], words = [];
  const X = scale(-10, 6, left, right), P = scale(...POWERS, floor, ceiling);
  const Y = (v) => (v === 0 ? zero : P(clamp(log10(v), POWERS)));
  for (let power = POWERS[0]; power <= POWERS[1]; power++) {
    out.push(line(left, P(power), right, P(power), "grid"));
    words.push(text(left - 0.4 * em, P(power) + 0.33 * em, power === 0 ? "1" : power === 1 ? "10" : `10${superscript(power)}`, "tick", "end"));
  }
  out.push(line(left, zero, right, zero, "axis"), line(X(0), ceiling, X(0), zero, "axis"));
  words.push(text(left - 0.4 * em, zero + 0.33 * em, "0", "tick", "end"));
  for (const v of [-10, -5, 0, 5]) words.push(text(within(box, X(v), plain(v), "tick"), zero + 1.3 * em, plain(v), "tick", "middle"));
  const across = fitting(box, right - left, "tick", `highest z of the ${COUNT} points`, "highest z");
  words.push(text((left + right) / 2, zero + 2.6 * em, across, "tick", "middle"));
  const title = fitting(box, width, "label", `size of the gradient by w and b; bold: ${state.activation}`, `gradient; bold: ${state.activation}`, "gradient");
  words.push(text(0, em, title, "label f"));
  words.push(text(X(0) - 0.4 * em, 2.7 * em, fitting(box, X(0) - left, "small", "off for all points", "off for all", "off"), "small", "end"));
  words.push(text(X(0) + 0.4 * em, 2.7 * em, fitting(box, right - X(0), "small", "on for some", "on"), "small"));

  for (const [name, values] of Object.entries(curves).sort(([a], [b]) => (a === state.activation) - (b === state.activation))) {
    const shown = OFFSETS.map((at, i) => [X(at), values[i]]).filter(([, v]) => v === 0 || v >= 10 ** POWERS[0]).map(([x, v]) => [x, Y(v)]);
    if (shown.length) out.push(path(shown, name === state.activation ? "f" : "thin"));
  }
  const taken = [];
  for (const [name, [at, lift, anchor]] of Object.entries(NAMED)) {
    const found = OFFSETS.findIndex((v) => v >= at), value = curves[name][found];
    const y = max(ceiling + em, (name === "relu" ? P(-4) : Y(value)) + lift * em), mine = name === state.activation ? "label f" : "small";
    if ((name !== "relu" && value < 10 ** POWERS[0]) || taken.some((other) => abs(other - y) < 1.3 * em)) continue;
    taken.push(y);
    words.push(text(X(at), y, SHORT[name], mine, anchor));
  }
  const [x, y] = [X(clamp(top, [-10, 6])), size > 0 && size < 10 ** POWERS[0] ? (floor + zero) / 2 : Y(size)], r = 0.4 * em;
  out.push(line(x, ceiling, x, zero, "marker"));
  const dot = top < -10 || top > 6
    ? `<path class="dot f" d="M${x},${y - r}v${2 * r}l${top < 0 ? -1.3 * r : 1.3 * r},${-r}z"/>` : `<circle class="dot f" cx="${x}" cy="${y}" r="${r}"/>`;
  return [...out, ...words, dot].join("");
}

// ---------------------------------------------------------------------------------------------- the widget

export default {
  render: mount({
    markup: MARKUP, stops: STOPS, evaluate, say,
    pictures: { plane: drawPlane, lines: drawLines },
    drag: { picture: "plane", keys: ["x1", "x2"], steps: 20, axes(box) { const { left, right, top, bottom } = frame(box); return [[left, right], [bottom, top]]; } },
  }),
};
