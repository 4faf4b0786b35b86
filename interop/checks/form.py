"""FHIR JSON kept as it was written: members of an object in pairs, numbers as text (FHIR R4 2.6.2).

A usual decoder hides what a check is about: of a key that stands twice it keeps one.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec


class Members(list[tuple[str, Any]]):
    """An object: its members in their order, a key as often as it was written."""


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


FORM: Mapping[type, str] = {
    Members: "an object",
    list: "a list",
    str: "a string",
    Number: "a number",
    bool: "a boolean",
    type(None): "null",
}


_RAWS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no {text}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=_no_number
)


def written(raw: bytes) -> Any:
    """Value of a JSON text with `Members` and `Number`; ValueError when it is not JSON."""
    return _DECODER.decode(raw.decode())


def members_of(raw: bytes) -> tuple[tuple[str, ...], Mapping[str, bytes]]:
    """Keys of a JSON object as often as they stand, and the bytes of each value (of two, the last).

    Raises ValueError when it is no object.
    """
    raws = {name: bytes(value) for name, value in _RAWS.decode(raw).items()}
    compact = 1 + sum(map(len, raws.values())) + sum(len(name.encode()) + 4 for name in raws)
    if len(raw) == compact:  # every byte is accounted for, so no key stands twice
        return tuple(raws), raws
    return tuple(name for name, _ in written(raw)), raws
