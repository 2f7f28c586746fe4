// Every time on a page is UTC. Says what that is by the reader's own clock: at each time, and once for the page.

(() => {
  "use strict";

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = (moment, style) => new Intl.DateTimeFormat("en-GB", style).format(moment);

  for (const time of document.querySelectorAll("time[datetime*='T']")) {
    time.title = `${local(new Date(time.dateTime), { dateStyle: "medium", timeStyle: "short" })} in ${zone}`;
  }
  const note = document.querySelector("[data-zone]");
  const offset = -new Date().getTimezoneOffset();
  if (note && offset !== 0) {
    const clock = new Date(Math.abs(offset) * 60000).toISOString().slice(11, 16);
    note.append(` In ${zone} it is ${clock} ${offset < 0 ? "earlier" : "later"}.`);
  }
})();
