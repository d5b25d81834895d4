// The explorer: which activations of a trained network can be set to 0, and what that costs and saves.
//
//   state       network ("relu", "penalty" or "gelu"), threshold
//   quantities  `evaluate(state)` returns them by the names of the elements that show them
//
// The networks' weights and the signals are in trained.json, which trained.py wrote; all else is computed here, so it needs no
// kernel. The package's tests compare every number with torch's.

import { bind } from "../../widgets/core/activations.js";
import { fitting, line, path, scale, text, within } from "../../widgets/core/draw.js";
import { controls, mount } from "../../widgets/core/mount.js";
import { span } from "../../widgets/core/numbers.js";
import { percent, plain } from "../../widgets/core/words.js";
import { MARKUP } from "./explorer.html.js";
import { timed } from "./timing.js";
import { DATA } from "./trained.json.js";

const { abs, max } = Math;

const RANGES = controls(MARKUP).ranges;

// ---------------------------------------------------------------------------------------------- the networks

/** Numbers that trained.py has packed: bytes, and the step that they count. */
const unpacked = ({ step, bytes }) => Float64Array.from(Int8Array.from(atob(bytes), (c) => c.charCodeAt(0)), (v) => step * v);

const [COUNT, INPUTS] = DATA.x.shape, SIGNALS = unpacked(DATA.x), CLASSES = [...DATA.y].map(Number);

/** z = b + hW into an array: what is not above the threshold adds nothing, so its row of W is skipped. Marks the others as live. */
function push(h, { W, b }, threshold, z, live) {
  const units = b.length;
  z.set(b);
  for (let j = 0; j < h.length; j++) {
    const v = h[j], row = j * units;
    if (abs(v) <= threshold) continue;
    if (live) live[j] = 1;
    for (let k = 0; k < units; k++) z[k] += v * W[row + k];
  }
}

/** One network's layers and function, and its first hidden layer for every signal, which no threshold changes. */
function prepared(name) {
  const layers = DATA.networks[name].layers.map(({ W, b }) => ({ W: unpacked(W), b: unpacked(b) }));
  const { f } = bind({ activation: name === "gelu" ? "gelu" : "relu" }), units = layers[0].b.length, first = new Float64Array(COUNT * units);
  for (let n = 0; n < COUNT; n++) push(SIGNALS.subarray(n * INPUTS, (n + 1) * INPUTS), layers[0], 0, first.subarray(n * units, (n + 1) * units));
  return { layers, f, first: first.map(f) };
}

/** All signals with a threshold: how many are classified right, and of both hidden layers which unit is live for which signal. */
function run({ layers: [, second, third], f, first }, threshold) {
  const units = second.b.length, h = new Float64Array(units), outputs = new Float64Array(third.b.length);
  const live = [0, 1].map(() => new Uint8Array(COUNT * units));
  let right = 0;
  for (let n = 0; n < COUNT; n++) {
    const [from, to] = [n * units, (n + 1) * units];
    push(first.subarray(from, to), second, threshold, h, live[0].subarray(from, to));
    for (let k = 0; k < units; k++) h[k] = f(h[k]);
    push(h, third, threshold, outputs, live[1].subarray(from, to));
    if (outputs.indexOf(max(...outputs)) === CLASSES[n]) right++;
  }
  return { right, live };
}

/** For how many signals each unit of a layer is live. */
function counts(live) {
  const found = Array(live.length / COUNT).fill(0);
  for (let i = 0; i < live.length; i += found.length) for (let unit = 0; unit < found.length; unit++) found[unit] += live[i + unit];
  return found;
}

const sum = (values) => values.reduce((total, v) => total + v, 0);
const THRESHOLDS = span(16, 0, 1).map((share) => RANGES.threshold[1] * share ** 2); // closer where most values are

/** Of a network under all thresholds: share of zeros and accuracy, and each layer's units, first those that are live the longest. */
function swept(network) {
  const runs = THRESHOLDS.map((threshold) => run(network, threshold)), held = [0, 1].map((layer) => runs.map(({ live }) => counts(live[layer])));
  const total = 2 * COUNT * held[0][0].length;
  const curve = runs.map(({ right }, i) => ({ zeros: 1 - sum(held.map((of) => sum(of[i]))) / total, accuracy: right / COUNT }));
  const orders = held.map((of) => {
    const long = of[0].map((_, unit) => sum(of.map((live) => live[unit])));
    return long.map((_, unit) => unit).sort((a, b) => long[b] - long[a]);
  });
  return { curve, orders };
}

const memory = new Map();
function known(name) {
  if (!memory.has(name)) {
    const network = prepared(name);
    memory.set(name, { network, ...swept(network) });
  }
  return memory.get(name);
}

