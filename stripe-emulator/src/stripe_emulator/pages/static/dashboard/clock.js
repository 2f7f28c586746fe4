// Stripe's clock ticks on the page. It stands still where the world is to be repeated.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
let seen = { now: 0, at: 0 };

const two = (number) => String(number).padStart(2, "0");

function inWords(then) {
  const day = `${then.getUTCDate()} ${MONTHS[then.getUTCMonth()]} ${then.getUTCFullYear()}`;
  return `${day}, ${two(then.getUTCHours())}:${two(then.getUTCMinutes())}:${two(then.getUTCSeconds())}`;
}

function show() {
  for (const place of document.querySelectorAll("[data-clock]")) {
    const passed = "still" in place.dataset ? 0 : Math.floor((performance.now() - seen.at) / 1000);
    const then = new Date(1000 * (seen.now + passed));
    const time = place.querySelector("time") ?? place;
    time.textContent = inWords(then);
    if (time.dateTime !== undefined) time.dateTime = then.toISOString();
  }
}

// The time at Stripe, in seconds, as the server has just named it.
export function set(now) {
  seen = { now, at: performance.now() };
  show();
}

export function tick() {
  const place = document.querySelector("[data-clock]");
  if (!place) return;
  set(Number(place.dataset.clock));
  setInterval(show, 1000);
}
