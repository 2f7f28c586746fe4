// Our own page with Stripe's elements for the card.

(() => {
  "use strict";

  const total = document.getElementById("prepaid-total");
  const form = document.getElementById("prepaid-pay");

  if (form) {
    const button = form.querySelector("button[type=submit]");
    const words = document.getElementById("prepaid-said");
    const mail = document.getElementById("prepaid-mail");
    const email = document.getElementById("prepaid-email");
    const code = document.getElementById("prepaid-code");
    const say = (message) => {
      words.textContent = message;
      words.hidden = !message;
    };
    // Stripe asks that the total be shown before it is paid; a card that is only saved has none.
    const show = (session) => {
      const due = session.total.total.amount;
      if (total) total.textContent = due;
      if (button.dataset.pays) button.textContent = button.dataset.pays.replace("{amount}", due);
    };

    // Stripe's fields do not follow the page by themselves: their words would be dark on dark.
    const isDark = () => {
      const schemes = getComputedStyle(form).colorScheme.split(" ");
      return schemes.includes("dark") && (!schemes.includes("light") || matchMedia("(prefers-color-scheme: dark)").matches);
    };

    const look = () => ({ theme: isDark() ? "night" : "stripe" });

    const start = async () => {
      if (typeof Stripe === "undefined") {
        say(form.dataset.notLoaded);
        return;
      }
      const checkout = Stripe(form.dataset.key, { locale: document.documentElement.lang || "auto" }).initCheckoutElementsSdk({
        clientSecret: form.dataset.secret,
        elementsOptions: { appearance: look() },
      });
      if (document.getElementById("prepaid-card")) checkout.createPaymentElement().mount("#prepaid-card");
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => checkout.changeAppearance(look()));
      const loaded = await checkout.loadActions();
      if (loaded.type === "error") {
        say(loaded.error.message);
        return;
      }
      const { actions } = loaded;
      show(actions.getSession());
      mail.hidden = Boolean(actions.getSession().email); // Stripe wants one, and knows that of a customer who has one
      email.required = !mail.hidden;
      button.disabled = false;
      document.getElementById("prepaid-apply")?.addEventListener("click", async () => {
        say("");
        const answer = await actions.applyPromotionCode(code.value.trim());
        if (answer.type === "error") say(answer.error.message);
        else show(answer.session);
      });
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        button.disabled = true; // a second press would be a second try
        say("");
        const answer = await actions.confirm(mail.hidden ? {} : { email: email.value });
        if (answer.type === "error") {
          say(answer.error.message);
          button.disabled = false;
        }
      });
    };
    start();
  }
})();
