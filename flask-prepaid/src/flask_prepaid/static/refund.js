// The refund form counts the credits that go with the amount, as it is typed. Its button does it where no script runs.

(() => {
  "use strict";

  const form = document.querySelector("[data-counts]");
  if (!form) return;
  const takes = document.getElementById("amount-takes");
  let waiting = 0;
  let request; // of the count that is under way

  const stop = () => {
    clearTimeout(waiting);
    request?.abort();
  };

  const count = async () => {
    request = new AbortController();
    const { signal } = request;
    const body = new FormData(form);
    body.set("count", "1");
    let text;
    try {
      text = await (await fetch(form.action, { method: "POST", body, signal })).text();
    } catch {
      return; // it was stopped, or there is no network
    }
    const page = new DOMParser().parseFromString(text, "text/html");
    const counted = page.getElementById("amount-error") ?? page.getElementById("amount-takes");
    if (!counted || signal.aborted) return;
    document.getElementById("amount-error")?.remove(); // of the amount that was sent
    takes.replaceChildren(...counted.childNodes);
  };

  form.querySelector("[data-count]").hidden = true;
  form.elements.amount.addEventListener("input", () => {
    stop();
    waiting = setTimeout(count, 300);
  });
  // Answered after the refund, it would bring back the session of before, without what is said of the refund.
  form.addEventListener("submit", stop);
})();
