// The zoo: a point that moves along every curve, a slider for each card's parameter, and tables that sort. zoo-filter.js finds cards.
//
// The functions are the package's in JavaScript (widgets/core/activations.js); modules.js loads them.
(() => {
"use strict";

const LEFT = -4, RIGHT = 4, BOTTOM = -1.5, TOP = 3.5, SCALE = 25, STEP = 0.02, JUMP = 0.12, BEYOND = 1; // as curves.py has them

const { abs } = Math;

const column = (x) => (x - LEFT) * SCALE, row = (y) => (TOP - y) * SCALE;
const visible = (y) => Number.isFinite(y) && y > BOTTOM - BEYOND && y < TOP + BEYOND;

/** A curve as the d of an SVG path, a piece for each stretch without a jump. */
function path(f) {
  let d = "", before = NaN;
  for (let i = 0; i <= Math.round((RIGHT - LEFT) / STEP); i++) {
    const x = LEFT + i * STEP, y = f(x);
    if (visible(y)) d += `${visible(before) && abs(y - before) <= JUMP ? "L" : "M"}${column(x).toFixed(1)} ${row(y).toFixed(2)}`;
    before = y;
  }
  return d;
}

/** A number with two decimals and a true minus. */
const figure = (value) =>
  !Number.isFinite(value) ? "–" : (abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

/** A picture of one activation: a point on each curve, and both numbers under it. It draws when it is in view. */
function animate(place, activation) {
  const svg = place.querySelector("svg"), reading = place.querySelector(".zoo-reading"), card = place.closest(".zoo-card");
  let p = activation.parameter?.default, at = 1, points = null, seen = false, stale = true;
  const point = (which) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    made.setAttribute("class", `curves-point-${which}`);
    made.setAttribute("r", 4);
    return svg.appendChild(made);
  };
  const show = () => {
    stale = !seen;
    if (stale) return;
    points ??= ["value", "slope"].map(point);
    const numbers = [activation.f(at, p), activation.slope(at, p)];
    numbers.forEach((y, i) => {
      points[i].setAttribute("cx", column(at));
      points[i].setAttribute("cy", visible(y) ? row(y) : -99);
    });
    reading.textContent = (open(card) ? `x = ${figure(at)}: ` : "") + numbers.map(figure).join(" · ");
  };
  svg.addEventListener("pointermove", ({ clientX }) => { // an open card's picture follows the pointer
    if (!open(card)) return;
    const { left, width } = svg.getBoundingClientRect();
    at = Math.round((LEFT + (RIGHT - LEFT) * (clientX - left) / width) / 0.05) * 0.05;
    show();
  });
  return {
    show,
    move(x) { at = x; show(); },
    look(inView) { seen = inView; if (seen && stale) show(); },
    bind(value) {
      p = value;
      svg.querySelector(".curves-value").setAttribute("d", path((x) => activation.f(x, p)));
      svg.querySelector(".curves-slope").setAttribute("d", path((x) => activation.slope(x, p)));
      svg.querySelectorAll(".curves-name-value, .curves-name-slope").forEach((name) => name.remove()); // they stay behind
      show();
    },
  };
}

const open = (card) => card.querySelector(".zoo-more").open;

/** A slider with its name and its number, in the room that the page has left for it. */
function slider(room, id, name, [low, high, step], value, change) {
  Object.assign(room, { className: "zoo-slider", inert: false, ariaHidden: null });
  room.innerHTML = `<label for="${id}">${name} = <output for="${id}"></output></label>` +
    `<input type="range" id="${id}" min="${low}" max="${high}" step="${step}" value="${value}">`;
  const [input, output] = ["input", "output"].map((part) => room.querySelector(part));
  output.textContent = figure(value);
  input.addEventListener("input", () => { output.textContent = figure(+input.value); change(+input.value); });
}

/** What an open card has besides: its parameter's slider, and letters in the picture that keep their size. */
function furnish(card, name, { parameter }, picture, resized) {
  const room = card.querySelector(".zoo-room");
  resized.observe(card.querySelector(".curves"));
  if (!room) return;
  const { low, high } = parameter;
  slider(room, `zoo-${name}-parameter`, parameter.name, [low, high, (high - low) / 200], parameter.default, picture.bind);
}

async function start(zoo) {
  const { ACTIVATIONS, VIEWS } = await course.load(zoo.dataset.module), known = { ...ACTIVATIONS, ...VIEWS };
  const pictures = new Map([...zoo.querySelectorAll(".zoo-picture")].filter(({ dataset }) => known[dataset.name]).map((place) => [place, animate(place, known[place.dataset.name])]));
  const watched = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) pictures.get(target).look(isIntersecting);
  }, { rootMargin: "300px" });
  const resized = new ResizeObserver((entries) => entries.forEach(({ target, contentRect }) =>
    target.style.setProperty("--unit", (RIGHT - LEFT) * SCALE / contentRect.width)));
  for (const [place, picture] of pictures) {
    const card = place.closest(".zoo-card"), { name } = place.dataset, prepare = () => furnish(card, name, known[name], picture, resized);
    watched.observe(place);
    card.querySelector(".zoo-more").addEventListener("toggle", () => picture.show());
    if (open(card)) prepare();
    else card.querySelector(".zoo-more").addEventListener("toggle", prepare, { once: true });
  }
  slider(zoo.querySelector(".zoo-bar > .zoo-room"), "zoo-x", "x", [LEFT, RIGHT, 0.05], 1, (x) => pictures.forEach((picture) => picture.move(x)));
}

/** Sorts a table by a column when its heading is pressed; a second press turns the order round. */
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const key = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent.trim().toLowerCase();
  const compare = (a, b) => {
    const [x, y] = [a, b].map((text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : +text));
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x === y ? 0 : x - y;
  };
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => compare(key(a, i), key(b, i)));
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}

for (const table of document.querySelectorAll("table.sortable")) sortable(table);
for (const zoo of document.querySelectorAll(".zoo")) {
  start(zoo).catch((error) => console.error(error)); // the pictures stand as they are
}
})();
