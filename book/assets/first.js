// What comes before anything of the page is drawn, which waits for this script: the colours that the reader chose last, or the
// system's, and the request for the font of the page's formulas, which would move what lies below them if it came late.
{
  const { dataset } = document.documentElement, kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  dataset.mode = kept("mode") || dataset.theme;
  dataset.theme = kept("theme") || dataset.theme;
  if (dataset.mode === "auto" || dataset.theme === "auto")
    dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const font = document.currentScript.dataset.formulas;
  if (font && location.protocol !== "file:") // in a page that is a file it would be refused
    document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href: font }));
}
