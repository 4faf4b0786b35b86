"""Text longer than a variable holds: its first part stays, the rest goes to SUPP-- (SDTMIG 3.4 4.5.3.2)."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

MOST_BYTES = 200  # of a Char variable (XPT version 5; FDA Technical Conformance Guide), in UTF-8
_WIDEST = 4  # bytes of a character in UTF-8, at most


def split(text: str) -> list[str]:
    """Parts of at most 200 bytes, cut at blanks, and between ideographs, which have none.

    `join` makes the text of them again; a single part is a text that needs no cut, or that cannot be cut so
    that it comes back (blanks in rows, where a cut would lose some).
    """
    parts = []
    rest = text
    while len(rest.encode()) > MOST_BYTES:
        cut = _cut(rest)
        if cut is None:
            return [text]
        left, rest = cut
        parts.append(left)
    return [*parts, rest]


def join(parts: Sequence[str]) -> str:
    """The text that `split` cut: a blank between parts, none where the cut cannot have been at one."""
    text = parts[0]
    for left, right in pairwise(parts):
        text += right if _inside(left, right) else f" {right}"
    return text


def numbered(name: str, number: int) -> str:
    """QNAM of the nth further part: ``AETERM1``; a long name gives way to the number."""
    return f"{name[: 8 - len(str(number))]}{number}"


def _cut(text: str) -> tuple[str, str] | None:
    """The longest first part that `join` puts back, and what is left."""
    longest = len(text.encode()[:MOST_BYTES].decode(errors="ignore"))
    for at in range(longest, 0, -1):
        left, right = text[:at], text[at:]
        if left[-1] != " " and right[0] == " " and right[1:2].strip() and not _inside(left, right[1:]):
            return left, right[1:]
        if " " not in (left[-1], right[0]) and (_wide(left[-1]) or _wide(right[0])):
            return left, right
    left, right = text[:longest], text[longest:]
    whole = " " not in (left[-1], right[0]) and _inside(left, right)
    return (left, right) if whole else None


def _inside(left: str, right: str) -> bool:
    """Whether no blank was between two parts: next to an ideograph, or where the first part is full."""
    return _wide(left[-1]) or _wide(right[0]) or len(left.encode()) > MOST_BYTES - _WIDEST


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"}
