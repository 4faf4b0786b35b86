"""FHIR JSON (R4 2.6.2): bytes to values and structs; a number keeps the text it was sent with.

Only msgspec's raw capture keeps `1.50` as written, so a resource is decoded into a `Decoder` struct whose
elements are bytes; `parse` turns one element's bytes into a value when something needs to look inside.
"""

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, Self

import msgspec

ENVELOPE = ("implicitRules", "modifierExtension", "contained", "identifier", "link", "status")

_EMPTY = msgspec.Raw(b"")  # an element that a resource lacks
_TYPED = ("resourceType", "id", "meta")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_MINUS_ZERO = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|(?<![eE])-0(?![\d.eE])', re.DOTALL)
_MINUS_ZERO_MARK = "-0e000000"
_LONG = 4000  # digits of an integer, beyond which Python and msgspec refuse it
_BRACES = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class TooDeep(ValueError):  # noqa: N818  reads as the claim it makes
    """The JSON nests deeper than allowed."""


class Limits(msgspec.Struct, frozen=True):
    """What a hostile file cannot pass: bytes of one line, levels of nesting, bytes of one JSON document."""

    line_bytes: int = 16 << 20
    depth: int = 64
    bundle_bytes: int = 1 << 30


LIMITS = Limits()


class Number(Decimal):
    """A FHIR decimal (R4 2.24): a `Decimal` that keeps its `text` as sent (`1.50`, `1E2`)."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Read a JSON number; ValueError when its exponent is beyond what `Decimal` holds."""
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:
            raise ValueError("a number has an exponent out of range") from None
        number.text = "-0" if text == _MINUS_ZERO_MARK else text
        return number

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)


class Meta(msgspec.Struct, frozen=True, gc=False):
    """The two elements of `meta` that tell versions apart (R4 Resource.meta)."""

    versionId: str | None = None  # noqa: N815  FHIR's own name
    lastUpdated: str | None = None  # noqa: N815


_RAW_META = ("id", "extension", "source", "profile", "security", "tag")
_EXTENDED = ("versionId", "lastUpdated", "source", "profile")
#: `Meta` with the other elements as bytes, for views that read them; encoded, it is `meta` again.
WHOLE_META = msgspec.defstruct(
    "WholeMeta",
    [
        *((name, str | None, None) for name in ("versionId", "lastUpdated")),
        *((name, msgspec.Raw, _EMPTY) for name in _RAW_META),
        *((f"own_{name}", msgspec.Raw, _EMPTY) for name in _EXTENDED),
    ],
    rename={f"own_{name}": f"_{name}" for name in _EXTENDED},
    frozen=True,
    gc=False,
    omit_defaults=True,
)

_VALUES = msgspec.json.Decoder(float_hook=Number)


def _any_number(text: str) -> int | Number | str:
    try:
        return int(text) if len(text) < _LONG and text.lstrip("-").isdecimal() else Number(text)
    except ValueError:
        return text


_HUGE = json.JSONDecoder(parse_int=_any_number, parse_float=_any_number)  # slow, for numbers without bounds


def _as_sent(number: object) -> msgspec.Raw:
    if isinstance(number, Number):
        return msgspec.Raw(number.text.encode())
    raise TypeError(f"FHIR JSON has no {type(number).__name__}")


_WRITE = msgspec.json.Encoder(enc_hook=_as_sent, decimal_format="number")
_CANONICAL = msgspec.json.Encoder(enc_hook=_as_sent, decimal_format="number", order="sorted")


def is_too_deep(raw: bytes, *, depth: int) -> bool:
    """Whether JSON nests deeper than allowed; brackets inside strings do not count.

    `raw` is one JSON text, which need not be valid; `depth` the levels allowed.
    """
    if raw.count(b"{") + raw.count(b"[") <= depth:
        return False
    braces = _STRING.sub(b"", raw).translate(_BRACES, _NOT_BRACKETS)
    for _ in range(depth):  # each pass takes away the innermost level
        inner = braces.replace(b"{}", b"")
        if len(inner) == len(braces):
            break
        braces = inner
    return b"{}" in braces or braces.count(b"{") > depth


