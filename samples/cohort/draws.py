"""Seeded draws that give the same numbers on every platform and Python version."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws named by its seeds; built on `random.random` alone, whose stream never changes."""

    def __init__(self, *seeds: object) -> None:
        self._next = random.Random(":".join(map(str, seeds))).random

    def below(self, limit: int) -> int:
        """Whole number from 0 up to, not including, `limit`."""
        return int(self._next() * limit)

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[self.below(len(choices))]

    def chance(self, share: float) -> bool:
        """True in `share` (0 to 1) of the draws."""
        return self._next() < share

    def near(self, middle: float, spread: float) -> float:
        """Bell-shaped draw around `middle`: a sum of four uniform draws, so no call into the C library."""
        return middle + spread * 1.7 * (self._next() + self._next() + self._next() + self._next() - 2)
