// A button beside each text that is there to be copied.

(() => {
  "use strict";

  const words = document.currentScript.dataset;
  if (!navigator.clipboard) return; // a page that is not served over https has none
  for (const text of document.querySelectorAll("pre[data-copy] > code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline-secondary btn-sm mt-2";
    button.textContent = words.copy ?? "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = words.copied ?? "Copied";
    });
    text.parentElement.after(button);
  }
})();