def parse(raw: bytes | bytearray | memoryview, *, depth: int = 64) -> Any:
    """Value of a JSON text: dict, list, str, bool, None, int, or `Number` (with point, exponent, or `-0`).

    `raw` is one JSON text in UTF-8, `depth` the levels of nesting allowed. An integer of thousands of digits
    is a `Number`, and a number whose exponent no `Decimal` holds is its text. Raises TooDeep when it nests
    deeper and ValueError when it is not JSON; the message holds no content.
    """
    text = bytes(raw)
    if is_too_deep(text, depth=depth):
        raise TooDeep(f"nested deeper than {depth} levels")
    if b"-0" in text:
        text = _MINUS_ZERO.sub(lambda m: m[1] or _MINUS_ZERO_MARK.encode(), text)
    try:
        return _VALUES.decode(text)
    except msgspec.ValidationError:  # of a text that is JSON only a number can be refused
        return _HUGE.decode(text.decode())
    except RecursionError:
        raise TooDeep("nested deeper than the decoder can follow") from None


def render(value: object) -> str:
    """Text of a primitive as FHIR JSON writes it (R4 2.6.2): `true`, `1.50`, a string as it is.

    Raises TypeError for an object, an array or null.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, int | Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not a FHIR primitive")


def dump(value: object) -> bytes:
    """JSON text of a value, members in their own order, numbers as sent.

    Raises TypeError for a value that JSON does not know (a set), ValueError for text that UTF-8 cannot hold
    (half of a surrogate pair).
    """
    return _WRITE.encode(value)


def canonical(raw: bytes) -> bytes:
    """JSON text whose bytes are equal whenever the values are: no spaces, members by name, numbers as sent.

    Raises TooDeep and ValueError as `parse`.
    """
    return _CANONICAL.encode(parse(raw))


class Decoder:
    """Decodes resources into structs of raw elements: one per resource type or one for all, made once a run.

    `elements` are the top-level JSON names to capture (`valueQuantity`, `_birthDate`, `class`) besides the
    envelope: resourceType, id, meta and `ENVELOPE`. `struct` is the type of what `decode` (one JSON
    text) and `decode_lines` (whole lines) return: the envelope as attributes, the rest through `element`.
    """

    def __init__(self, elements: Iterable[str] = ()) -> None:
        wanted = dict.fromkeys((*ENVELOPE, *elements))
        self._has_whole_meta = "meta" in wanted
        fields = ((name, name if name in ENVELOPE else f"e{i}") for i, name in enumerate(wanted))
        self._names = {name: field for name, field in fields if name not in _TYPED}
        meta = ("meta", (WHOLE_META if self._has_whole_meta else Meta) | None, None)
        raws = [(field, msgspec.Raw, _EMPTY) for field in self._names.values()]
        self.struct = msgspec.defstruct(
            "Resource",
            [("resourceType", str), ("id", str | None, None), meta, *raws],
            rename={field: name for name, field in self._names.items()},
            gc=False,
        )
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self.struct)
        self.decode, self.decode_lines = decoder.decode, decoder.decode_lines

    @property
    def elements(self) -> tuple[str, ...]:
        """Names captured as bytes, the envelope first."""
        return tuple(self._names)

    def element(self, resources: Iterable[Any], name: str) -> list[bytes]:
        """JSON bytes of one element of each resource, `b""` where it is absent.

        Raises KeyError when the element was not asked for.
        """
        if name in _TYPED:
            values = map(attrgetter(name), resources)
            return [b"" if value is None else _WRITE.encode(value) for value in values]
        return list(map(bytes, map(attrgetter(self._names[name]), resources)))

    def present(self, resources: Sequence[Any], names: Sequence[str]) -> dict[str, list[bytes]]:
        """Those of several elements that any of some resources has, each as `element` gives it."""
        typed = [name for name in names if name in _TYPED]
        found = {name: self.element(resources, name) for name in typed}
        raw = [name for name in names if name not in typed]
        if raw and resources:
            own = map(self._names.__getitem__, raw)
            fields = attrgetter(*own, "id")  # with a second field it gives a tuple
            for name, column in zip(raw, zip(*map(fields, resources), strict=True), strict=False):
                if column.count(_EMPTY) < len(column):  # quick, for it is one object
                    found[name] = list(map(bytes, column))
        return found

    def versions(self, resources: Iterable[Any]) -> list[tuple[str | None, str | None]]:
        """`meta.versionId` and `meta.lastUpdated` of each resource, as sent."""
        metas = map(attrgetter("meta"), resources)
        return [(None, None) if meta is None else (meta.versionId, meta.lastUpdated) for meta in metas]
