// A button below each text that is there to be copied; with data-copy="corner", in the text's corner. With
// data-copy="main" it is what the page wants to be pressed.

(() => {
  "use strict";

  const words = document.currentScript.dataset;
  if (!navigator.clipboard) return; // a page that is not served over https has none
  for (const text of document.querySelectorAll("pre[data-copy] > code")) {
    const button = document.createElement("button");
    button.type = "button";
    const style = text.parentElement.dataset.copy === "main" ? "btn-primary" : "btn-outline-secondary btn-sm";
    button.className = `btn ${style} mt-2 copy`;
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
