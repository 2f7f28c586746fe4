// The page where credits are bought: the live total of a number, and a button that says what it does.
// Without this file the button is called "Buy Now", and the next page says the total.

(() => {
  "use strict";

  const credits = document.querySelector("[data-totals]");
  const total = document.getElementById("prepaid-total");
  const form = document.querySelector("[data-shelf]");
  let price = "", taxed = ""; // of the number that is written

  const chosen = (name) => form?.querySelector(`input[type=radio][name="${name}"]:checked`);

  // In the language of the page: the button has them all.
  const pay = form?.querySelector("[data-pay]");
  const words = pay ? { ...pay.dataset, plain: pay.textContent } : {};
  const fill = (message, values) => message.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  const nameButton = () => {
    if (!form) return;
    const button = pay;
    const pack = chosen("pack");
    const card = chosen("saved_card")?.dataset.card;
    const before = pack?.value ? pack.dataset.price : price;
    const amount = (card && (pack?.value ? pack.dataset.taxed : taxed)) || before;
    if (pack?.value && !amount) button.textContent = words.free;
    else if (!amount) button.textContent = words.plain;
    else button.textContent = fill(card ? words.card : words.amount, { amount, card });
    form.querySelector(".form-check").hidden = Boolean(card);
  };

  if (credits) {
    let latest = 0;
    const rule = document.getElementById("credits-rule");
    const show = async () => {
      const wrong = Boolean(credits.value) && !credits.validity.valid;
      credits.classList.toggle("is-invalid", wrong);
      rule?.classList.toggle("is-wrong", wrong);
      const mine = ++latest;
      let sum = {};
      if (!credits.value) {
        price = taxed = "";
        if (total) total.textContent = "";
        nameButton();
        return;
      }
      try {
        const answer = await fetch(`${credits.dataset.totals}?credits=${encodeURIComponent(credits.value)}`);
        sum = await answer.json();
      } catch { /* no line: the next page says the total */ }
      if (mine !== latest) return; // an older answer may come later
      price = sum.total ?? "";
      taxed = sum.with_tax ?? price;
      if (total) total.textContent = !price ? "–" : taxed === price ? price : fill(words.withTax, { price, taxed });
      nameButton();
    };
    credits.addEventListener("input", () => {
      const any = document.getElementById("any-number");
      if (any && credits.value) any.checked = true;
      show();
    });
    form?.addEventListener("change", (event) => {
      if (event.target.name !== "pack") return;
      if (event.target.value) credits.value = ""; // a pack or a number, one of the two
      else credits.focus();
      show();
    });
    show();
  }
  if (form) form.dataset.folds = ""; // on a phone
  if (form && !chosen("pack")) form.querySelector("input[type=radio][name=pack]")?.click();
  form?.addEventListener("change", nameButton);
  addEventListener("pageshow", nameButton);
})();
