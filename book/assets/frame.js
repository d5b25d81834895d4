// The frame of a page: the search as a dialogue, states that can be heard, boxes that the keyboard can scroll, and paper.
//
// It runs before the theme's own scripts, which it leaves to do what is not done here.
(() => {
"use strict";

const html = document.documentElement;
const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
};

// ------------------------------------------------------------------------------------------------------- paper
// Only a script makes a page dark, so a script makes it light for paper.

const paper = matchMedia("print"), night = matchMedia("(prefers-color-scheme: dark)");

function print(onPaper) {
  const { mode } = html.dataset;
  html.dataset.theme = onPaper ? "light" : mode === "light" || mode === "dark" ? mode : night.matches ? "dark" : "light";
  if (onPaper) for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
}
paper.addEventListener("change", () => print(paper.matches));
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
for (const button of document.querySelectorAll(".btn-download-pdf-button")) button.addEventListener("click", () => window.print());

// ------------------------------------------------------------------------------------------------------ search

const page = document.querySelector(".bd-search-container form.bd-search"); // on the search page alone

/** The theme's overlay as a dialogue, which takes the focus, gives it back and closes with Escape. */
function searchDialog() {
  const overlay = document.querySelector(".search-button__wrapper"), form = overlay.querySelector("form");
  const close = element("button", { type: "button", class: "btn" }, "Close");
  const dialog = element("dialog", { class: "search-dialog", "aria-label": "Search the book" }, form, close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // beside it
  overlay.replaceWith(dialog);
  return dialog;
}
if (page) document.querySelector(".search-button__wrapper").remove();
let dialog = null; // until somebody searches, since a change at the top of the page has the style of all of it computed again

function search() {
  if (!page) dialog ??= searchDialog();
  if (dialog?.open) return dialog.close();
  dialog?.showModal();
  const field = (page ?? dialog).querySelector("input");
  field.focus();
  field.select();
}
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || event.ctrlKey === event.metaKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  search();
}, true);
document.addEventListener("click", (event) => {
  if (!event.target.closest(".search-button__button")) return;
  event.stopImmediatePropagation();
  search();
}, true);

// -------------------------------------------------------------------------------------- states that can be heard

const switches = [["primary", "(max-width: 959.98px)", true], ["secondary", "(max-width: 1199.98px)", false]]
  .map(([which, narrow, folds]) => ({
    button: document.querySelector(`.${which}-toggle`),
    box: document.getElementById(`pst-${which}-sidebar-checkbox`),
    bar: document.querySelector(`.bd-sidebar-${which}`),
    narrow: matchMedia(narrow), folds, // on a wide page the button folds the sidebar, on a narrow one it opens it
    asleep: null, // what cannot be reached while the sidebar is open as a dialogue
  })).filter(({ button, bar }) => button && bar);

/** All that stands beside an element or beside what it stands in, but for what is pressed to close it. */
function* besides(element) {
  for (let inner = element; inner !== document.body; inner = inner.parentElement)
    for (const other of inner.parentElement.children) if (other !== inner && !other.inert && !other.matches("script, .overlay, [role=status]")) yield other;
}

/** On a narrow page an open sidebar is a dialogue: nothing else takes the focus, and one of its own buttons closes it. */
function tellDrawer(drawer, open) {
  const { bar, button, asleep } = drawer;
  if (open === Boolean(asleep)) return;
  drawer.asleep = open ? [...besides(bar)] : null;
  for (const other of asleep ?? drawer.asleep) other.inert = open;
  const dialogue = { role: "dialog", "aria-modal": "true", "aria-label": button.getAttribute("aria-label") };
  for (const [key, value] of Object.entries(dialogue)) if (open) bar.setAttribute(key, value); else bar.removeAttribute(key);
}

function tellStates() {
  for (const drawer of switches) {
    const { button, box, narrow, folds } = drawer;
    tellDrawer(drawer, narrow.matches && box.checked);
    button.setAttribute("aria-expanded", narrow.matches ? box.checked : !(folds && box.checked));
  }
}

function close({ box, button }, back) {
  box.checked = false;
  tellStates();
  if (back) button.focus();
}
for (const drawer of switches) {
  const leave = element("button", { type: "button", class: "btn drawer-close" }, "Close");
  drawer.bar.prepend(leave);
  leave.addEventListener("click", () => close(drawer, true));
  drawer.bar.addEventListener("click", ({ target }) => drawer.asleep && target.closest("a[href^='#'], .search-button__button") && close(drawer, false), true);
}
addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && switches.find(({ asleep }) => asleep);
  if (!open) return;
  event.stopImmediatePropagation();
  close(open, true);
}, true);
document.addEventListener("change", tellStates, true); // at once: the theme gives the focus back
const soon = () => setTimeout(tellStates); // when the theme has changed them
for (const event of ["click", "keydown"]) document.addEventListener(event, soon, true);
for (const { narrow } of switches) narrow.addEventListener("change", tellStates);
tellStates();

