// Every time on a page is UTC. Says what that is by the reader's own clock: at each time, and once for the page.

(() => {
  "use strict";

  const language = document.documentElement.lang.replace(/^(en)?$/, "en-GB");
  const inZone = document.currentScript.dataset.local ?? "{time} in {zone}";
  const fill = (message, values) => message.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = (moment, style) => new Intl.DateTimeFormat(language, style).format(moment);

  for (const time of document.querySelectorAll("time[datetime*='T']")) {
    time.title = fill(inZone, { time: local(new Date(time.dateTime), { dateStyle: "medium", timeStyle: "short" }), zone });
  }
  const note = document.querySelector("[data-zone]");
  const offset = -new Date().getTimezoneOffset();
  if (note && offset !== 0) {
    const clock = new Date(Math.abs(offset) * 60000).toISOString().slice(11, 16);
    const { earlier = "In {zone} it is {clock} earlier.", later = "In {zone} it is {clock} later." } = note.dataset;
    note.append(` ${fill(offset < 0 ? earlier : later, { zone, clock })}`);
  }
})();
