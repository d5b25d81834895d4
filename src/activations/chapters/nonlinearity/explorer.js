// A network of ReLU units over the plane: the regions that their hinges cut, the linear function that it is in each, and the fold.
//
//   state       network ("random" or "xor"), units (of the random one), biases (what they are multiplied by), x1, x2 (the point)
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// All arithmetic is done here, so it needs no kernel; the package's tests compare every number with NumPy's.

import { ACTIVATIONS } from "../../widgets/core/activations.js";
import { fitting, line, path, scale, text, ticks } from "../../widgets/core/draw.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { dense, forward, normals } from "../../widgets/core/network.js";
import { clamp, span } from "../../widgets/core/numbers.js";
import { figure, plain, settle } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";

const { abs, hypot, max, min } = Math;

const RANGES = controls(MARKUP).ranges, [LOW, HIGH] = RANGES.x1;
const SEED = 18429; // a draw whose eight hinges all cross the square, no two nearly alike
const SQUARE = [[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]];
const XOR = [{ W: [[1, 1], [1, 1]], b: [0, -1] }, { W: [[1, -2]], b: [0] }]; // Goodfellow, Bengio and Courville 2016, section 6.1
const CLASSES = { hollow: [[0, 0], [1, 1]], solid: [[0, 1], [1, 0]] };
const NEAR = 1e-9; // what is nearer to a hinge lies on it

// ---------------------------------------------------------------------------------------------- quantities

/** A network with all the hidden units that there can be: weights as He has them, biases of standard deviation 1. */
function drawn() {
  const normal = normals(SEED), layers = dense([2, RANGES.units[1], 1], Math.SQRT2, normal);
  return layers.map(({ W, b }) => ({ W, b: b.map(normal) }));
}

const NETWORKS = { random: drawn(), xor: XOR };

/** The network of a state: the hidden layer, and the output. */
function built({ network, units, biases }) {
  const [hidden, output] = NETWORKS[network], n = network === "xor" ? hidden.W.length : units;
  const scaled = ({ W, b }) => ({ W, b: b.map((v) => biases * v) });
  return [scaled({ W: hidden.W.slice(0, n), b: hidden.b.slice(0, n) }), scaled({ W: output.W.map((row) => row.slice(0, n)), b: output.b })];
}

/** A unit's pre-activation as a function of a point. */
const rises = ({ W, b }) => W.map(([w1, w2], i) => ([x1, x2]) => w1 * x1 + w2 * x2 + b[i]);
const along = ([a1, a2], [b1, b2], t) => [a1 + t * (b1 - a1), a2 + t * (b2 - a2)];
const middle = (corners) => [0, 1].map((i) => corners.reduce((sum, corner) => sum + corner[i] / corners.length, 0));

/** The two parts of a convex polygon on both sides of z = 0, or the polygon alone, if z = 0 does not cross it. */
function cut(corners, z) {
  const heights = corners.map(z);
  if (max(...heights) <= NEAR || min(...heights) >= -NEAR) return [corners];
  return [1, -1].map((side) => corners.flatMap((corner, k) => {
    const next = (k + 1) % corners.length, [here, there] = [side * heights[k], side * heights[next]];
    const kept = here >= -NEAR ? [corner] : [];
    return min(abs(here), abs(there)) > NEAR && here * there < 0 ? [...kept, along(corner, corners[next], here / (here - there))] : kept;
  }));
}

/** Where a hinge enters the square and where it leaves it; nothing, if it does not cross it. */
function chord(z) {
  const [part, other] = cut(SQUARE, z);
  return other ? part.filter((corner) => abs(z(corner)) <= 1e-6) : null;
}

/** Every number that the explorer shows, by the name of its data-quantity, and what is drawn. */
export function evaluate(state) {
  const [hidden, output] = built(state), point = [state.x1, state.x2], zs = rises(hidden), n = zs.length;
  const { z: [z, [y]] } = forward([hidden, output], ACTIVATIONS.relu, point);
  const active = z.map((v) => v > NEAR), [v] = output.W; // D(x)'s diagonal
  const sum = (term) => active.reduce((total, on, i) => total + (on ? v[i] * term(i) : 0), 0);
  const regions = zs.reduce((parts, unit) => parts.flatMap((corners) => cut(corners, unit)), [SQUARE]);
  const same = (corners) => zs.every((unit, i) => unit(middle(corners)) > 0 === active[i]);
  return {
    "slope-1": sum((i) => hidden.W[i][0]), "slope-2": sum((i) => hidden.W[i][1]), intercept: sum((i) => hidden.b[i]) + output.b[0],
    output: y, regions: regions.length, most: 1 + n + n * (n - 1) / 2,
    z, active, hinges: z.filter((v) => abs(v) <= NEAR).length, parts: regions, here: regions.find(same) ?? null,
    hidden, chords: zs.map(chord),
  };
}

// ---------------------------------------------------------------------------------------------- sentences

const folding = (n) => (n === 1 ? "unit 1" : "units 1 and 2");
const counted = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const written = (v) => (Number.isInteger(v) ? plain(v) : figure(v));
const aloud = (words) => words.replaceAll("\u00a0", " ").replaceAll("−", "minus ").replaceAll("₁", " 1").replaceAll("₂", " 2");

