// The search: finds what a reader types in the text of the whole book, which the build has put into search-texts.js.
//
// A word counts in any of its forms, in British and American spelling, and under its other names. Pages are ranked by how
// much they say of it, chapters before what only lists or lives from them; of each page is shown where it says most.
(() => {
"use strict";

const KINDS = { // what a page is called, and what its words count
  chapter: ["Chapter", 1], page: ["Page", .7], notebook: ["Notebook", .45], symbols: ["Symbols", .4], glossary: ["Glossary", .4], claims: ["Claims", .4],
  code: ["Code", .35], sources: ["Sources", .3],
};
// Names of one thing; the first is what it is looked up under.
const SAME = [
  ["dead", "die", "dying", "death"], ["sparse", "sparsity"], ["warmup", "warm up"], ["backpropagation", "backprop"], ["bfloat16", "bf16"], ["unit", "neuron", "node"], ["zerocenter", "zero center", "zero centered"],
  ["relu", "rectifier", "rectified linear unit"], ["leaky relu", "leakyrelu", "lrelu"], ["silu", "swish"], ["tanh", "hyperbolic tangent"],
  ["gelu", "gaussian error linear unit"], ["elu", "exponential linear unit"], ["sigmoid", "logistic"], ["xavier", "glorot"],
  ["kaiming", "he s", "he normal", "he uniform"], ["kaiming initialization", "he initialization", "he init", "he weights", "he s initialization", "he s weights", "he s initial weights"],
  ["initialization", "init", "initializer"], ["learning rate", "step size", "lr"], ["residual", "residual connection", "skip connection", "shortcut"],
  ...["batch", "layer", "group", "instance", "weight", "rms"].map((what) => [`${what}norm`, `${what} norm`]), ["batchnorm", "bn", "batchnorm1d", "batchnorm2d"],
];
const SPELT = { grey: "gray", artefact: "artifact", artefacts: "artifacts", programme: "program", defence: "defense", licence: "license", learnt: "learned" };
const EMPTY = new Set(`a an and are as at be but by can do does for from has have how i if in into is it its my near no not of on or our so such than that the
  their then there these they this to was we what when where which who why will with you your`.split(/\s+/));
const WORD = /\p{L}[\p{L}\p{M}\p{N}]*|\p{N}+/gu, EXCERPT = 240, PLACES = 3;

// ------------------------------------------------------------------------------------------------------- words

/** A word in lower case, without accents and in American spelling. */
function spelt(word) {
  const plain = word.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  return (SPELT[plain] ?? plain)
    .replace(/^(.{3,})is(e|ed|es|er|ers|ing|ation|ations|able)$/, "$1iz$2").replace(/ys(e|ed|es|er|ers|ing)$/, "yz$1")
    .replace(/^(zero)?(cent|met|fib|theat)re(s?)$/, "$1$2er$3").replace(/^(zero)?(cent)r(ed|ing)$/, "$1$2er$3")
    .replace(/^(.{3,})our(s|ed|ing|al|able|hood|hoods)?$/, "$1or$2").replace(/^(.{2,})ll(ed|ing|er|ers)$/, "$1l$2")
    .replace(/^(batch|layer|group|instance|weight|rms)?normaliz.*$/, "$1norm");
}

const stemmer = new window.CourseStemmer(), stems = new Map();
function stem(word) {
  if (!stems.has(word)) stems.set(word, stemmer.stemWord(spelt(word)));
  return stems.get(word);
}
const cut = (text) => (text.match(WORD) ?? []).map(stem);

// The names that begin with a word, longest first, each with the words that stand for it.
const names = new Map();
for (const [first, ...others] of SAME) {
  const meant = cut(first);
  for (const other of others) {
    const words = cut(other);
    names.set(words[0], [...(names.get(words[0]) ?? []), { words, meant }].sort((a, b) => b.words.length - a.words.length));
  }
}

/** Tells each word as it is looked up, with the place of the first that stands for it and how many do. */
function tell(words, hear) {
  for (let at = 0; at < words.length;) {
    const name = names.get(words[at])?.find(({ words: needed }) => needed.every((word, i) => words[at + i] === word)), many = name?.words.length ?? 1;
    for (const word of name?.meant ?? [words[at]]) hear(word, at, many);
    at += many;
  }
}

// ------------------------------------------------------------------------------------------------------- texts

/** How often each word stands in a text. */
function counted(text) {
  const counts = new Map();
  tell(cut(text), (word) => counts.set(word, (counts.get(word) ?? 0) + 1));
  return counts;
}

const pages = window.COURSE_TEXTS.map(({ page, title, kind, parts }) => ({
  page, title, kind, named: counted(title), counts: new Map(),
  parts: parts.map(([anchor, heading, text, sought], place) => ({
    anchor: place ? anchor : "", heading, text, counts: counted(text), headed: counted(`${heading} ${sought}`), long: counted(heading).size,
  })),
}));
const holders = new Map(); // on how many pages a word stands
for (const { counts, named, parts } of pages) {
  for (const part of parts) for (const [word, count] of [...part.counts, ...part.headed]) counts.set(word, (counts.get(word) ?? 0) + count);
  for (const word of new Set([...counts.keys(), ...named.keys()])) holders.set(word, (holders.get(word) ?? 0) + 1);
}

/** Whether two words differ by one letter: another one, one too many, one too few, two that changed places. */
function near(a, b) {
  if (a.length > b.length) [a, b] = [b, a];
  if (b.length - a.length > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const swapped = a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
  return a.slice(at + 1) === b.slice(at + 1) || a.slice(at) === b.slice(at + 1) || swapped;
}

/** What a query asks for: for each of its words the words of the book that will do; a Set that is a `guess` has none that it begins. */
function asked(query) {
  const words = [...counted(query).keys()], telling = words.filter((word) => !EMPTY.has(word));
  return (telling.length ? telling : words).map((word) => {
    if (holders.has(word)) return new Set([word]);
    const all = [...holders.keys()], longer = word.length > 2 ? all.filter((other) => other.startsWith(word)) : [];
    if (longer.length || word.length < 5) return new Set(longer);
    return Object.assign(new Set(all.filter((other) => near(word, other))), { guess: true });
  });
}

const count = (counts, wanted) => [...wanted].reduce((sum, word) => sum + (counts.get(word) ?? 0), 0);
const rarity = (wanted) => Math.log(1 + pages.length / Math.max(1, ...[...wanted].map((word) => holders.get(word) ?? 0)));

/** How much a part of a page says of what is asked. */
const told = (part, wants) => wants.reduce((sum, wanted) => {
  const said = count(part.counts, wanted), alone = wants.length === part.long ? 1.5 : 1; // a heading that says nothing else
  return sum + rarity(wanted) * (said / (said + 1.5) + (count(part.headed, wanted) ? alone : 0));
}, 0);

/** A page with what it is worth and the parts that say most, or nothing where it says nothing. */
function judged(page, wants) {
  const has = wants.filter((wanted) => count(page.counts, wanted) || count(page.named, wanted)).length;
  if (!has) return null;
  const places = page.parts.map((part) => ({ part, worth: told(part, wants) })).filter(({ worth }) => worth > 0).sort((a, b) => b.worth - a.worth);
  const much = wants.reduce((sum, wanted) => {
    const said = count(page.counts, wanted);
    return sum + rarity(wanted) * (said / (said + 8) + (count(page.named, wanted) ? 2 : 0));
  }, 0);
  return { ...page, has, places: places.slice(0, PLACES).map(({ part }) => part), worth: KINDS[page.kind][1] * (much + (places[0]?.worth ?? 0)) };
}

/** The pages that have all that is asked, or, where none has, those that have most of it. */
function find(query) {
  const wants = asked(query), found = pages.map((page) => judged(page, wants)).filter(Boolean), most = Math.max(0, ...found.map(({ has }) => has));
  return { wants, whole: most === wants.length, found: found.filter(({ has }) => has === most).sort((a, b) => b.worth - a.worth) };
}

// ------------------------------------------------------------------------------------------------------- results

const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
};

/** Where a text is to be cut so that what is shown has most of what is asked: begin and end. */
function cutting(text, hits) {
  let best = { worth: -1, from: 0 };
  for (const { from } of hits) {
    const inside = hits.filter((hit) => hit.from >= from && hit.to <= from + .8 * EXCERPT);
    const worth = new Set(inside.map(({ want }) => want)).size + inside.length / 100;
    if (worth > best.worth) best = { worth, from };
  }
  const before = text.slice(0, best.from), sentence = Math.max(...[". ", "? ", "! "].map((end) => before.lastIndexOf(end) + 1), 0);
  const start = best.from - sentence < EXCERPT / 2 ? sentence : before.lastIndexOf(" ", best.from - EXCERPT / 4);
  const end = start + EXCERPT < text.length ? text.lastIndexOf(" ", start + EXCERPT) : text.length;
  return [start, end];
}

/** A piece of a part's text, with what was asked for marked in it. */
function excerpt(text, wants) {
  const found = [...text.matchAll(WORD)], hits = [];
  tell(found.map(([word]) => stem(word)), (word, at, many) => {
    const want = wants.findIndex((wanted) => wanted.has(word)), last = found[at + many - 1];
    if (want >= 0) hits.push({ want, from: found[at].index, to: last.index + last[0].length });
  });
  const [start, end] = cutting(text, hits), shown = element("p", { class: "search-excerpt" }, start ? "… " : "");
  let at = start + (text.slice(start).length - text.slice(start).trimStart().length);
  for (const { from, to } of hits) {
    if (from < at || to > end) continue;
    shown.append(text.slice(at, from), element("mark", {}, text.slice(from, to)));
    at = to;
  }
  shown.append(text.slice(at, end), end < text.length ? " …" : "");
  return shown;
}

const address = ({ page }, { anchor }) => `${page}.html${anchor && `#${anchor}`}`;

function shown(hit, wants) {
  const [first] = hit.places, told = first?.text ? first : hit.parts.find(({ text }) => text) ?? { text: "" };
  const sections = hit.places.filter(({ anchor }) => anchor).map((part) => element("a", { href: address(hit, part) }, part.heading));
  const item = element("li", {}, element("a", { class: "search-title", href: address(hit, { anchor: "" }) }, hit.title), " ",
    element("span", { class: "search-kind" }, KINDS[hit.kind][0]), excerpt(told.text, wants));
  if (sections.length) item.append(element("p", { class: "search-places" }, ...sections.flatMap((link, i) => i ? [" · ", link] : [link])));
  return item;
}

function say(query, { whole, found, wants }) {
  if (!found.length) return `No page has “${query}”. Fewer or other words may find more; the glossary has the words that the book uses.`;
  const pages = found.length === 1 ? "one page has" : `${found.length} pages have`;
  if (!whole) return `No page has all of “${query}”; ${pages} some of it.`;
  return `${pages[0].toUpperCase()}${pages.slice(1)} ${wants.some(({ guess }) => guess) ? "something like " : ""}“${query}”.`;
}

const form = document.querySelector(".bd-search-container form"), field = form.querySelector("input"), results = document.getElementById("search-results");
const said = element("p", { class: "search-said", role: "status" }), list = element("ol", { class: "search-hits" });
results.append(said, list);

function search(query) {
  field.value = query;
  said.textContent = "";
  list.replaceChildren();
  if (!query) return;
  const answer = find(query);
  said.textContent = say(query, answer);
  list.append(...answer.found.map((hit) => shown(hit, answer.wants)));
}
const asks = () => (new URLSearchParams(location.search).get("q") ?? "").trim();
form.addEventListener("submit", (event) => {
  event.preventDefault(); // the texts have been read once
  const query = field.value.trim();
  if (query !== asks()) history.pushState(null, "", `?q=${encodeURIComponent(query)}`);
  search(query);
});
addEventListener("popstate", () => search(asks()));
search(asks());
field.focus();
field.select();
})();
