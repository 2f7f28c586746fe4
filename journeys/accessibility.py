"""What must hold of every page: axe finds nothing, it fits the screen, the keyboard reaches all of it.

Among the tests each page is looked at in some sizes, and what frames many pages is gone through once. With
``EVERY_CASE=1``, as ``./dev campaign every_case`` has it, nothing is left out.
"""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

#: Whether each page is looked at in every size and scheme, and its frame on each page.
EVERY_CASE = os.environ.get("EVERY_CASE") == "1"

Scheme = Literal["light", "dark"]

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (390, 1280)

#: Nothing sticks out in any of these either. 640 px are also 1280 px at 200 %.
SMALLEST, BETWEEN = 320, (640, 768, 1024)

#: In which scheme and width axe looks: a phone has all of a page, and dark its own colours.
SCREENS: tuple[tuple[Scheme, int], ...] = (("light", 390), ("dark", 1280))
if EVERY_CASE or "SHOTS" in os.environ:
    SCREENS = tuple((scheme, width) for scheme in SCHEMES for width in WIDTHS)

#: Everything within an element that can be used and is there to be seen, in the order of the page. Of
#: radio buttons in a group the keyboard reaches one, and chooses among them by the arrows.
USABLE = """(within) => {
  return [...document.querySelector(within).querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, iframe, [tabindex='0']"
  )].filter((element) => {
    if (element.disabled || !element.checkVisibility()) return false;
    if (element.type !== "radio") return true;
    const group = document.querySelectorAll(`input[type=radio][name="${CSS.escape(element.name)}"]`);
    const chosen = [...group].find((one) => one.checked) ?? group[0];
    return element === chosen;
  });
}"""

#: Numbers what can be used, and keeps how it looks without the focus.
PREPARE = f"""(within) => {{
  window.looksOf = (element) => {{
    const {{ outlineStyle, outlineWidth, boxShadow, borderColor }} = getComputedStyle(element);
    return [outlineStyle, outlineWidth, boxShadow, borderColor].join();
  }};
  window.usable = ({USABLE})(within);
  window.before = usable.map(looksOf);
  return usable.map((element) => element.outerHTML.slice(0, 100));
}}"""

#: Where the focus is: the element's number, and whether one can tell and see it.
FOCUS = """() => {
  const element = document.activeElement;
  const index = usable.indexOf(element);
  const box = element.getBoundingClientRect();
  const inside = box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth
    && box.bottom > 0 && box.top < innerHeight;
  return [index, element.tagName === "IFRAME" || looksOf(element) !== before[index], inside];
}"""

#: Tab goes on from where one clicked last, so one has been at the very top.
FROM_THE_TOP = """() => {
  const top = document.createElement("a");
  top.tabIndex = -1;
  document.body.prepend(top);
  top.focus();
  top.remove();
  scrollTo(0, 0);
}"""

#: What stands around the content of a page: the same keys lead through it wherever it is the same.
FRAME = """() => {
  const frame = document.body.cloneNode(true);
  frame.querySelectorAll("main, script").forEach((element) => element.remove());
  return frame.innerHTML.replace(/\\d+|\\s+| (value|class|aria-current)="[^"]*"/g, "");
}"""

MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const { transitionDuration, animationName } = getComputedStyle(element);
  return /[1-9]/.test(transitionDuration) || animationName !== "none";
}).length"""

#: What sticks out where the page scrolls sideways.
OVER = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth)
    .map((element) => element.outerHTML.slice(0, 100)).slice(0, 3)"""

#: An iframe's style is that of Stripe's script, which the policy of that page lets in.
LOOSE = (
    "document.querySelectorAll('[style]:not(iframe), style, script:not([src]), [onclick], [onload]').length"
)


