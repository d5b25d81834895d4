// What is wider than its column scrolls in a box of its own, and so does a formula in a line that is longer than any line. While
// a box scrolls, the keyboard can reach it. Looked at anew whenever the page's text is laid out anew: another width, font or size.
const BOXES = "div.math, span.math, .pst-scrollable-table-container, .cell_output, .cell_output .output, .highlight pre";
const article = document.querySelector(".bd-article");
const reached = new WeakSet(); // those that are in the keyboard's way because of us

/** The column that a formula's line stands in. */
function column(formula) {
  let block = formula.parentElement;
  while (getComputedStyle(block).display === "inline") block = block.parentElement;
  return block;
}

function look() {
  const formulas = [...article.querySelectorAll("span.math > mjx-container")];
  const wide = formulas.map((formula) => formula.offsetWidth > column(formula.parentElement).clientWidth);
  formulas.forEach((formula, i) => formula.parentElement.classList.toggle("is-wide", wide[i]));
  const boxes = [...article.querySelectorAll(BOXES)];
  const scrolls = boxes.map((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible");
  boxes.forEach((box, i) => {
    if (scrolls[i] && box.tabIndex < 0) { box.tabIndex = 0; reached.add(box); }
    else if (!scrolls[i] && reached.delete(box)) box.removeAttribute("tabindex");
  });
}

new ResizeObserver(look).observe(article);
