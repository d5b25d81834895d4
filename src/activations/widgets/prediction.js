// The entry of a prediction: a choice or a number, to which the reader commits before what came out unfolds.
//
// In a page it stands before a <details>, in a notebook's page before the next cell whose output is folded, and opens that. In
// JupyterLab the reader runs the next cell. What was entered stays in the page and is gone with it.

let count = 0;

/** What the reader has not seen yet: in the same part of the page, or else the first that is folded after it. */
function folded(el) {
  const near = el.closest(".predict")?.querySelector("details.predict-answer");
  const after = (details) => el.compareDocumentPosition(details) & Node.DOCUMENT_POSITION_FOLLOWING;
  return near ?? [...document.querySelectorAll(".bd-article details.hide.below-input")].find(after);
}

function render({ model, el }) {
  el.insertAdjacentHTML("beforeend", model.get("markup").replaceAll("UID", `prediction-${count += 1}`));
  const form = el.lastElementChild, unit = form.querySelector(".predict-unit")?.textContent ?? "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = new FormData(form).get("said"), isNumber = form.querySelector("input").type === "number";
    model.set("answer", isNumber ? Number(said) : said);
    model.save_changes();
    form.querySelector("fieldset").disabled = true;
    form.querySelector("button").hidden = true;
    form.querySelector(".predict-told").textContent = `You said: ${isNumber ? said.replace("-", "−") : said}${unit && ` ${unit}`}.`;
    const answer = folded(el);
    if (!answer) return;
    answer.open = true;
    answer.querySelector("summary").focus();
  });
  return () => form.remove();
}

export default { render };
