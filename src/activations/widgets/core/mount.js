// How an explorer comes to life in its place: sliders, frames, pictures, and what a voice says of them.
//
// `mount(about)` is an anywidget's `render({ model, el })`. It puts the markup into `el` and keeps the model's traits in step with
// the controls. What an explorer tells about itself:
//
//   markup     plain HTML, in which UID is one explorer's own name. [data-key] is the control of a trait: a slider, with the trait's
//              range as min and max, and its default as value; or a choice, which begins at its selected option, or else its first.
//              Where a slider has data-log, its place is the decimal logarithm of the trait, in steps of that.
//              A trait whose slider has steps of 1, or whose options' values are all whole numbers, is one. The activation's
//              choice, where its option has no value, is filled with all there are, and its parameter need have no control.
//              [data-shows] takes a text, [data-quantity] a number as text, in full in its data-value,
//              [data-stop] sets traits when pressed. A .room is as large as its data-room, the longest that it will hold, whatever
//              it holds: so nothing changes its size, under any font. .letters and .spoken have to be there.
//   stops      the traits that each button sets, if there are buttons
//   evaluate   of a state, the numbers on show by the names of their data-quantity, and whatever else is drawn
//   say        of a state and those numbers: `shows`, the texts by their data-shows; `written`, numbers that are written otherwise
//              than with three figures; `values`, what a voice reads at a slider; `labels`, what the pictures show; `told`, the
//              state in sentences, of which a voice reads those that have changed; `idle`, the sliders that do nothing in this
//              state, if there are any
//   pictures   of a box (see draw.js), the state and the numbers, the text of an SVG, by the names of their data-picture
//   drag       the picture whose pointer moves sliders, if one does: { picture, keys, steps, axes }: the slider that follows it across,
//              and the one that follows it up, if one does; steps to the unit; axes(box) are both ends of each in it. Where the
//              picture takes the focus, the arrow keys move them by a step

import { ACTIVATIONS } from "./activations.js";
import { put } from "./draw.js";
import { clamp } from "./numbers.js";
import { figure, plain } from "./words.js";

const CALM = 600; // milliseconds without a change, before a voice speaks
const DIGITS = 3; // significant ones, of what a slider with a logarithmic scale is moved to
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }; // which of drag.keys, and which way

/**
 * What the markup says of the traits: `defaults`, the value of each; `ranges`, [low, high] of the numbers; `whole`, which of these
 * are whole; `options`, the values of each choice that is not filled with all activations.
 */
export function controls(markup) {
  const { content } = Object.assign(document.createElement("template"), { innerHTML: markup });
  const sliders = [...content.querySelectorAll("input[data-key][min]")];
  const choices = [...content.querySelectorAll("select[data-key]")];
  const of = (inputs, values) => Object.fromEntries(inputs.map((input) => [input.dataset.key, values(input)]));
  const closed = choices.filter(({ options }) => options[0].hasAttribute("value")), free = closed.length < choices.length;
  const numeric = ({ options }) => [...options].every(({ value }) => /^\d+$/.test(value));
  const read = (choice, value) => (numeric(choice) ? Number(value) : value);
  const begun = of(choices, (choice) => read(choice, choice.value));
  return {
    defaults: { ...begun, ...(free && { parameter: null }), ...of(sliders, ({ value }) => Number(value)) },
    ranges: of(sliders, ({ min, max }) => [Number(min), Number(max)]),
    options: of(closed, (choice) => [...choice.options].map(({ value }) => read(choice, value))),
    whole: sliders.filter(({ step }) => step === "1").map(({ dataset }) => dataset.key),
  };
}

/** A node gets a text or an attribute where it has another: what stays the same need not be laid out and painted anew. */
const write = (node, words) => { if (node.textContent !== words) node.textContent = words; };
const mark = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };
const set = (control, name, value) => { if (control[name] !== String(value)) control[name] = value; };

