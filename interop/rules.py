"""The registry of rules: a rule is a function that says what is bad; its row in a CSV says how bad, and why.

A rule looks at one kind of subject and yields a short detail for each breach (`""` when its message says it
all). Who calls it turns that into issues, counts them all and keeps the first few as examples.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

Finds = Callable[..., Iterator[str]]


class Rule(msgspec.Struct, frozen=True):
    """A rule: its stable `id`, the kind of `subject` it looks at, and the function that `finds` breaches."""

    id: str
    subject: str
    finds: Finds


_RULES: dict[str, Rule] = {}
#: Every rule by its id.
RULES: Mapping[str, Rule] = MappingProxyType(_RULES)


def rule(id_: str, *, on: str) -> Callable[[Finds], Finds]:
    """Register a function as the rule `id_` on the kind of subject `on`.

    Raises ValueError when the id is taken: an id is stable and never reused.
    """

    def register(finds: Finds) -> Finds:
        if id_ in _RULES:
            raise ValueError(f"rule {id_} is there already; every rule has an id of its own")
        _RULES[id_] = Rule(id_, on, finds)
        return finds

    return register


def rules_on(subject: str) -> tuple[Rule, ...]:
    """Rules on one kind of subject, by id."""
    return tuple(found for _, found in sorted(_RULES.items()) if found.subject == subject)


def breaches(rules: tuple[Rule, ...], *subject: Any) -> Iterator[tuple[str, str]]:
    """Rule id and detail of every breach that some rules find in a subject."""
    for one in rules:
        for detail in one.finds(*subject):
            yield one.id, detail
