// How an explorer comes to life in its place: sliders, frames, pictures, and what a voice says of them.
//
// `mount(about)` is an anywidget's `render({ model, el })`. It puts the markup into `el` and keeps the model's traits in step with
// the controls. What an explorer tells about itself:
//
//   markup     plain HTML, in which UID is one explorer's own name. [data-key] is the control of a trait, a slider with the trait's
//              range as min and max, and its default as value, or the choice of the activation, whose parameter need have no
//              control; a trait whose slider has steps of 1 is a whole number. [data-shows] takes a text, [data-quantity] a number
//              as text, in full in its data-value, [data-stop] sets traits when pressed. A .room is as large as its data-room,
//              the longest that it will hold, whatever it holds: so nothing changes its size, under any font. .letters and
//              .spoken have to be there.
//   stops      the traits that each button sets, if there are buttons
//   evaluate   of a state, the numbers on show by the names of their data-quantity, and whatever else is drawn
//   say        of a state and those numbers: `shows`, the texts by their data-shows; `written`, numbers that are written otherwise
//              than with three figures; `values`, what a voice reads at a slider; `labels`, what the pictures show; `told`, the
//              state in sentences, of which a voice reads those that have changed
//   pictures   of a box (see draw.js), the state and the numbers, the text of an SVG, by the names of their data-picture
//   drag       the picture whose pointer moves a slider, if one does: { picture, key, steps, axis }, steps to the unit; axis(box) are
//              both ends in it

import { ACTIVATIONS } from "./activations.js";
import { scale } from "./draw.js";
import { clamp } from "./numbers.js";
import { figure, plain } from "./words.js";

const CALM = 600; // milliseconds without a change, before a voice speaks

/** What the markup says of the traits: `defaults`, the value of each; `ranges`, [low, high] of the numbers; `whole`, which of these are whole. */
export function controls(markup) {
  const { content } = Object.assign(document.createElement("template"), { innerHTML: markup });
  const sliders = [...content.querySelectorAll("input[data-key][min]")];
  const of = (values) => Object.fromEntries(sliders.map((slider) => [slider.dataset.key, values(slider)]));
  const activation = content.querySelector("[data-key=activation]").textContent;
  return {
    defaults: { activation, parameter: null, ...of(({ value }) => Number(value)) },
    ranges: of(({ min, max }) => [Number(min), Number(max)]),
    whole: sliders.filter(({ step }) => step === "1").map(({ dataset }) => dataset.key),
  };
}

export const mount = ({ markup, stops, evaluate, say, pictures, drag }) => ({ model, el }) => {
  const { defaults, ranges, whole } = controls(markup), keys = Object.keys(defaults);
  const within = (key, value) => (key in ranges ? clamp(Number.isFinite(value) ? value : defaults[key], ranges[key]) : value);
  const rounded = (key, value) => (whole.includes(key) ? Math.round(value) : value);
  const read = () => Object.fromEntries(keys.map((key) => [key, rounded(key, within(key, model.get(key) ?? defaults[key]))]));
  evaluate(read()); // an unknown activation is an error before anything is drawn
  const uid = `explorer-${Math.random().toString(36).slice(2, 10)}`; // several explorers share a page
  el.insertAdjacentHTML("beforeend", markup.replaceAll("UID", uid));
  const root = el.lastElementChild;
  const find = (selector) => root.querySelector(selector);
  const each = (selector, act) => root.querySelectorAll(selector).forEach(act);
  const input = (key) => find(`[data-key="${key}"]`);
  const picture = (name) => find(`[data-picture="${name}"]`);
  const drawn = {}, lengths = new Map();
  let frame = 0, unsaved = false, timer = 0, said = "";
  input("activation").innerHTML = offered();

  function update() {
    frame = 0;
    if (unsaved) model.save_changes();
    unsaved = false;
    const state = read(), now = evaluate(state), { shows, written, values, labels, told } = say(state, now);
    follow(state, now.chosen.p, values);
    each("[data-quantity]", (node) => {
      const name = node.dataset.quantity, value = now[name] ?? state[name];
      node.dataset.value = value;
      node.textContent = written[name] ?? figure(value);
    });
    for (const [name, words] of Object.entries(shows)) show(name, words);
    each("[data-stop]", (button) => button.setAttribute("aria-pressed",
      Object.entries(stops[button.dataset.stop]).every(([key, value]) => Math.abs(value - state[key]) < 1e-9)));
    for (const name of Object.keys(pictures)) draw(name, labels[name], state, now);
    announce(Object.values(told));
  }

  /** The controls show the state. */
  function follow(state, p, values) {
    input("activation").value = state.activation;
    const { parameter } = ACTIVATIONS[state.activation], box = input("parameter"), name = parameter?.name ?? "parameter";
    if (box) box.closest(".control").style.visibility = parameter ? "visible" : "hidden"; // hidden keeps its room
    if (box && parameter) Object.assign(box, { min: parameter.low, max: parameter.high, step: (parameter.high - parameter.low) / 100 });
    show("name", name);
    for (const [key, value] of Object.entries({ ...state, parameter: p ?? 0 })) {
      if (key === "activation" || !input(key)) continue;
      input(key).value = value;
      input(key).setAttribute("aria-valuetext", values[key] ?? `${key === "parameter" ? name : key} ${plain(value)}`);
      show(key, plain(value));
    }
  }

  const show = (name, words) => each(`[data-shows="${name}"]`, (node) => { node.textContent = words; });

  function draw(name, label, state, now) {
    const svg = picture(name), box = place(svg);
    svg.setAttribute("aria-label", label);
    if (!box.width) return; // not laid out yet: the ResizeObserver will call again
    svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const drawing = pictures[name](box, state, now);
    if (drawn[name] !== drawing) svg.firstElementChild.innerHTML = drawn[name] = drawing;
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
    return { uid, width: svg.clientWidth, height: svg.clientHeight, em: parseFloat(getComputedStyle(svg).fontSize), measure };
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
    if (key === "activation") change({ activation: target.value, parameter: ACTIVATIONS[target.value].parameter?.default ?? null });
    else if (key) change({ [key]: Number(target.value) });
  });
  root.addEventListener("click", ({ target }) => {
    const stop = target.closest("[data-stop]");
    if (stop) change(stops[stop.dataset.stop]);
  });
  function pull(event) { // the marker follows the pointer
    if (event.type === "pointermove" && !event.buttons) return;
    const dragged = event.currentTarget, [left, right] = drag.axis(place(dragged)), range = ranges[drag.key];
    const at = event.clientX - dragged.getBoundingClientRect().left;
    if (at < right + 8) change({ [drag.key]: clamp(Math.round(drag.steps * scale(left, right, ...range)(at)) / drag.steps, range) });
  }
  for (const event of drag ? ["pointerdown", "pointermove"] : []) picture(drag.picture).addEventListener(event, pull);

  keys.forEach((key) => model.on(`change:${key}`, schedule));
  const resized = new ResizeObserver(() => { lengths.clear(); schedule(); });
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
