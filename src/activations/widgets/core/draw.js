// Pictures as the text of an SVG: lines, words, axes, curves.

import { clamp, span } from "./numbers.js";

const { max } = Math;

export const line = (x1, y1, x2, y2, name) => `<line class="${name}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
export const text = (x, y, words, name = "", anchor = "start") => `<text class="${name}" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
export const scale = (from, to, a, b) => (v) => Math.round(10 * (a + (v - from) / (to - from) * (b - a))) / 10;
export const path = (points, name) => `<path class="${name}" d="M${points.map((p) => p.join()).join("L")}"/>`;

/** Tick marks at round steps, three to six of them. */
export function ticks(low, high) {
  const step = [0.25, 0.5, 1, 2, 4, 5, 10, 20].find((s) => (high - low) / s <= 5) ?? 50;
  return span(Math.floor(high / step) - Math.ceil(low / step), Math.ceil(low / step) * step, Math.floor(high / step) * step);
}

/** A curve in pieces, so that a jump stays a jump. */
export function curve(g, kinks, [low, high], X, Y, name) {
  const ends = [low, ...kinks.filter((k) => k > low && k < high), high];
  return ends.slice(1).map((to, i) => {
    const from = ends[i], nudge = (to - from) * 1e-9;
    return path(span(ends.length > 2 ? 60 : 240, from + nudge, to - nudge).map((x) => [X(x), Y(g(x))]), name);
  }).join("");
}

const ELEMENT = /<(\w+)[^>]*?(?:\/>|>.*?<\/\1>)\s*/gs, PARTS = /^<(\w+)([^>&]*?)\/?>(?:([^<&]*)<\/\w+>)?\s*$/, ATTRIBUTE = /([\w-]+)="([^"]*)"/g;

/**
 * Puts a picture's text into its place and returns it as `put` takes it next time: a list of its elements, in which those that are
 * as they were before stay, and of the others the attributes that differ are changed.
 */
export function put(place, drawing, before) {
  const elements = drawing.match(ELEMENT) ?? [];
  if (elements.join("") !== drawing) { // elements of one kind within one another, which the pattern does not tell apart
    place.innerHTML = drawing;
    return null;
  }
  if (!before) {
    place.innerHTML = drawing;
    return elements;
  }
  const nodes = [...place.children], [n, m] = [elements.length, before.length];
  let after = 0; // so many stay at the end
  while (after < Math.min(n, m) && elements[n - 1 - after] === before[m - 1 - after]) after += 1;
  const both = Math.min(n, m) - after;
  for (let i = 0; i < both; i++) if (elements[i] !== before[i]) amend(nodes[i], before[i], elements[i]);
  for (const node of nodes.slice(both, m - after)) node.remove();
  const more = elements.slice(both, n - after).join("");
  if (more && after) nodes[m - after].insertAdjacentHTML("beforebegin", more);
  else if (more) place.insertAdjacentHTML("beforeend", more);
  return elements;
}

/** Makes of an element another one. */
function amend(node, before, after) {
  const [was, is] = [before, after].map((element) => PARTS.exec(element));
  const [old, now] = [was, is].map((parts) => [...(parts?.[2].matchAll(ATTRIBUTE) ?? [])]);
  if (!was || !is || was[1] !== is[1] || old.length !== now.length || !old.every(([, name], i) => name === now[i][1])) {
    node.outerHTML = after;
    return;
  }
  now.forEach(([, name, value], i) => { if (value !== old[i][2]) node.setAttribute(name, value); });
  if (was[3] !== is[3]) node.textContent = is[3] ?? "";
}

// A picture is given its `box`: width and height of its place in CSS pixels, em, the size of its letters, and measure(words, name),
// the length of a text of that class. Nothing else is known of the reader's font, so what has no room is said shorter, or left to
// the words around the picture.

/** The first of the ways to say something that is no longer than the room; the last may be empty. */
export const fitting = ({ measure }, room, name, ...ways) => ways.find((words) => measure(words, name) <= room) ?? "";

/** Where to centre a text at x so that it stays within the picture. */
export const within = ({ width, measure }, x, words, name) => {
  const half = measure(words, name) / 2;
  return clamp(x, [half, max(half, width - half)]);
};
