"""One line of the table: our way beside another, measured in one run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is ours over the reference, or the other way where less is better."""

    what: str
    unit: str
    ours: float
    reference: float
    ratio: float
    goal: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal
