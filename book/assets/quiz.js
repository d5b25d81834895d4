// Quizzes: choosing an option shows its answer at once. Without this script the answers are folded below their options.
(() => {
"use strict";
for (const question of document.querySelectorAll(".quiz-question")) {
  const feedback = question.querySelector(".quiz-feedback");
  question.classList.add("quiz-question--live");
  question.addEventListener("change", ({ target }) => {
    const option = target.closest(".quiz-option"), right = option.dataset.right === "true";
    for (const other of question.querySelectorAll(".quiz-option")) other.classList.remove("is-right", "is-wrong");
    option.classList.add(right ? "is-right" : "is-wrong");
    feedback.className = `quiz-feedback ${right ? "is-right" : "is-wrong"}`;
    feedback.replaceChildren(verdict(right), copy(option.querySelector(".quiz-answer-text")));
  });
}

function verdict(right) {
  const word = document.createElement("strong");
  word.textContent = right ? "Right. " : "Not quite. ";
  return word;
}

function copy(answer) {
  const twin = answer.cloneNode(true);
  for (const named of twin.querySelectorAll("[id]")) named.removeAttribute("id");
  return twin;
}
})();