// ---------------------------------------------------------------------------------------------- quantities

/** Every number that the explorer shows, by the name of its data-quantity. */
export function evaluate({ network: name, threshold }) {
  const { network, curve, orders } = known(name), { right, live } = run(network, threshold), on = live.map(counts);
  const all = on.flat(), next = network.layers.slice(1).map(({ b }) => b.length);
  return {
    "zeros": 1 - sum(all) / (all.length * COUNT), "accuracy": right / COUNT,
    "never": all.filter((n) => n === 0).length, "always": all.filter((n) => n === COUNT).length,
    "multiplications": sum(on.map((of, layer) => sum(of) * next[layer])) / COUNT,
    most: sum(on.map((of, layer) => of.length * next[layer])), units: all.length,
    on, live, orders, begun: curve[0], curves: Object.fromEntries(Object.keys(DATA.networks).map((each) => [each, known(each).curve])),
  };
}

// ---------------------------------------------------------------------------------------------- sentences

const NAMES = { relu: "ReLU", penalty: "ReLU, penalized", gelu: "GELU" };

/** What the threshold has done. */
function change({ network, threshold }, { zeros, begun }) {
  if (threshold === 0)
    return network === "gelu" ? "Threshold 0 changes nothing: GELU’s values may be small, but none is 0."
      : "Threshold 0 changes nothing: these zeros are the network’s own.";
  const further = network === "gelu" ? "" : "a further ";
  return `Set to 0: ${further}${percent(zeros - begun.zeros)} of all activations. At threshold 0 the network has ${percent(begun.accuracy)} of signals right.`;
}

const aloud = (words) => words.replaceAll("|h|", "the size of h").replaceAll(" %", " per cent").replaceAll("< ", "below ").replaceAll("> ", "above ");

/** What stands in the page in words, and what a voice says. */
function say(state, now) {
  const { never, always, multiplications, most, units } = now, sentence = change(state, now);
  const written = {
    zeros: percent(now.zeros), accuracy: percent(now.accuracy),
    never: `${never} of ${units} units`, always: `${always} of ${units} units`, multiplications: `${Math.round(multiplications)} of ${most}`,
  };
  const told = {
    state: `${NAMES[state.network]}, threshold ${plain(state.threshold)}`,
    budget: aloud(`${written.zeros} of the activations are 0, and ${written.accuracy} of signals are classified right`),
    change: aloud(sentence).replace(/\.$/, ""),
    units: `${written.never} are 0 for every signal, ${always} for none`,
    saved: `${written.multiplications} multiplications are left`,
  };
  return {
    written, told, shows: { change: sentence },
    labels: {
      lines: `Accuracy over the share of zeros, as the threshold rises, for three networks. ${told.state}. ${told.budget}`,
      values: `Which of the units of two layers are 0, for thirty signals. ${told.state}. ${told.units}`,
    },
    values: { threshold: `threshold ${plain(state.threshold)}` },
  };
}

// ---------------------------------------------------------------------------------------------- pictures

const MARKS = { // at the beginning of each curve: its name, how far aside and below, and which end is there
  relu: ["ReLU", -0.8, 1.4, "end"], penalty: ["penalized", -0.8, -0.1, "end"], gelu: ["GELU", 0.4, -0.7, "start"],
};
const TOP = 0.7, CHANCE = 0.1; // accuracies: the highest that is drawn, and that of guessing

/** Accuracy over the share of zeros: the chosen network's curve with the present point on it, and thin those of the others. */
function drawBudget(box, { network }, { curves, zeros, accuracy }) {
  const { width, height, em, measure } = box, left = measure("70 %", "tick") + 0.6 * em, right = width - 0.8 * em, bottom = height - 3.2 * em, top = 2 * em;
  const X = scale(0, 1, left, right), Y = scale(0, TOP, bottom, top), out = [];
  for (const share of [0, 0.2, 0.4, 0.6]) {
    const y = Y(share);
    out.push(line(left, y, right, y, share ? "grid" : "axis"), text(left - 0.4 * em, y + 0.33 * em, `${Math.round(100 * share)} %`, "tick", "end"));
  }
  const steps = width > 22 * em ? 4 : 2;
  for (const share of span(steps, 0, 1)) {
    const words = `${100 * share} %`;
    out.push(line(X(share), top, X(share), bottom, "grid"), text(within(box, X(share), words, "tick"), bottom + 1.4 * em, words, "tick", "middle"));
  }
  out.push(line(left, Y(CHANCE), right, Y(CHANCE), "marker"), text(left + 0.4 * em, Y(CHANCE) - 0.4 * em, "guessing", "small"));
  const title = fitting(box, width, "tick", "share of zeros among the activations, as the threshold rises", "zeros, as the threshold rises", "share of zeros", "zeros");
  out.push(text(within(box, (left + right) / 2, title, "tick"), bottom + 2.8 * em, title, "tick", "middle"));
  out.push(text(0, 0.9 * em, fitting(box, width, "label", "signals that are classified right", "classified right", "right"), "label"));

  const draw = (name, look) => path(curves[name].map((at) => [X(at.zeros), Y(at.accuracy)]), look);
  out.push(...Object.keys(curves).filter((name) => name !== network).map((name) => draw(name, "thin")), draw(network, "f"));
  for (const [name, [words, aside, lower, anchor]] of Object.entries(MARKS)) {
    const [{ zeros: share, accuracy: height }] = curves[name];
    out.push(text(X(share) + aside * em, Y(height) + lower * em, words, name === network ? "label f" : "small", anchor));
  }
  out.push(`<circle class="dot f" cx="${X(zeros)}" cy="${Y(accuracy)}" r="${0.55 * em}"/>`);
  return out.join("");
}

