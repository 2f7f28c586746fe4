// A button below each text that is there to be copied; with data-copy="corner", in the text's corner.

(() => {
  "use strict";

  const words = document.currentScript.dataset;
  if (!navigator.clipboard) return; // a page that is not served over https has none
  for (const text of document.querySelectorAll("pre[data-copy] > code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-outline-secondary btn-sm mt-2 copy";
    button.textContent = words.copy ?? "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = words.copied ?? "Copied";
    });
    const block = text.parentElement;
    block.after(button);
    if (block.dataset.copy === "corner") {
      const around = document.createElement("div");
      around.className = "copies";
      block.replaceWith(around);
      around.append(block, button);
    }
  }
})();