/** Where a slider stands for a value, and the value for which it stands. */
const standing = ({ dataset }, value) => ("log" in dataset ? Math.log10(value) : value);
const meant = ({ dataset, value }) => ("log" in dataset ? Number((10 ** value).toPrecision(DIGITS)) : Number(value));

export const mount = ({ markup, stops, evaluate, say, pictures, drag }) => ({ model, el }) => {
  const { defaults, ranges, whole, options } = controls(markup), keys = Object.keys(defaults);
  const within = (key, value) => (key in ranges ? clamp(Number.isFinite(value) ? value : defaults[key], ranges[key]) : value);
  const rounded = (key, value) => (whole.includes(key) ? Math.round(value) : value);
  function value(key) {
    const told = model.get(key) ?? defaults[key];
    if (key in options && !options[key].includes(told)) throw new Error(`${key} must be one of ${options[key].join(", ")}; got ${told}`);
    return rounded(key, within(key, told));
  }
  const read = () => Object.fromEntries(keys.map((key) => [key, value(key)]));
  evaluate(read()); // an unknown activation is an error before anything is drawn
  const uid = `explorer-${Math.random().toString(36).slice(2, 10)}`; // several explorers share a page
  el.insertAdjacentHTML("beforeend", markup.replaceAll("UID", uid));
  const root = el.lastElementChild;
  const found = {}; // nothing is added later but what pictures are made of
  const each = (selector, act) => (found[selector] ??= [...root.querySelectorAll(selector)]).forEach(act);
  const find = (selector) => (found[selector] ??= [...root.querySelectorAll(selector)])[0];
  const input = (key) => find(`[data-key="${key}"]`);
  const picture = (name) => find(`[data-picture="${name}"]`);
  const drawn = {}, boxes = {}, lengths = new Map();
  each("[data-log]", (slider) => Object.assign(slider, { min: standing(slider, slider.min), max: standing(slider, slider.max) }));
  let frame = 0, unsaved = false, timer = 0, said = "";
  if ("parameter" in defaults) input("activation").innerHTML = offered();

  function update() {
    frame = 0;
    if (unsaved) model.save_changes();
    unsaved = false;
    const state = read(), now = evaluate(state), { shows, written, values, labels, told, idle = [] } = say(state, now);
    const drawings = drawingsOf(state, now); // before the page changes, which would be laid out anew for each length of a text
    follow(state, values);
    if ("parameter" in state) followParameter(state, now.chosen.p, values);
    each("input", (slider) => { slider.disabled = idle.includes(slider.dataset.key); });
    each("[data-quantity]", (node) => {
      const name = node.dataset.quantity, value = now[name] ?? state[name];
      mark(node, "data-value", String(value));
      write(node, written[name] ?? figure(value));
    });
    for (const [name, words] of Object.entries(shows)) show(name, words);
    each("[data-stop]", (button) => mark(button, "aria-pressed",
      String(Object.entries(stops[button.dataset.stop]).every(([key, value]) => Math.abs(value - state[key]) < 1e-9))));
    for (const [name, drawing] of drawings) {
      mark(picture(name), "aria-label", labels[name]);
      if (drawing !== null) drawn[name] = put(picture(name).firstElementChild, drawing, drawn[name]);
    }
    announce(Object.values(told));
  }

  /** The controls show the state; that of the parameter shows what it is for this activation. */
  function follow(state, values) {
    for (const key of keys.filter((key) => key !== "parameter")) {
      set(input(key), "value", standing(input(key), state[key]));
      if (key in ranges) tell(key, key, state[key], values);
    }
  }
  function followParameter({ activation }, p, values) {
    const { parameter } = ACTIVATIONS[activation], box = input("parameter"), name = parameter?.name ?? "parameter";
    if (!box) return;
    box.closest(".control").style.visibility = parameter ? "visible" : "hidden"; // hidden keeps its room
    const scale = parameter ? { min: parameter.low, max: parameter.high, step: (parameter.high - parameter.low) / 100 } : {};
    for (const [part, value] of Object.entries({ ...scale, value: p ?? 0 })) set(box, part, value);
    show("name", name);
    tell("parameter", name, p ?? 0, values);
  }
  function tell(key, name, value, values) {
    mark(input(key), "aria-valuetext", values[key] ?? `${name} ${plain(value)}`);
    show(key, plain(value));
  }

  const show = (name, words) => each(`[data-shows="${name}"]`, (node) => write(node, words));

  /** The text of each picture, null where it is not laid out yet: the ResizeObserver will call again. */
  const drawingsOf = (state, now) => Object.entries(pictures).map(([name, draw]) => [name, boxOf(name).width ? draw(boxOf(name), state, now) : null]);
  const boxOf = (name) => (boxes[name] ??= place(picture(name)));

  /** What a picture has to know of its place, as long as nothing changes its size. */
  function place(svg) {
    const [, probe] = svg.children, { clientWidth: width, clientHeight: height } = svg;
    mark(svg, "viewBox", `0 0 ${width} ${height}`);
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
    return { uid, width, height, em: parseFloat(getComputedStyle(svg).fontSize), measure };
  }

  /** Says what changed, once the reader has paused; nothing at first. */
  function announce(parts) {
    const before = said;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (before) find(".spoken").textContent = parts.filter((part) => !before.includes(part)).join(". ");
      said = parts;
    }, before ? CALM : 0);
  }

  const schedule = () => { frame ||= requestAnimationFrame(update); };
  function change(values) {
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    unsaved = true;
    schedule();
  }

  root.addEventListener("input", ({ target }) => {
    const key = target.dataset.key;
    if (key === "activation" && "parameter" in defaults) change({ activation: target.value, parameter: ACTIVATIONS[target.value].parameter?.default ?? null });
    else if (key) change({ [key]: key in options ? options[key].find((option) => String(option) === target.value) : meant(target) });
  });
  root.addEventListener("click", ({ target }) => {
    const stop = target.closest("[data-stop]");
    if (stop) change(stops[stop.dataset.stop]);
  });
  const settled = (key, value) => clamp(Math.round(drag.steps * value) / drag.steps, ranges[key]);
  const between = ([from, to], [low, high], at) => low + (high - low) * (at - from) / (to - from);
  function pull(event) { // the marker follows the pointer
    if (event.type === "pointermove" && !event.buttons) return;
    const dragged = event.currentTarget, axes = drag.axes(boxOf(drag.picture)), { left, top } = dragged.getBoundingClientRect();
    const at = [event.clientX - left, event.clientY - top];
    if (at[0] > axes[0][1] + 8) return;
    change(Object.fromEntries(drag.keys.map((key, i) => [key, settled(key, between(axes[i], ranges[key], at[i]))])));
  }
  function nudge(event) {
    const [i, way] = ARROWS[event.key] ?? [], key = drag.keys[i];
    if (!key) return;
    event.preventDefault(); // the page would scroll
    change({ [key]: settled(key, value(key) + way / drag.steps) });
  }
  for (const event of drag ? ["pointerdown", "pointermove"] : []) picture(drag.picture).addEventListener(event, pull);
  if (drag) picture(drag.picture).addEventListener("keydown", nudge);

  keys.forEach((key) => model.on(`change:${key}`, schedule));
  const resized = new ResizeObserver(() => {
    lengths.clear();
    for (const name of Object.keys(boxes)) delete boxes[name];
    schedule();
  });
  resized.observe(root);
  resized.observe(find(".letters")); // whose width tells of another font, size or spacing
  update();
  return () => {
    keys.forEach((key) => model.off(`change:${key}`, schedule));
    resized.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    root.remove();
  };
};

/** The choice of activations, in their families. */
function offered() {
  let before;
  return Object.entries(ACTIVATIONS).map(([name, { family }]) => {
    const head = family === before ? "" : `</optgroup><optgroup label="${family}">`;
    before = family;
    return `${head}<option>${name}</option>`;
  }).join("");
}
