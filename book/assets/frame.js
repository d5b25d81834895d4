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
const dialog = page ? null : searchDialog();

function search() {
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
    narrow: matchMedia(narrow), folds, // on a wide page the button folds the sidebar, on a narrow one it opens it
  })).filter(({ button }) => button);

function tellStates() {
  for (const { button, box, narrow, folds } of switches)
    button.setAttribute("aria-expanded", narrow.matches ? box.checked : !(folds && box.checked));
}
const soon = () => setTimeout(tellStates); // when the theme has changed them
for (const event of ["click", "keydown", "change"]) document.addEventListener(event, soon, true);
for (const { narrow } of switches) narrow.addEventListener("change", tellStates);
tellStates();

const told = document.body.appendChild(element("p", { class: "visually-hidden", role: "status" }));
for (const button of document.querySelectorAll(".theme-switch-button")) {
  button.addEventListener("click", () => setTimeout(() => {
    told.textContent = button.querySelector(`[data-mode="${html.dataset.mode}"]`).textContent;
  }));
}

// ------------------------------------------------------------------------------- boxes that the keyboard can scroll
// What is wider than its column scrolls in a box of its own, and so does a formula in a line that is longer than any line.
// Looked at anew whenever the article is laid out anew: another width, font or size of letters, or something folded out.

const BOXES = {
  "div.math, span.math": "Formula", ".pst-scrollable-table-container": "Table",
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
  const formulas = [...article.querySelectorAll("span.math > math")];
  const wide = formulas.map((formula) => formula.getBoundingClientRect().width > column(formula.parentElement).clientWidth);
  formulas.forEach((formula, i) => formula.parentElement.classList.toggle("is-wide", wide[i]));
  for (const [boxes, name] of Object.entries(BOXES)) article.querySelectorAll(boxes).forEach((box, i) => {
    const scrolls = box.scrollWidth > box.clientWidth && /auto|scroll/.test(getComputedStyle(box).overflowX);
    if (scrolls === (box.getAttribute("role") === "region" && box.tabIndex === 0)) return; // the theme sets tab stops, too, and later
    const attributes = { tabindex: 0, role: "region", "aria-label": `${name} ${i + 1}, which scrolls sideways` };
    for (const [key, value] of Object.entries(attributes)) if (scrolls) box.setAttribute(key, value); else box.removeAttribute(key);
  });
}
async function watchBoxes() {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done, { once: true }));
  new ResizeObserver(reachBoxes).observe(article);
  article.addEventListener("toggle", reachBoxes, true);
}
if (article) watchBoxes();
})();
