// News appear by themselves: the server says that something is new, and the page fetches itself again.
//
// What may change stands in a [data-live] region; the rest of the page, a form that is filled in among it, is left
// alone. Only a page that is seen holds a stream: a browser opens few connections to one server.

import { set } from "./clock.js";

const PAUSE_MS = 500;

// What each region was last given, by its name.
const seen = new Map([...document.querySelectorAll("[data-live]")].map((region) => [region.dataset.live, region.innerHTML]));

let stream = null;
let paused = sessionStorage.getItem("dashboard:paused") === "yes";
let waiting = null;
let fetching = false;

// Whether somebody is at work in a region: types in it, or goes through it by keyboard.
function busy(region) {
  return region.contains(document.activeElement);
}

function replace(region, fresh, onFresh) {
  const known = new Set([...region.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  const open = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  region.replaceChildren(...fresh.childNodes);
  for (const row of region.querySelectorAll("[data-key]")) if (!known.has(row.dataset.key)) row.classList.add("fresh");
  for (const id of open) region.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  onFresh(region);
}

async function refresh(onFresh) {
  fetching = true;
  try {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (!stream) return; // paused meanwhile
    const regions = [...document.querySelectorAll("[data-live]")];
    const names = (all) => all.map((region) => region.dataset.live).join();
    if (names(regions) !== names([...page.querySelectorAll("[data-live]")])) {
      if (!document.activeElement.closest("main, nav")) location.reload();
      return;
    }
    for (const region of regions) {
      const fresh = page.querySelector(`[data-live="${region.dataset.live}"]`);
      const html = fresh.innerHTML;
      if (html === seen.get(region.dataset.live) || busy(region)) continue;
      seen.set(region.dataset.live, html);
      replace(region, fresh, onFresh);
    }
  } catch {
    // the emulator is away: the stream opens again by itself once it is back
  } finally {
    fetching = false;
  }
}

// At most one fetch at a time, and one soon after the last thing that happened.
function soon(onFresh) {
  if (waiting) return;
  waiting = setTimeout(async () => {
    waiting = null;
    if (fetching) soon(onFresh);
    else await refresh(onFresh);
  }, PAUSE_MS);
}

export function goLive(onFresh) {
  const toggle = document.querySelector("[data-toggle-live]");
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done"); // said once
    history.replaceState(null, "", address);
  }
  if (!toggle || document.querySelector("main [role=alert]")) return; // the address is a form's

  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet live";
  toggle.replaceWith(button);

  function open() {
    stream?.close();
    stream = new EventSource("/live");
    stream.addEventListener("change", ({ data }) => {
      set(JSON.parse(data).now);
      soon(onFresh);
    });
  }

  function show() {
    const wanted = !paused && !document.hidden;
    if (wanted && !stream) open();
    if (!wanted) {
      stream?.close();
      stream = null;
      clearTimeout(waiting);
      waiting = null;
    }
    button.textContent = paused ? "Paused" : "Live";
    button.setAttribute("aria-pressed", String(!paused));
  }

  button.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem("dashboard:paused", paused ? "yes" : "no"); // on the next pages of this tab, too
    show();
  });
  document.addEventListener("visibilitychange", show);
  show();
}
