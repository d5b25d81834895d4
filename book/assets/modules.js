// Loads ES modules from wherever the page was opened: `course.load(url)` gives what a module exports.
//
// Browsers refuse to import a module by its address where the page is a file. The build therefore writes a classic script
// beside each module (explorer.js has explorer.made.js), which hands over a function that makes what the module exports,
// with the modules that it imports. No text is ever run as code, so that the page's policy can forbid it.
globalThis.course = (() => {
  "use strict";

  const makers = {}, running = {};

  /** Run a classic script. */
  const run = (src) => new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src, onload: done });
    script.onerror = () => failed(new Error(`${src} is missing`));
    document.head.append(script);
  });

  async function loadFile(url) {
    const src = url.href.replace(/\.js$/, ".made.js");
    await run(src);
    return makers[src]();
  }

  /** The module at an address, relative to the page; each is loaded once. */
  function load(address) {
    const url = new URL(address, document.baseURI);
    return running[url] ??= url.protocol === "file:" ? loadFile(url) : import(url);
  }

  return { load, makers };
})();
