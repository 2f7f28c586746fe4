// Get a number without leaving the page. Without this file the form does the same by itself.
"use strict";

const form = document.getElementById("getnumber-form");
const figure = document.getElementById("number");
const language = document.documentElement.lang;
const note = document.getElementById("number-note");

if (form) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/api/v1/number/", {
      headers: { "Idempotency-Key": form.elements.once.value },
      credentials: "same-origin",
    });
    if (!answer.ok) return form.submit(); // the page says why: no credits, signed out, too fast
    const drawn = await answer.json();
    figure.textContent = drawn.number;
    figure.classList.remove("waiting");
    note.textContent = note.dataset.taken.replace("{left}", drawn.balance.toLocaleString(language));
    for (const balance of document.querySelectorAll("[data-balance]")) balance.textContent = drawn.balance.toLocaleString(language);
    for (const unit of document.querySelectorAll("[data-unit]")) unit.textContent = drawn.balance === 1 ? note.dataset.one : note.dataset.many;
    form.elements.once.value = crypto.getRandomValues(new Uint32Array(4)).join("-");
  } catch {
    form.submit();
  } finally {
    button.disabled = false;
  }
});
