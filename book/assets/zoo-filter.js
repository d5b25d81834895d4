// The zoo's filter: shows the cards that have what is typed and chosen, and opens the one that the page's address names.
//
// What is asked for stands in the address, as in ?words=swish&with=smooth, so that it can be linked to, kept and gone back to.
(() => {
"use strict";

const EMPTY = new Set("a activation activations and are at function functions has have is of that the which with".split(" "));
const SEEN = { seen: true }; // of an entry of the browser's history
const PAUSE = 400; // milliseconds: browsers refuse an address that changes too often

/** A text in which spellings of one word are alike: zero-centred and zero centered, normalising and normalizing, non-monotonic and not monotonic. */
const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/z/g, "s")
  .replace(/centr(?:e(d?))?(?![a-z])/g, (_, d) => (d ? "centered" : "center")).replace(/[-_‐–]/g, "-")
  .replace(/\b(sero|self|near)[\s-]+(?=\p{L})/gu, "$1").replace(/\b(?:non|no|not|without)[\s-]+|\bnon(?=\p{L}{3})/gu, "not").replace(/-/g, "");
const PIECE = /(?:(?:zero|self|near|non|no|not|without)[\s-]+)*[^\s,;]+/gi; // what is typed as one word

/** Whether two words differ by one letter: another one, one too many, one too few, two that changed places. */
function near(a, b) {
  if (a.length > b.length) [a, b] = [b, a];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return b.length - a.length < 2 && (a.slice(at + 1) === b.slice(at + 1) || a.slice(at) === b.slice(at + 1) || (a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2)));
}

