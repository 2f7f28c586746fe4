// On a phone the operator's tabs stand in one line that scrolls: begin where the page that is open has its tab.

(() => {
  "use strict";

  for (const line of document.querySelectorAll(".operator-tabs")) {
    const here = line.querySelector("[aria-current]");
    if (here) line.scrollLeft = here.offsetLeft - (line.clientWidth - here.offsetWidth) / 2;
  }
})();