const EACH = 3; // signals of every class in the picture
const SHOWN = [...new Set(CLASSES)].sort().flatMap((one) => CLASSES.flatMap((found, n) => (found === one ? [n] : [])).slice(0, EACH));

/** One layer: a column a unit, a row a signal; filled where it is live. Runs of live units are one rectangle. */
function cells(live, order, X, Y) {
  const parts = [];
  SHOWN.forEach((n, row) => {
    const lit = order.map((unit) => live[n * order.length + unit]);
    for (let from = 0; from < lit.length; from++) {
      if (!lit[from]) continue;
      const to = lit.indexOf(0, from), end = to < 0 ? lit.length : to;
      parts.push(`M${X(from)},${Y(row)}H${X(end)}V${Y(row + 1)}H${X(from)}z`);
      from = end;
    }
  });
  return parts.length ? `<path class="fall" d="${parts.join("")}"/>` : "";
}

/** Both hidden layers, for a few signals, and under each the units that are 0 for every signal. */
function drawCells(box, state, { live, orders, on }) {
  const { width, height, em } = box, tall = (height - 11 * em) / 2, left = 0.5, right = width - 0.5, out = [];
  orders.forEach((order, layer) => {
    const top = layer * (tall + 5.2 * em) + 1.5 * em, foot = top + tall, units = order.length;
    const X = scale(0, units, left, right), Y = scale(0, SHOWN.length, top, foot), never = order.filter((unit) => on[layer][unit] === 0).length;
    const title = fitting(box, width, "label", `layer ${layer + 1}: filled where a unit is not 0`, `layer ${layer + 1}`);
    out.push(text(0, top - 0.6 * em, title, "label"), cells(live[layer], order, X, Y));
    out.push(`<path class="axis" d="M${left},${top}H${right}V${foot}H${left}z"/>`);
    order.forEach((unit, place) => { if (!on[layer][unit]) out.push(line(X(place), foot + 0.55 * em, X(place + 1), foot + 0.55 * em, "limit")); });
    const share = percent(1 - sum(on[layer]) / (units * COUNT));
    const words = fitting(box, width, "small", `${share} zeros; ${never} of ${units} units are 0 for all ${COUNT} signals`, `${share} zeros; ${never} units always 0`, `${share} zeros`, share);
    out.push(text(0, foot + 2 * em, words, "small"));
  });
  const rows = `rows: ${SHOWN.length} signals, ${EACH} of each class`;
  const note = fitting(box, width, "tick", `columns: units, the last to become 0 first; ${rows}`, `columns: units, sorted; ${rows}`, "columns: units; rows: signals", "units × signals");
  out.push(text(0, height - 0.5 * em, note, "tick"));
  return out.join("");
}

// ---------------------------------------------------------------------------------------------- the widget

/** What the loop that skips zeros took, in words. */
function measured(zeros) {
  const [low, middle, high] = timed(zeros);
  if (!(low > 0 && Number.isFinite(high))) return "The clock of this browser is too coarse to tell.";
  return `In this browser, just now, with ${percent(zeros)} zeros: skipping them took ${percent(middle)} of the plain loop’s time (quartiles ${percent(low)} and ${percent(high)}).`;
}

const shown = mount({ markup: MARKUP, evaluate, say, pictures: { lines: drawBudget, values: drawCells } });

/** What every explorer does, and a button that times a layer. */
function render({ model, el }) {
  const remove = shown({ model, el }), find = (what) => el.lastElementChild.querySelector(what);
  find("[data-times]").addEventListener("click", () => {
    find("[data-timed]").textContent = measured(Number(find("[data-quantity=zeros]").dataset.value));
  });
  return remove;
}

export default { render };
