// Gives anywidgets a home in a page without a kernel.
//
// Two kinds of places: <div class="course-widget" data-module data-state> in a text page, and the widget views and
// states that a notebook's build leaves in its page, each with a <div class="course-widget"> after it; there data-module is
// the address of a module of ours, and any other widget's is in its state. Both get a model
// with anywidget's interface: what a widget sets, its listeners hear; what it sends to the kernel goes nowhere.
// modules.js loads the widgets' modules.
(() => {
"use strict";

/** A model over `state` that tells its listeners what changed. */
function makeModel(state) {
  const listeners = new Map();
  const emit = (event, ...details) => [...(listeners.get(event) ?? [])].forEach((hear) => hear(...details));
  const model = {
    get: (name) => state[name],
    set(name, value) {
      const changed = Object.entries(typeof name === "object" ? name : { [name]: value })
        .filter(([key, next]) => !Object.is(state[key], next));
      for (const [key, next] of changed) state[key] = next;
      for (const [key, next] of changed) emit(`change:${key}`, model, next);
      if (changed.length) emit("change", model);
    },
    on(events, hear) {
      for (const event of events.split(/\s+/)) listeners.set(event, [...(listeners.get(event) ?? []), hear]);
    },
    off(events, hear) {
      for (const event of events?.split(/\s+/) ?? [...listeners.keys()])
        listeners.set(event, hear ? (listeners.get(event) ?? []).filter((other) => other !== hear) : []);
    },
    save_changes() {},
    send() {},
  };
  return model;
}

/** Put a stored widget's binary buffers back into its state, as DataViews. */
function decode({ state, buffers = [] }) {
  for (const { path, data } of buffers) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const holder = path.slice(0, -1).reduce((inner, key) => inner[key], state);
    holder[path.at(-1)] = new DataView(bytes.buffer);
  }
  return state;
}

/** The widget that a module exports; its default export may be a function that makes it. */
const made = ({ default: widget }) => (typeof widget === "function" ? widget() : widget);

/** Initialise and draw a widget into `place`; what it hands back is called when the page goes away. */
async function show(widget, model, place, initialise = true) {
  const gone = new AbortController(), about = { model, signal: gone.signal };
  const cleanups = initialise ? [await widget.initialize?.(about)] : [];
  const el = document.createElement("div");
  cleanups.push(await widget.render({ ...about, el }));
  place.replaceChildren(el);
  addEventListener("pagehide", ({ persisted }) => {
    if (persisted) return;
    gone.abort();
    for (const cleanup of cleanups) cleanup?.();
  });
}

/** Say in one sentence, where the widget would be, why it is not there. */
function complain(place, error) {
  place.querySelector(".course-widget-room")?.remove();
  const sentence = document.createElement("p");
  sentence.className = "course-widget-error";
  sentence.setAttribute("role", "alert");
  sentence.textContent = `This interactive part could not start (${error?.message ?? error}).`;
  place.append(sentence);
  console.error(error);
}

async function showPlaced(place) {
  const { module, state } = place.dataset;
  try {
    await show(made(await course.load(module)), makeModel(JSON.parse(state)), place);
  } catch (error) { complain(place, error); }
}

const stored = (what) => [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${what}+json"]`)];

/** Views of one model share it, as they do with a kernel. */
async function showStored() {
  const states = Object.assign({}, ...stored("state").map((script) => JSON.parse(script.textContent).state));
  const running = new Map();
  for (const view of stored("view")) {
    const place = view.nextElementSibling;
    try {
      const id = JSON.parse(view.textContent).model_id, seen = running.has(id);
      if (states[id]?.model_module !== "anywidget") throw new Error("it needs a kernel");
      if (!seen) running.set(id, await wake(decode(states[id]), place.dataset.module));
      await show(...running.get(id), place, !seen);
    } catch (error) { complain(place, error); }
  }
}

async function wake(state, module) {
  if (module) return [made(await course.load(module)), makeModel(state)];
  if (state._css) document.head.append(Object.assign(document.createElement("style"), { textContent: state._css }));
  return [made(await course.loadText(state._esm)), makeModel(state)];
}

document.querySelectorAll(".course-widget[data-state]").forEach(showPlaced);
showStored();
})();