def faults(page: Page, *rules: str) -> list[str]:
    """What axe finds, by all of its rules or by ``rules``, and whether the page runs over the edge."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((Path(os.environ["NODE_MODULES"]) / "axe-core" / "axe.min.js").read_text())
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}  # no rule reads the styles
    if rules:
        options["runOnly"] = list(rules)
    violations: list[Any] = page.evaluate(
        "(options) => axe.run(options).then((run) => run.violations)", options
    )
    wrong = [f"{rule['id']}: {node['html'][:160]}" for rule in violations for node in rule["nodes"]]
    return wrong + over_the_edge(page)


def over_the_edge(page: Page) -> list[str]:
    over = page.evaluate(OVER)
    return [f"runs over the edge of {page.evaluate('innerWidth')} px: {over}"] if over else []


def by_keyboard(page: Page, *, past_the_frame: bool = False) -> list[str]:
    """Tab through the page: all that can be used is reached, in its order, and shows that it is.

    :param past_the_frame: Whether to go past the head by its link, and only through the content.
    """
    page.evaluate(FROM_THE_TOP)
    usable: list[str] = page.evaluate(PREPARE, "main" if past_the_frame else "body")
    wrong: list[str] = []
    if past_the_frame:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    reached: list[int] = []
    for _ in range(len(usable) * 5 + 5):  # a date is several stops
        page.keyboard.press("Tab")
        index, shows, inside = page.evaluate(FOCUS)
        if index < 0:
            break
        if reached[-1:] != [index]:
            reached.append(index)
            if not shows:
                wrong.append(f"no focus to see: {usable[index]}")
            if not inside:
                wrong.append(f"focused out of sight: {usable[index]}")
    if reached != list(range(len(usable))):
        missing = [usable[index] for index in range(len(usable)) if index not in reached]
        wrong.append(f"Tab goes {reached} over {len(usable)}; not reached: {missing}")
    return wrong


def skips(page: Page) -> list[str]:
    """The first Tab shows the way past the head, and Enter goes it."""
    page.evaluate(FROM_THE_TOP)
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    if not re.match("Skip to", link.inner_text()):
        return [f"the first Tab is on {link.inner_text()!r}"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if page.evaluate("document.querySelector('main').contains(document.activeElement)"):
        return []
    nothing = page.evaluate(
        "document.querySelector('main').querySelector('a, button, input, summary') === null"
    )
    return [] if nothing else ["the skip link does not lead into the page"]


@dataclass
class Walk:
    """A browser's one tab, and what was wrong with each page that it has seen."""

    page: Page
    wrong: dict[str, list[str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    frames: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, browser: Browser) -> Walk:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        return cls(context.new_page())

    def go(self, url: str, name: str, *, status: int = 200, keyboard: bool = True) -> None:
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.status == status, f"{name}: {answer.status}"
        self.see(name, keyboard=keyboard)

    def see(self, name: str, *, axe: bool = True, keyboard: bool = True) -> None:
        """Look at the page that is open, in several sizes and both schemes; it is not loaded again.

        :param axe: Not where another test holds the page to it.
        :param keyboard: Not where another test has gone through the same page with shorter lists.
        """
        assert name not in self.seen, f"two pages are called {name}"
        self.seen.append(name)
        page, wrong = self.page, []
        page.wait_for_load_state()
        self.paths.add(urlsplit(page.url).path)
        if page.evaluate(MOVING):
            wrong.append("moves for one who asked for less of it")
        if page.evaluate(LOOSE):
            wrong.append("style or script stands in the page")
        if keyboard:
            wrong += self._by_keyboard()
        wrong += self._in_sizes(name, axe=axe)
        if wrong:
            self.wrong[name] = wrong

    def _by_keyboard(self) -> list[str]:
        """The whole page if its frame is a new one; else the way past it, and the content."""
        frame = self.page.evaluate(FRAME)
        known = frame in self.frames and not EVERY_CASE
        self.frames.add(frame)
        wrong = by_keyboard(self.page, past_the_frame=known)
        if not known:
            wrong += skips(self.page)
        self.page.evaluate("document.activeElement.blur()")
        return wrong

    def _in_sizes(self, name: str, *, axe: bool) -> list[str]:
        page, wrong = self.page, []
        for scheme, width in SCREENS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 800})
            if folder := os.environ.get("SHOTS"):
                page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
            # Most rules look at what is in the page, and a phone's width has all of it.
            rules = [] if (scheme, width) == SCREENS[0] else ["color-contrast"]
            problems = faults(page, *rules) if axe else over_the_edge(page)
            wrong += [f"{width} px, {scheme}: {fault}" for fault in problems]
        between = BETWEEN if EVERY_CASE else (random.Random(name).choice(BETWEEN),)
        for width in (SMALLEST, *between):
            page.set_viewport_size({"width": width, "height": 800})
            wrong += over_the_edge(page)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        return wrong

    def assert_well(self) -> None:
        assert self.wrong == {}, "\n".join(
            f"{name}: {fault}" for name, faults in self.wrong.items() for fault in faults
        )


def operator_pages(page: Page, home: str) -> list[str]:
    """Where the operator's tabs lead, the host's own too, by the addresses behind that of ``home``."""
    page.goto(home)
    links = page.get_by_role("navigation", name="Operator").get_by_role("link").all()
    paths = [urlsplit(link.get_attribute("href") or "").path for link in links]
    assert len(paths) >= 8, paths
    return [path.removeprefix(urlsplit(home).path) for path in paths]
