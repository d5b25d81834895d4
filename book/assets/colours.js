// The colours that the reader chose last, or the system's, before anything of the page is drawn; the page waits for this script.
{
  const { dataset } = document.documentElement, kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  dataset.mode = kept("mode") || dataset.theme;
  dataset.theme = kept("theme") || dataset.theme;
  if (dataset.mode === "auto" || dataset.theme === "auto")
    dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
