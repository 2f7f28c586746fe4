"""One table: states, events, and what each event comes to in each state."""

from __future__ import annotations

from dataclasses import dataclass

#: Why a cell can't happen.
NEVER = {
    "charge": "No charge was made, so no bank can take one back.",
    "disputed": "A bank opens one dispute of a charge.",
    "paid": "It is not paid yet.",
    "once": "Its refund has failed already, or the whole is refunded.",
    "plan": "There is no plan.",
    "free": "Stripe makes no credit note of nothing.",
}


@dataclass(frozen=True)
class Table:
    """One kind of state against the events that concern it.

    :param states: Each column's name, and what it stands for.
    :param events: Each row's name, and what happens.
    """

    title: str
    about: str
    states: dict[str, str]
    events: dict[str, str]
    text: str

    def cells(self) -> dict[str, dict[str, str]]:
        """What each event comes to in each state: ``cells[state][event]``."""
        header, *lines = [
            [cell.strip() for cell in line.split("|")] for line in self.text.strip().splitlines()
        ]
        assert header[1:] == list(self.states), f"{self.title}: the columns are {header[1:]}"
        assert [line[0] for line in lines] == list(self.events), f"{self.title}: the rows are other ones"
        assert all(len(line) == len(header) for line in lines), f"{self.title}: a row has other columns"
        return {
            state: {line[0]: line[column] for line in lines} for column, state in enumerate(header) if column
        }
