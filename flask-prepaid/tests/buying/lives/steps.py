"""A life is a list of steps, each drawn by a seed of its own: the others stay when one is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Words = dict[str, int | str]


@dataclass(frozen=True)
class Step:
    """``number`` names it: a later step that is about this one says so by ``of``."""

    number: int
    verb: str
    words: Words

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {word}" for name, word in self.words.items() if word != "")
        return f"{self.number:3}. {self.verb.replace('_', ' ')}" + (f": {shown}" if shown else "")

    def word(self, name: str) -> str:
        return str(self.words[name])

    def count(self, name: str) -> int:
        return int(self.words[name])


#: Draws a verb's words; ``None`` where nothing that came earlier fits.
Draw = Callable[[Random, list[Step]], Words | None]

#: When lives begin: before the end of a month, of a February, and of a year.
STARTS = ("2026-01-31T12:00:00", "2024-02-28T23:59:50", "2025-12-30T06:00:00")

#: How what happens at Stripe is heard of. ``lost``: no event arrives, until the books are reconciled.
HEARD = (*[""] * 8, "doubled", "doubled", "lost")

#: How many lines of ours a process executes, about, until it has done each; it dies at one of them.
LINES = {"buy": 500, "press": 1_000, "refund": 350}

#: Steps with which a life begins.
BEGINNINGS = ("buy", "keep_card", "subscribe", "grant")

#: Steps that bring money in by themselves.
PAYS = ("buy", "press")


def of(earlier: list[Step], draw: Random, *verbs: str) -> int | None:
    """The number of an earlier step of one of these verbs, the later the likelier."""
    numbers = [step.number for step in earlier if step.verb in verbs]
    return draw.choice(numbers[-3:]) if numbers else None


def paid_by(earlier: list[Step], draw: Random) -> int | str | None:
    """Which payment: that of an earlier step, the latest top-up, or the latest or first month of a plan."""
    wheres: list[int | str] = [*[step.number for step in earlier if step.verb in PAYS][-4:]]
    if any(step.verb == "top_up" for step in earlier):
        wheres += ["top-up"] * 2
    if any(step.verb == "subscribe" for step in earlier):
        wheres += ["plan", "plan", "first month"]
    return draw.choice(wheres) if wheres else None


def about(make: Callable[[Random], Words]) -> Draw:
    """A step about an earlier payment."""

    def drawn(draw: Random, earlier: list[Step]) -> Words | None:
        where = paid_by(earlier, draw)
        return None if where is None else {"of": where, **make(draw)}

    return drawn


def about_step(*verbs: str, **more: Callable[[Random], int | str]) -> Draw:
    """A step about an earlier step of one of these verbs."""

    def drawn(draw: Random, earlier: list[Step]) -> Words | None:
        where = of(earlier, draw, *verbs)
        return None if where is None else {"of": where, **{name: make(draw) for name, make in more.items()}}

    return drawn


def alone(**more: Callable[[Random], int | str]) -> Draw:
    return lambda draw, _: {name: make(draw) for name, make in more.items()}


def one_of(*words: int | str) -> Callable[[Random], int | str]:
    return lambda draw: draw.choice(words)


def crash(verb: str) -> Callable[[Random], int | str]:
    """The line at which the process dies, for one step in six."""
    return lambda draw: draw.randint(1, LINES[verb]) if draw.random() < 1 / 6 else ""


few = one_of(1, 7, 20, 40, 60, 90, 120)

#: How likely each verb is beside the others, and how its words are drawn.
VERBS: dict[str, tuple[int, Draw]] = {
    "buy": (
        10,
        alone(
            item=one_of("starter", "starter", "bonus", "bonus", "berlin", "10", "60", "120"),
            code=one_of("", "", "", "", "HALF", "ALL"),
            card=one_of("good", "good", "good", "good", "refunds fail", "declines"),
            heard=one_of(*HEARD),
            meanwhile=one_of("", "", "", "", "price rises", "price falls"),
            dies=crash("buy"),
        ),
    ),
    "press": (4, alone(item=one_of("starter", "bonus", "60"), dies=crash("press"))),
    "keep_card": (3, alone(card=one_of("good", "good", "declines"))),
    "remove_card": (1, alone()),
    "spend": (12, alone(credits=few, spender=one_of("", "", "key:1"), now=one_of("", "now", "rolled back"))),
    "hold": (4, alone(credits=few, spender=one_of("", "key:1"))),
    "extend": (2, about_step("hold", credits=one_of(0, 20, 60, 130), hours=one_of(0, 2, 30))),
    "capture": (
        3,
        about_step("hold", credits=one_of(1, 7, 20, 60, 130), overrun=one_of("", "", "spend", "debt")),
    ),
    "release": (2, about_step("hold")),
    "reverse": (3, about_step("spend", credits=one_of(1, 7, 20, 60))),
    "grant": (4, alone(credits=one_of(5, 50, 150), days=one_of("", "", 3, 40))),
    "redeem": (2, alone(code=one_of("WELCOME", "SUMMER", "SUMMER"))),
    "adjust": (3, alone(credits=one_of(-60, -20, -5, 15))),
    "budget": (1, alone(credits=one_of(0, 50, 150), spender=one_of("", "key:1"), every=one_of("", "month"))),
    "refund": (
        9,
        about(
            lambda draw: {
                "what": draw.choice(["all", "all", "eighths", "eighths", "credits"]),
                "much": draw.randint(1, 8),
                "door": draw.choice(["here", "here", "dashboard"]),
                "heard": draw.choice(HEARD),
                "dies": crash("refund")(draw),
            }
        ),
    ),
    "dispute": (
        4,
        about(
            lambda draw: {
                "quarters": draw.choice([4, 4, 1, 2, 3]),
                "reason": draw.choice(["fraudulent", "fraudulent", "inquiry"]),
                "heard": draw.choice(HEARD),
            }
        ),
    ),
    "disputed_otherwise": (2, about_step("dispute", quarters=one_of(1, 2, 4), heard=one_of(*HEARD))),
    "dispute_ends": (3, about_step("dispute", outcome=one_of("won", "won", "lost"), heard=one_of(*HEARD))),
    "subscribe": (3, alone(plan=one_of("small", "small", "large", "3 seats"))),
    "change_plan": (2, alone(plan=one_of("small", "cheap", "rich", "large"), heard=one_of(*HEARD))),
    "pause": (1, alone()),
    "resume": (2, about_step("pause")),
    "end_plan": (1, alone()),
    "coupon": (1, alone(percent=one_of(100, 100, 50))),
    "balance": (1, alone(minor=one_of(-400, -1_000))),
    "credit_note": (1, alone(quarters=one_of(1, 2, 4), heard=one_of(*HEARD))),
    "top_up": (4, alone(pack=one_of("starter", "bonus"), threshold=one_of(20, 110), times=one_of(1, 3))),
    "reprice": (1, alone(item=one_of("starter", "bonus"), percent=one_of(50, 200))),
    "block": (1, alone(blocked=one_of("yes", "no"))),
    "leave": (1, alone()),
    "wait": (
        8,
        alone(
            hours=one_of(1, 2, 25, 24 * 8, 24 * 29, 24 * 31),
            heard=one_of(*[""] * 5, "lost"),
            tick=one_of("whole", "", ""),
        ),
    ),
}


#: What a life is mostly about: a few verbs that meet each other often find more than all of them once each.
THEMES: dict[str, tuple[str, ...]] = {
    "packs": ("buy", "press", "keep_card", "spend", "reprice", "refund", "dispute", "disputed_otherwise"),
    "disputes": (
        "buy",
        "spend",
        "refund",
        "dispute",
        "disputed_otherwise",
        "dispute_ends",
        "grant",
        "top_up",
    ),
    "credits": (
        "buy",
        "grant",
        "redeem",
        "spend",
        "hold",
        "extend",
        "capture",
        "release",
        "reverse",
        "adjust",
        "budget",
    ),
    "lots": ("buy", "grant", "spend", "refund", "adjust", "reverse", "hold", "dispute_ends", "dispute"),
    "plans": (
        "subscribe",
        "change_plan",
        "spend",
        "refund",
        "coupon",
        "balance",
        "credit_note",
        "end_plan",
        "pause",
        "resume",
        "grant",
    ),
    "debts": ("subscribe", "buy", "spend", "refund", "dispute", "credit_note", "keep_card", "top_up"),
    "top-ups": ("keep_card", "top_up", "spend", "adjust", "refund", "dispute", "reprice", "block"),
}


#: What lives are about that look for one mistake; others are never about so little. A verb that stands there
#: several times is so much likelier.
NARROW: dict[str, tuple[str, ...]] = {
    "debts of a plan": ("subscribe", "spend", "refund"),
    "refunds in parts": ("buy", "refund"),
    "changed plans": ("subscribe", *["change_plan"] * 4, "refund", "dispute", "dispute_ends", "credit_note"),
    "blocks": ("keep_card", "top_up", "block", "spend"),
    "balances": ("subscribe", "press", *["credit_note"] * 6, *["balance"] * 2, "refund", "spend"),
    "prices of top-ups": ("keep_card", "top_up", *["reprice"] * 6, "spend"),
}


@dataclass(frozen=True)
class Drawn:
    """A life as it was drawn: when it begins, its steps, and whether its shop makes invoices of all sales.

    ``theme`` is what it was to be about, where that was named.
    """

    start: str
    steps: tuple[Step, ...]
    invoices: bool = False
    theme: str | None = None


def draw_life(seed: int, about: str | None = None) -> Drawn:
    """The life of a seed. Its first step brings something in, and time passes in it; some have no theme.

    :param about: Its theme, in place of one that is drawn.
    """
    whole = Random(f"life {seed}")
    any_theme = [*THEMES.values(), tuple(VERBS), tuple(VERBS)]
    theme = (THEMES | NARROW)[about] if about else Random(f"theme of {seed}").choice(any_theme)
    names = theme if "wait" in theme else (*theme, "wait")
    steps: list[Step] = []
    for number in range(1, whole.randint(5, 14) + 1):
        draw = Random(f"life {seed}, step {number}")
        steps.append(draw_step(draw, number, steps, names))
    return Drawn(whole.choice(STARTS), tuple(steps), invoices=whole.random() < 1 / 4, theme=about)


def draw_step(draw: Random, number: int, earlier: list[Step], names: tuple[str, ...]) -> Step:
    if number == 1:
        names = tuple(name for name in names if name in BEGINNINGS)
    while True:
        (verb,) = draw.choices(names, [VERBS[name][0] for name in names])
        words = VERBS[verb][1](draw, earlier)
        if words is not None:
            return Step(number, verb, words)
