// What auto top-up costs in a month at most, as the pack and the number of packs are chosen.

(() => {
  "use strict";

  const most = document.getElementById("topup-most");
  const pack = document.getElementById("topup-pack");
  const times = document.getElementById("topup-times");
  if (!most) return;
  const show = () => {
    const count = Math.max(1, Math.floor(Number(times.value) || 1));
    const price = pack.selectedOptions[0].dataset.price;
    const amount = new Intl.NumberFormat(document.documentElement.lang || "en", {
      style: "currency",
      currency: most.dataset.currency.toUpperCase(),
      minimumFractionDigits: price.split(".")[1]?.length ?? 0,
    }).format(Number(price) * count);
    most.textContent = most.dataset.words.replace("{amount}", amount);
  };
  pack.addEventListener("change", show);
  times.addEventListener("input", show);
  show(); // a browser keeps what was typed before
})();