/** −0.420 x₁ + 1.10 x₂ + 0.310, without what is 0. */
function linear({ "slope-1": slope1, "slope-2": slope2, intercept }) {
  const terms = [[slope1, "x₁"], [slope2, "x₂"], [intercept, ""]].map(([v, name]) => [settle(v), name]).filter(([v]) => v);
  return terms.map(([v, name], i) => {
    const size = name && abs(v) === 1 ? name : `${written(abs(v))}${name && `\u00a0${name}`}`;
    return (v < 0 ? (i ? " −\u00a0" : "−") : i ? " +\u00a0" : "") + size;
  }).join("") || "0";
}

/** Which units are active, by their numbers. */
function switched({ active }) {
  const n = active.length, numbers = active.flatMap((is, i) => (is ? [i + 1] : []));
  const some = `unit${numbers.length === 1 ? "" : "s"} ${numbers.join(", ")} of ${n}`;
  const which = !numbers.length ? `no unit of ${n}` : numbers.length === n && n > 1 ? `all ${n} units` : some;
  return `Active: ${which}.`;
}

/** The linear function that the network is where the point is, and its value there. */
function locally(now) {
  const { "slope-1": slope1, "slope-2": slope2, output, hinges } = now;
  const where = hinges ? `Here, on ${hinges === 1 ? "a hinge" : `${hinges} hinges`},` : "Here";
  return `${where} the network is ${linear(now)}${slope1 || slope2 ? `, which is ${written(settle(output))} at the point` : ""}.`;
}

/** What stands in the page in words, and what a voice says. */
function say({ network, biases, x1, x2 }, now) {
  const n = now.active.length, [h1, h2 = 0] = now.z.map((v) => max(v, 0)).map(settle);
  const sentences = {
    active: switched(now),
    local: locally(now),
    regions: `${counted(now.regions, "region")} in the square; ${counted(n, "line")} can make ${now.most} in the whole plane.`,
  };
  const where = `The point is at ${plain(x1)}, ${plain(x2)}`, fold = `It comes to lie at ${written(h1)}, ${written(h2)}`;
  const spoken = Object.values({ where, ...sentences }).map((words) => aloud(words).replace(/\.$/, ""));
  return {
    written: {}, told: spoken,
    shows: { units: n, ...sentences },
    labels: {
      plane: `The square from ${aloud(`${plain(LOW)} to ${plain(HIGH)}`)}, cut by the hinges of ${counted(n, "unit")}. ${spoken.join(". ")}`,
      fold: `What becomes of the square, folded by ${folding(n)}: h 2 over h 1. ${where}. ${fold}`.replaceAll("−", "minus "),
    },
    values: { units: counted(n, "hidden unit"), biases: `biases times ${plain(biases)}`, x1: `x 1 ${aloud(plain(x1))}`, x2: `x 2 ${aloud(plain(x2))}` },
    idle: network === "xor" ? ["units"] : [],
  };
}

// ---------------------------------------------------------------------------------------------- pictures

const LINES = span(8, LOW, HIGH); // where the square's grid has its lines, both ways
const GRID = LINES.flatMap((v) => [[[v, LOW], [v, HIGH]], [[LOW, v], [HIGH, v]]]);

/** The square in which both pictures draw. */
function frame({ width, height, em, measure }) {
  const left = measure("−2", "tick") + 0.5 * em, top = 1.8 * em, side = min(width - left - 0.3 * em, height - top - 3 * em);
  return { left, right: left + side, top, bottom: top + side };
}

/** Lines and numbers of both axes at some marks, and what the axes are: each [words, class]. */
function axes(box, marks, [X, Y], across, up) {
  const { em } = box, { left, right, bottom, top } = frame(box);
  return [
    ...marks.flatMap((v) => [
      text(X(v), bottom + 1.3 * em, plain(v), "tick", "middle"), text(left - 0.4 * em, Y(v) + 0.33 * em, plain(v), "tick", "end")]),
    line(left, bottom, right, bottom, "axis"), line(left, top, left, bottom, "axis"),
    text((left + right) / 2, bottom + 2.6 * em, ...across, "middle"), text(0, 0.9 * em, ...up),
  ];
}

/** The classes of XOR, where `at` takes their points. */
const classes = (em, at) => Object.entries(CLASSES).flatMap(([name, points]) => points.map(at).map(([x, y]) => (name === "solid"
  ? `<rect class="solid" x="${x - 0.36 * em}" y="${y - 0.36 * em}" width="${0.72 * em}" height="${0.72 * em}"/>`
  : `<circle class="hollow" cx="${x}" cy="${y}" r="${0.4 * em}"/>`)));

