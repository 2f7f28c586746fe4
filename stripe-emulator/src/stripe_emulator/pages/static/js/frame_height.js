// On a page of ours that lies in a frame of somebody else's: tell how tall it is, and when it is done.

(() => {
  "use strict";

  if (parent === window) return;
  const { framed, landing, complete } = document.getElementById("main").dataset;
  const say = (message) => parent.postMessage({ type: `stripe-emulator:${framed}`, ...message }, "*");
  new ResizeObserver(() => say({ height: document.documentElement.offsetHeight })).observe(document.documentElement);
  if (complete) say({ complete: true, landing });
})();