function start(zoo) {
  const form = zoo.querySelector(".zoo-filter"), field = form.elements.words, chips = [...form.elements.with];
  const said = form.querySelector("[role=status]"), offers = form.querySelector(".zoo-offers"), clear = form.querySelector(".zoo-clear");
  const named = [...document.querySelectorAll("table.sortable a[href^='#']")];
  const cards = [...zoo.querySelectorAll(".zoo-card")].map((card) => {
    const { words, has } = card.querySelector(".zoo-picture").dataset, said = words.split(" ");
    let folded = null; // until somebody types: most readers never do
    return {
      card, said, has: new Set(has.split(" ")), rows: named.filter((link) => link.hash === `#${card.id}`).map((link) => link.closest("tr")),
      get words() { return folded ??= said.map(fold); },
    };
  });
  const families = [...zoo.querySelectorAll(".zoo-family")].map((family) => ({
    family, entry: zoo.querySelector(`.zoo-contents a[href="#${family.id}"]`).parentElement, members: cards.filter(({ card }) => family.contains(card)),
  }));
  const tables = [...document.querySelectorAll("table.sortable")];

  // ---------------------------------------------------------------------------------------------- what is asked, and who has it

  /** Each thing that is asked for: how it is called, whether a card has it, and what takes it back. */
  function asked() {
    const pieces = (field.value.match(PIECE) ?? []).map((piece) => ({ name: piece, word: fold(piece) })).filter(({ word }) => word && !EMPTY.has(word));
    const typed = pieces.map(({ name, word }) => {
      const begins = ({ words }) => words.some((one) => one.startsWith(word)), holds = ({ words }) => word.length > 2 && words.some((one) => one.includes(word));
      const replace = (by) => { field.value = pieces.map((other) => (other.name === name ? by : other.name)).filter(Boolean).join(" "); };
      return { name: `“${name}”`, word, has: cards.some(begins) ? begins : holds, remove: () => replace(""), replace };
    });
    const chosen = chips.filter(({ checked }) => checked).map((chip) => ({
      name: chip.parentElement.textContent, has: ({ has }) => has.has(chip.value), remove() { chip.checked = false; },
    }));
    return [...typed, ...chosen];
  }

  /** What to do where no card has all that is asked for: write a word as one that is known, or take something back. */
  function offer(wants) {
    const meant = wants.filter(({ has, word }) => word && !cards.some(has)).flatMap(({ word, replace }) => {
      const alike = cards.flatMap(({ said, words }) => said.filter((_, i) => !said[i].startsWith("not-") && near(words[i], word)));
      return [...new Set(alike)].slice(0, 3).map((other) => [`Did you mean “${other}”?`, () => replace(other)]);
    });
    const fewer = wants.map((want) => [cards.filter((card) => wants.every((other) => other === want || other.has(card))).length, want]);
    const kept = wants.length > 1 ? fewer.filter(([count]) => count).map(([count, { name, remove }]) => [`Without ${name}: ${count}`, remove]) : [];
    offers.replaceChildren(...[...meant, ...kept].map(([textContent, change]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent });
      button.addEventListener("click", () => { change(); show(); keep(true); field.focus(); });
      return button;
    }));
    offers.hidden = !offers.children.length;
  }

  function show() {
    const wants = asked(), found = cards.filter((card) => wants.every(({ has }) => has(card))), filtered = wants.length > 0;
    for (const one of cards) {
      const away = !found.includes(one);
      one.card.hidden = away;
      for (const row of one.rows) row.hidden = away;
    }
    for (const { family, entry, members } of families) {
      const count = members.filter(({ card }) => !card.hidden).length;
      family.hidden = entry.hidden = !count;
      entry.querySelector("span").textContent = count;
    }
    for (const table of tables) {
      table.deleteCaption();
      if (filtered) table.createCaption().innerHTML = `${[...table.tBodies[0].rows].filter((row) => !row.hidden).length} of ${table.tBodies[0].rows.length} rows, as the <a href="#zoo-filter">filter</a> has it.`;
    }
    zoo.querySelector(".zoo-count").textContent = filtered ? `${found.length} of ${cards.length}` : `all ${cards.length}`;
    const unknown = wants.filter(({ has }) => !cards.some(has)), names = (some) => some.map(({ name }) => name).join(", ");
    said.textContent = !filtered ? `All ${cards.length} functions are shown.`
      : found.length ? `${found.length} of ${cards.length} functions ${found.length === 1 ? "is" : "are"} shown.`
      : unknown.length ? `No name, year or property begins with ${names(unknown)}.` : `No function has all of this: ${names(wants)}.`;
    clear.hidden = !filtered;
    offer(found.length ? [] : wants);
  }

  // ---------------------------------------------------------------------------------------------------------- the address

  let timer = 0, typing = false;

  /** What is asked for into the address: as a new entry of the browser's history, or in place of the present one. */
  function write(anew) {
    clearTimeout(timer);
    const query = new URLSearchParams(location.search);
    for (const name of ["words", "with"]) query.delete(name);
    if (field.value.trim()) query.set("words", field.value.trim());
    for (const chip of chips) if (chip.checked) query.append("with", chip.value);
    const hash = cards.some(({ card }) => card.hidden && `#${card.id}` === location.hash) ? "" : location.hash; // a card that is not there
    const address = `${query.size ? `?${query}` : location.pathname}${hash}`;
    if (`${location.search || location.pathname}${location.hash}` === address) return;
    try { history[anew ? "pushState" : "replaceState"](SEEN, "", address); } catch { /* a page from a folder, whose address may not change */ }
  }

  /** One entry for all that is typed in a row, and one for each press. */
  function keep(anew) {
    write(anew);
    typing = false;
  }

  /** What an address asks for into the form. */
  function read(search) {
    const query = new URLSearchParams(search), wanted = new Set(query.getAll("with").map(fold));
    field.value = query.get("words") ?? "";
    for (const chip of chips) chip.checked = wanted.has(fold(chip.value));
    show();
  }

  function empty() { read(""); }

  let led = null; // the card that an address has opened, and which closes on the way back

  /** The card that the address names, by its id or by its name alone; it is opened, shown though the filter hid it, and led to. */
  function reveal(lead = true) {
    const name = location.hash.slice(1), card = [name, `zoo-${name}`].map((id) => document.getElementById(id)).find((one) => one?.matches(".zoo-card"));
    if (!card) return;
    if (card.hidden) {
      empty();
      write(false);
    }
    const more = card.querySelector(".zoo-more");
    if (!more.open) led = more;
    more.open = true;
    if (lead) card.scrollIntoView();
  }

  /** An entry of the browser's history that was arrived at: whoever comes back to it is where they left it, and is led nowhere. */
  function arrive() {
    try { history.replaceState(SEEN, ""); } catch { /* as below */ }
  }

  /** The address names the card that was opened last, so that it can be copied. */
  function name(card, isOpen) {
    const hash = `#${card.id}`;
    if (isOpen === (location.hash === hash)) return;
    try { history.replaceState(SEEN, "", `${location.pathname}${location.search}${isOpen ? hash : ""}`); } catch { /* as above */ }
  }

  field.addEventListener("input", () => {
    show();
    if (typing) {
      clearTimeout(timer);
      timer = setTimeout(write, PAUSE, false);
    } else write(true);
    typing = true;
  });
  field.addEventListener("change", () => keep(false));
  for (const chip of chips) chip.addEventListener("change", () => { show(); keep(true); });
  clear.addEventListener("click", () => { empty(); keep(true); field.focus(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='?']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    read(link.search);
    keep(true);
  });
  zoo.addEventListener("toggle", ({ target }) => target.matches(".zoo-more") && name(target.closest(".zoo-card"), target.open), true);
  addEventListener("popstate", ({ state }) => {
    read(location.search);
    if (led && `#${led.closest(".zoo-card").id}` !== location.hash) {
      led.open = false;
      led = null;
    }
    reveal(!state?.seen);
    arrive();
  });
  read(location.search);
  Object.assign(form, { inert: false, ariaHidden: null }).classList.remove("zoo-room");
  reveal();
  arrive();
  if (document.readyState !== "complete") addEventListener("load", () => reveal(), { once: true }); // what came late has moved it
}

for (const zoo of document.querySelectorAll(".zoo")) start(zoo);
})();
