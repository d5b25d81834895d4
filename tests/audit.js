// What a reader of this page could not read, in words: called in the page, for all of it or for one part.
//
// Texts are taken where they are laid out. Each must lie within the window, within every ancestor that has an edge (a border, a
// ground, a picture, a control) and within every ancestor that cuts; one that scrolls may hold more, if the keyboard reaches it.
(part) => {
  part ??= document.body;
  // What is folded and takes another place than it has there when it is opened: the menu, and the sheets of the zoo's cards.
  const FOLDED = ":is(.bd-header-article details, details.zoo-more):not([open]) > :not(summary)";
  const found = new Set(), wide = document.documentElement.clientWidth, SLACK = 1.5;
  const once = (compute) => { const known = new Map(); return (e) => { if (!known.has(e)) known.set(e, compute(e)); return known.get(e); }; };
  const style = once((e) => getComputedStyle(e)), box = once((e) => e.getBoundingClientRect());
  const name = (e) => `${e.tagName.toLowerCase()}${e.id && `#${e.id}`}${[...e.classList].map((c) => `.${c}`).join("")}`;
  const where = (e) => [e.parentElement, e].filter(Boolean).map(name).join(" > ");
  const clear = (colour) => /, 0\)$|^transparent$/.test(colour);
  const edged = once((e) => e.matches("svg, button, select, label, summary")
    || !clear(style(e).backgroundColor) || ["Left", "Right"].some((side) => parseFloat(style(e)[`border${side}Width`]) > 0));
  const scrolls = once((e) => /auto|scroll/.test(style(e).overflowX));
  const cuts = once((e) => /hidden|clip/.test(style(e).overflowX) && !(e.matches("html, body")));
  const inline = once((e) => /^inline$|^contents$/.test(style(e).display));
  const unseen = once((e) => e !== null && (style(e).visibility === "hidden" || style(e).opacity === "0" || style(e).clipPath !== "none"
    || style(e).clip !== "auto" || e.matches("script, style, option, defs, dialog:not([open])") || e.matches(FOLDED) || away(e) || unseen(e.parentElement)));
  const away = (e) => style(e).position === "fixed" && (box(e).right <= 0 || box(e).left >= wide); // a closed drawer

  if (document.scrollingElement.scrollWidth > wide) found.add(`the page is ${document.scrollingElement.scrollWidth} wide, the window ${wide}`);

  function check(parent, r, words) {
    const said = `“${words.trim().slice(0, 40)}” in ${where(parent)}`;
    for (let e = parent; e && e !== document.body; e = e.parentElement) {
      if (scrolls(e)) {
        if (e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0) found.add(`no keyboard reaches ${where(e)}, ${e.scrollWidth} wide in ${e.clientWidth}`);
        return;
      }
      if (inline(e) || (e instanceof SVGElement && e.tagName !== "svg") || !(edged(e) || cuts(e))) continue;
      const b = box(e), out = Math.max(b.left - r.left, r.right - b.right);
      if (out > SLACK) return found.add(`${said}: ${Math.round(out)} px beyond ${where(e)}`);
      if (!(cuts(e) || e.matches("svg, button"))) continue;
      const over = Math.max(b.top - r.top, r.bottom - b.bottom);
      if (over > SLACK) return found.add(`${said}: ${Math.round(over)} px above or below ${where(e)}`);
    }
    if (r.left < -SLACK || r.right > wide + SLACK) found.add(`${said}: outside of the window`);
  }

  const range = document.createRange();
  const texts = document.createTreeWalker(part, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node.nodeType === Node.TEXT_NODE ? (node.data.trim() ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT)
      : unseen(node) || node.parentElement.closest("math") ? NodeFilter.FILTER_REJECT
        : node.matches("math, select") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      range.selectNodeContents(node);
      for (const r of range.getClientRects()) if (r.width >= 1) check(node.parentElement, r, node.data);
    } else if (box(node).width) check(node.parentElement, box(node), node.getAttribute("aria-label") ?? name(node));
  }
  for (const svg of part.querySelectorAll("svg")) {
    const shown = [...svg.querySelectorAll("text")].filter((t) => t.textContent && style(t).visibility !== "hidden");
    shown.forEach((a, i) => shown.slice(0, i).forEach((b) => {
      const [p, q] = [box(a), box(b)], high = 0.3 * Math.min(p.height, q.height); // a box is higher than what is drawn in it
      if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > SLACK && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > high)
        found.add(`“${a.textContent}” lies on “${b.textContent}” in ${where(svg)}`);
    }));
  }
  return [...found];
}
