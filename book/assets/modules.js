// Loads ES modules from wherever the page was opened: `course.load(url)` and `course.loadText(code)` give what a module exports.
//
// Browsers refuse to import a module by its address where the page is a file. The build therefore writes a classic script
// beside each module (explorer.js has explorer.text.js), which hands over the module's text and that of the modules that it
// imports, as one; a `data:` address of that text may be imported from anywhere.
globalThis.course = (() => {
  "use strict";

  const texts = {}, running = {};

  const loadText = (code) => import(`data:text/javascript;charset=utf-8,${encodeURIComponent(code)}`);

  /** Run a classic script. */
  const run = (src) => new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src, onload: done });
    script.onerror = () => failed(new Error(`${src} is missing`));
    document.head.append(script);
  });

  async function loadFile(url) {
    const src = url.href.replace(/\.js$/, ".text.js");
    await run(src);
    return loadText(texts[src]);
  }

  /** The module at an address, relative to the page; each is loaded once. */
  function load(address) {
    const url = new URL(address, document.baseURI);
    return running[url] ??= url.protocol === "file:" ? loadFile(url) : import(url);
  }

  return { load, loadText, texts };
})();
