// A button that was pressed shows that it was, and is not pressed twice. Without this file it is the server that
// counts one form once.

(() => {
  "use strict";

  const words = document.currentScript.dataset;
  let pressed;

  addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.method !== "post" || !button) return;
    if (button.ariaBusy) {
      event.preventDefault();
      return;
    }
    pressed = { button, words: button.innerHTML };
    button.ariaBusy = "true";
    if (button.matches(".btn")) button.textContent = words.wait ?? "One moment …";
  });

  // The page is there again by the back button, as it was left.
  addEventListener("pageshow", () => {
    if (!pressed) return;
    pressed.button.innerHTML = pressed.words;
    pressed.button.ariaBusy = null;
    pressed = undefined;
  });
})();
