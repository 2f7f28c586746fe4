// A button to copy an id, a secret, an answer.

const SHOWN_MS = 1500;

const status = document.createElement("p");
status.className = "sr-only";
status.setAttribute("role", "status");
document.getElementById("main").append(status);

// Outside of https and this machine a browser has no clipboard for pages: then the text is selected.
async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(element);
    return "Selected";
  }
}

function button(element, text, what) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "copy";
  made.textContent = "Copy";
  made.setAttribute("aria-label", `Copy ${what}`);
  made.addEventListener("click", async () => {
    made.textContent = status.textContent = await copy(text(), element);
    setTimeout(() => (made.textContent = "Copy"), SHOWN_MS);
  });
  return made;
}

export function offerCopies(region) {
  for (const element of region.querySelectorAll("[data-copy]")) {
    const text = element.dataset.copy;
    element.after(" ", button(element, () => text, text.length > 40 ? "it" : text));
  }
  for (const element of region.querySelectorAll("[data-copy-text]")) {
    const made = button(element, () => element.textContent, element.getAttribute("aria-label"));
    const above = element.previousElementSibling;
    if (above?.classList.contains("head")) {
      above.append(made);
    } else {
      made.classList.add("of-block");
      element.before(made);
    }
  }
}
