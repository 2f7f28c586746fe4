// The page where credits are bought: the live total of a number, and a button that says what it does.
// Without this file the button is called "Buy Now", and the next page says the total.

(() => {
  "use strict";

  const credits = document.querySelector("[data-totals]");
  const total = document.getElementById("prepaid-total");
  const form = document.querySelector("[data-shelf]");
  let price = ""; // of the number that is written

  const chosen = (name) => form?.querySelector(`input[type=radio][name="${name}"]:checked`);

  const name_button = () => {
    if (!form) return;
    const button = form.querySelector("[data-pay]");
    const pack = chosen("pack");
    const amount = pack?.value ? pack.dataset.price : price;
    const card = chosen("saved_card")?.dataset.card;
    if (pack?.value && !amount) button.textContent = "Get them for free";
    else if (!amount) button.textContent = "Buy Now";
    else button.textContent = card ? `Pay ${amount} with ${card}` : `Continue to pay ${amount}`;
    form.querySelector(".form-check").hidden = Boolean(card);
  };

  if (credits) {
    let latest = 0;
    const show = async () => {
      const mine = ++latest;
      let sum = {};
      try {
        const answer = await fetch(`${credits.dataset.totals}?credits=${encodeURIComponent(credits.value)}`);
        sum = await answer.json();
      } catch { /* no line: the next page says the total */ }
      if (mine !== latest) return; // an older answer may come later
      price = sum.total ?? "";
      total.textContent = price || "–";
      name_button();
    };
    credits.addEventListener("input", () => {
      const any = document.getElementById("any-number");
      if (any) any.checked = true;
      show();
    });
    show();
  }
  form?.addEventListener("change", name_button);
  addEventListener("pageshow", name_button);
})();
