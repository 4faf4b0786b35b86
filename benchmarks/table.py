"""The rows of the table that `make bench` prints."""

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One figure: ours, the peer's, their ratio, what the performance plan holds, and what must hold now."""

    number: str
    what: str
    ours: str
    peer: str
    ratio: float
    hold: str
    here: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is as it must be; losses (unit ``rows``) and times (``times``) must not exceed it."""
        return self.ratio <= self.here if self.unit in {" rows", " times"} else self.ratio >= self.here


def seconds(value: float) -> str:
    """A time for the table."""
    return f"{value:.3f} s"


def printed(rows: Iterable[Row]) -> str:
    """The table as text."""
    head = ("#", "what", "ours", "peer", "figure", "plan", "hold", "")
    lines = [head]
    for row in rows:
        figure = f"{row.ratio:.2f}{row.unit}" if not row.unit else f"{row.ratio:.4g}{row.unit}"
        lines.append(
            (
                row.number,
                row.what,
                row.ours,
                row.peer,
                figure,
                row.hold,
                f"{row.here:g}",
                "yes" if row.holds else "NO",
            )
        )
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
