// The refund form counts the credits that go with the amount, as it is typed. Its button does it where no script runs.

(() => {
  "use strict";

  const form = document.querySelector("[data-counts]");
  if (!form) return;
  const takes = document.getElementById("amount-takes");
  let waiting = 0;
  let latest = 0;

  const count = async () => {
    const number = ++latest;
    const body = new FormData(form);
    body.set("count", "1");
    const answer = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const counted = page.getElementById("amount-error") ?? page.getElementById("amount-takes");
    if (!counted || number !== latest) return;
    document.getElementById("amount-error")?.remove(); // of the amount that was sent
    takes.replaceChildren(...counted.childNodes);
  };

  form.querySelector("[data-count]").hidden = true;
  form.elements.amount.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(count, 300);
  });
})();
