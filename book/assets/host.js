// Gives anywidgets a home in a page without a kernel.
//
// Two kinds of places: <div class="course-widget" data-module data-state> in a text page, and the widget views and
// states that a notebook's build leaves in its page, each with a <div class="course-widget" data-module> after it. Both get a model
// with anywidget's interface: what a widget sets, its listeners hear; what it sends to the kernel goes nowhere.
// modules.js loads the widgets' modules.
(() => {
"use strict";

// A reader's setting stands in the page's address, as in ?saturation.activation=relu&saturation.sigma_w=1.4, and so can be kept,
// sent and gone back to. The second explorer of a chapter in a page is saturation-2.

const names = new Map(), PAUSE = 400; // milliseconds: browsers refuse an address that changes too often

/** A name for the explorer whose module this is; none for a widget of another kind. */
function named(module) {
  const chapter = /chapters\/(\w+)\/explorer\.js/.exec(module)?.[1];
  if (!chapter) return null;
  names.set(chapter, (names.get(chapter) ?? 0) + 1);
  return names.get(chapter) > 1 ? `${chapter}-${names.get(chapter)}` : chapter;
}

/** What the page's address says of an explorer. */
function addressed(name) {
  const said = [...new URLSearchParams(location.search)].filter(([key]) => name && key.startsWith(`${name}.`));
  return Object.fromEntries(said.map(([key, value]) => [key.slice(name.length + 1), value.trim() && Number.isFinite(+value) ? +value : value]));
}

/** Keep in the page's address what differs from the state with which the page came. */
function keeper(name, state, begun) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    if (name) timer = setTimeout(() => {
      const query = new URLSearchParams(location.search);
      for (const [key, value] of Object.entries(state)) {
        if (key.startsWith("_") || !["string", "number"].includes(typeof value) || Object.is(value, begun[key])) query.delete(`${name}.${key}`);
        else query.set(`${name}.${key}`, value);
      }
      try { history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`); } catch { /* a page from a folder, whose address may not change */ }
    }, PAUSE);
  };
}

/** A model over `state` that tells its listeners what changed. */
function makeModel(begun, name = null, linked = {}) {
  const state = { ...begun, ...linked }, keep = keeper(name, state, begun);
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
    save_changes: keep,
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

/** The first view of a widget, as the page's address has it; of an address that makes no sense nothing is taken. */
async function begin(widget, state, name, place) {
  const linked = addressed(name), attempt = async (more) => {
    const model = makeModel(state, name, more);
    await show(widget, model, place);
    return [widget, model];
  };
  return attempt(linked).catch((error) => {
    if (!Object.keys(linked).length) throw error;
    return attempt({});
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
    await begin(made(await course.load(module)), JSON.parse(state), named(module), place);
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
      const id = JSON.parse(view.textContent).model_id, { module } = place.dataset;
      if (states[id]?.model_module !== "anywidget" || !module) throw new Error("it needs a kernel");
      if (running.has(id)) await show(...running.get(id), place, false);
      else running.set(id, await wake(decode(states[id]), module, place));
    } catch (error) { complain(place, error); }
  }
}

const wake = async (state, module, place) => begin(made(await course.load(module)), state, named(module), place);

document.querySelectorAll(".course-widget[data-state]").forEach(showPlaced);
showStored();
})();
