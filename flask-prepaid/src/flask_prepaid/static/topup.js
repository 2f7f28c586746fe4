// What auto top-up costs in a month at most, and at once, as its pack and numbers are chosen.

(() => {
  "use strict";

  const most = document.getElementById("topup-most");
  const pack = document.getElementById("topup-pack");
  const times = document.getElementById("topup-times");
  const threshold = document.getElementById("topup-threshold");
  const button = document.getElementById("topup-on");
  if (!most) return;
  const show = () => {
    const count = Math.max(1, Math.floor(Number(times.value) || 1));
    const { price, credits } = pack.selectedOptions[0].dataset;
    const money = new Intl.NumberFormat(document.documentElement.lang || "en", {
      style: "currency",
      currency: most.dataset.currency.toUpperCase(),
      minimumFractionDigits: price.split(".")[1]?.length ?? 0,
    });
    const worth = (packs) => money.format(Number(price) * packs);
    most.textContent = most.dataset.words.replace("{amount}", worth(count));
    if (button.dataset.have === undefined) return;
    const wanted = Number(threshold.value);
    const toReach = (missing) => Math.ceil(missing / Number(credits) - 1e-9);
    const room = count - Math.ceil(Number(button.dataset.charged) / Number(price) - 1e-9);
    const packs = Math.min(toReach(wanted - Number(button.dataset.have)), toReach(wanted), room);
    button.textContent = packs > 0 ? button.dataset.words.replace("{amount}", worth(packs)) : button.dataset.else;
  };
  pack.addEventListener("change", show);
  times.addEventListener("input", show);
  threshold.addEventListener("input", show);
  show(); // a browser keeps what was typed before
})();
