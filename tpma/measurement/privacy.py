"""What a vendor may not see: figures about fewer than five recipients."""

from collections.abc import Sequence
from dataclasses import dataclass

from tpma.audiences.rules import FEWEST

OTHERS = "*"  # the row that small ones are added up in


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of one part of a launch: a language, or a step."""

    key: str
    sent: int
    delivered: int
    opened: int
    clicked: int
    leads: int

    def plus(self, other: "Row") -> "Row":
        return Row(
            OTHERS,
            self.sent + other.sent,
            self.delivered + other.delivered,
            self.opened + other.opened,
            self.clicked + other.clicked,
            self.leads + other.leads,
        )


def enough(recipients: int) -> bool:
    return recipients >= FEWEST


def grouped(rows: Sequence[Row]) -> list[Row]:
    """Rows of at least five recipients; smaller ones added up, largest first, others last.

    If those together are still too few, the next smallest row joins them, so that nothing can
    be found out by subtracting from the total. Nothing is shown of a total below five.
    """
    ordered = sorted(rows, key=lambda row: (-row.sent, row.key))
    shown = [row for row in ordered if enough(row.sent)]
    small = [row for row in ordered if not enough(row.sent)]
    if not small:
        return shown
    rest = small[0]
    for row in small[1:]:
        rest = rest.plus(row)
    while not enough(rest.sent) and shown:
        rest = shown.pop().plus(rest)
    return [*shown, rest] if enough(rest.sent) else []