/** Where a hinge has its arrow: the first place along it at which the arrow and its number meet nothing, or else the emptiest. */
function placed([from, to], way, box, taken) {
  const { em } = box, { left, right, top, bottom } = frame(box);
  const places = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5].map((t) => {
    const foot = along(from, to, t), [x, y] = foot.map((v, i) => v + 1.8 * em * way[i]);
    const free = min(...taken.map(([a, b]) => min(hypot(a - x, b - y), hypot(a - foot[0], b - foot[1]) + 0.4 * em)));
    const inside = min(x - left, right - x, y - top, bottom - y) > 0.7 * em;
    return { foot, word: [clamp(x, [left + 0.7 * em, right - 0.7 * em]), clamp(y, [top + 0.7 * em, bottom - 0.7 * em])], free: inside ? free : free - 4 * em };
  });
  return places.find(({ free }) => free > 1.7 * em) ?? places.reduce((best, place) => (place.free > best.free ? place : best));
}

/** The square, its regions and the hinges, each with its number on the active side. */
function drawPlane(box, { x1, x2 }, { hidden, chords, parts, here }) {
  const { width, em } = box, { left, right, top, bottom } = frame(box);
  const X = scale(LOW, HIGH, left, right), Y = scale(LOW, HIGH, bottom, top), at = ([a, b]) => [X(a), Y(b)];
  const [x, y] = at([x1, x2]), taken = [[x, y], ...Object.values(CLASSES).flat().map(at)], out = [];
  out.push(...parts.map((corners) => path(corners.map(at), corners === here ? "region here" : "region")));
  out.push(...GRID.map(([from, to]) => line(...at(from), ...at(to), "grid")));
  const title = fitting(box, width - 3 * em, "label", "x₂: where each unit is active", "x₂: the plane", "x₂");
  out.push(...axes(box, span(4, LOW, HIGH), [X, Y], ["x₁", "label"], [title, "label"]));
  const words = [];
  chords.forEach((ends, i) => {
    if (!ends) return;
    const [w1, w2] = hidden.W[i], way = [w1, -w2].map((w) => w / hypot(w1, w2)), [from, to] = ends.map(at);
    const { foot, word } = placed([from, to], way, box, taken), tip = foot.map((v, k) => v + em * way[k]), name = `unit-${i + 1}`;
    const barb = (turn) => tip.map((v, k) => v - 0.4 * em * way[k] + turn * 0.3 * em * [-way[1], way[0]][k]);
    taken.push(foot, word);
    out.push(line(...from, ...to, `hinge ${name}`), line(...foot, ...tip, `hinge way ${name}`), path([barb(1), tip, barb(-1)], `hinge way ${name}`));
    words.push(text(word[0], word[1] + 0.33 * em, i + 1, "label", "middle"));
  });
  out.push(...classes(em, at), ...words);
  out.push(`<circle class="dot f" cx="${x}" cy="${y}" r="${0.5 * em}"/><circle class="hold" cx="${x}" cy="${y}" r="${max(22, em)}"/>`);
  return out.join("");
}

/** What the first two units make of the square: their outputs over one another. */
function drawFold(box, { network, x1, x2 }, { hidden, here }) {
  const { width, em, measure } = box, { left, right, top, bottom } = frame(box), zs = rises(hidden).slice(0, 2);
  const image = (point) => [0, 1].map((i) => max(zs[i]?.(point) ?? 0, 0));
  const limit = 1.06 * max(1, ...SQUARE.flatMap(image)), low = -0.05 * limit;
  const X = scale(low, limit, left, right), Y = scale(low, limit, bottom, top), at = ([a, b]) => [X(a), Y(b)];
  const folded = (points) => points.map((point) => at(image(point)));
  /** A straight line of the square, which bends where it crosses a hinge. */
  const bent = ([from, to]) => {
    const bends = zs.map((z) => z(from) / (z(from) - z(to))).filter((t) => t > 0 && t < 1);
    return folded([0, ...bends.sort((a, b) => a - b), 1].map((t) => along(from, to, t)));
  };
  const [dot] = folded([[x1, x2]]), out = [];
  if (here) out.push(path(folded(here), "region here"));
  const title = fitting(box, width - 3 * em, "label", `h₂: the plane, folded by ${folding(zs.length)}`, "h₂: the plane, folded", "h₂");
  out.push(...axes(box, ticks(0, limit), [X, Y], ["h₁", "label f"], [title, "label slope"]));
  out.push(...GRID.map((ends) => path(bent(ends), "thin")));
  if (network === "xor") { // h₁ − 2 h₂ = ½ parts the classes
    out.push(line(...at([(1 + 4 * low) / 2, low]), ...at([limit, (limit - 0.5) / 2]), "marker"));
    const below = Y((limit - 0.5) / 2) + measure("output ½", "small") / 2 + 1.2 * em; // it falls by half of what it goes to the left
    out.push(text(right, below, "output ½", "small", "end"));
  }
  out.push(...classes(em, (point) => folded([point])[0]), `<circle class="dot f" cx="${dot[0]}" cy="${dot[1]}" r="${0.5 * em}"/>`);
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

export default {
  render: mount({
    markup: MARKUP, evaluate, say,
    pictures: { plane: drawPlane, fold: drawFold },
    drag: { picture: "plane", keys: ["x1", "x2"], steps: 20, axes(box) { const { left, right, top, bottom } = frame(box); return [[left, right], [bottom, top]]; } },
  }),
};
