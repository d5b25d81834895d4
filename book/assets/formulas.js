// Asks for the font of a page's formulas before the style sheets do; where the page is a file, that would be refused.
if (location.protocol !== "file:") {
  const href = new URL("formulas.woff2", document.currentScript.src).href;
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href }));
}