const told = document.body.appendChild(element("p", { class: "visually-hidden", role: "status" }));
for (const button of document.querySelectorAll(".theme-switch-button")) {
  button.addEventListener("click", () => setTimeout(() => {
    told.textContent = button.querySelector(`[data-mode="${html.dataset.mode}"]`).textContent;
  }));
}
document.addEventListener("click", ({ target }) => {
  if (!target.closest(".copybtn")) return;
  told.textContent = "";
  setTimeout(() => { told.textContent = "Copied"; }, 100); // a text that stays the same is not read again
});

// ------------------------------------------------------------------------------------- menus, and where the reader is

const menus = [...document.querySelectorAll(".bd-header-article details.dropdown")];
document.addEventListener("click", ({ target }) => { for (const menu of menus) if (!menu.contains(target)) menu.open = false; });
for (const menu of menus) menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

const entries = [...document.querySelectorAll(".bd-toc-nav li:has(> a[href^='#'])")].map((entry) => {
  const link = entry.querySelector("a");
  return { entry, link, part: document.getElementById(decodeURIComponent(link.hash.slice(1))) };
}).filter(({ part }) => part);

/** Mark in the contents of the page the part that stands in the upper part of the window, or at the end of the page the last. */
function markPart() {
  const end = scrollY > 0 && scrollY + innerHeight >= html.scrollHeight - 2;
  const here = end ? entries.at(-1) : entries.findLast(({ part }) => part.getBoundingClientRect().top < 0.4 * innerHeight);
  for (const { entry, link } of entries) {
    entry.classList.toggle("active", Boolean(here && entry.contains(here.link)));
    link.classList.toggle("active", link === here?.link);
    if (link === here?.link) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  }
}
let marking = 0;
const mark = () => { marking ||= requestAnimationFrame(() => { marking = 0; markPart(); }); };
if (entries.length) for (const event of ["scroll", "resize", "load"]) addEventListener(event, mark, { passive: true });

// ------------------------------------------------------------------------------- boxes that the keyboard can scroll
// What is wider than its column scrolls in a box of its own, and so does a formula in a line that is longer than any line.
// Looked at anew whenever the article is laid out anew: another width, font or size of letters, or something folded out.

const BOXES = {
  "div.math, span.math": "Formula", ".pst-scrollable-table-container, .wide-table": "Table",
  ".cell_output, .cell_output .output": "Output", ".highlight pre": "Code",
};
const article = document.querySelector(".bd-article");

/** The column that a formula's line stands in. */
function column(formula) {
  let block = formula.parentElement;
  while (getComputedStyle(block).display === "inline") block = block.parentElement;
  return block;
}

function reachBoxes() {
  // What is folded would be laid out to be measured; it is looked at when it is folded out.
  const shown = (what) => [...article.querySelectorAll(what)].map((box, i) => [box, i]).filter(([box]) => box.checkVisibility());
  const formulas = shown("span.math > math").map(([formula]) => formula);
  const wide = formulas.map((formula) => formula.getBoundingClientRect().width > column(formula.parentElement).clientWidth);
  formulas.forEach((formula, i) => formula.parentElement.classList.toggle("is-wide", wide[i]));
  const tables = shown(".pst-scrollable-table-container, .wide-table").map(([table]) => table), whole = tables.map((box) => box.scrollWidth <= box.clientWidth);
  tables.forEach((box, i) => box.classList.toggle("is-whole", whole[i])); // its head can stay below the page's
  const boxes = Object.entries(BOXES).flatMap(([kind, name]) => shown(kind).map(([box, i]) => {
    const sideways = box.scrollWidth > box.clientWidth;
    return { box, name: `${name} ${i + 1}`, sideways, scrolls: (sideways || box.scrollHeight > box.clientHeight + 1) && /auto|scroll/.test(getComputedStyle(box).overflowX) };
  }));
  for (const { box, name, sideways, scrolls } of boxes) {
    if (scrolls === (box.getAttribute("role") === "region" && box.tabIndex === 0)) continue;
    box.dataset.named ??= box.getAttribute("aria-label") ?? ""; // a table may have a name of its own
    const attributes = { tabindex: 0, role: "region", "aria-label": `${box.dataset.named || name}, which scrolls${sideways ? " sideways" : ""}` };
    for (const [key, value] of Object.entries(attributes)) if (scrolls) box.setAttribute(key, value); else box.removeAttribute(key);
  }
}
async function watchBoxes() {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done, { once: true }));
  let waiting = 0;
  const look = () => { waiting ||= requestAnimationFrame(() => { waiting = 0; reachBoxes(); }); };
  new ResizeObserver(look).observe(article);
  article.addEventListener("toggle", look, true);
}
if (article) watchBoxes();
})();
