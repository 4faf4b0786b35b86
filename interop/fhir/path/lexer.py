"""Text of a FHIRPath expression -> tokens with their columns (FHIRPath N1, grammar)."""

import re
from pathlib import Path
from typing import Literal, NoReturn

import msgspec

from interop.errors import MappingError

MAX_LENGTH = 10_000  # characters; no honest expression comes near

Kind = Literal["name", "string", "number", "temporal", "constant", "this", "symbol", "end"]

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+ | //[^\n]* | /\*(?s:.)*?\*/)
      | @(?P<temporal>T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?
        | \d{4}(?:-\d\d(?:-\d\d)?)?(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)
      | (?P<number>\d+(?:\.\d+)?)
      | '(?P<string>(?:[^'\\]|\\.)*)'
      | %(?P<constant>[A-Za-z_][A-Za-z0-9_-]* | `[^`]+` | '[^']+')
      | (?P<this>\$this)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]* | `[^`]+`)
      | (?P<symbol><=|>=|!=|!~|[.()\[\]{},=~<>|+*/&-])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class Token(msgspec.Struct, frozen=True):
    """A piece of an expression; `column` is 1-based."""

    kind: Kind
    text: str
    column: int


class Place(msgspec.Struct, frozen=True):
    """Where an expression stands, for its errors."""

    text: str
    file: Path | str | None = None
    line: int | None = None

    def fail(self, column: int, message: str) -> NoReturn:
        """Raise MappingError that names the expression and the 1-based column."""
        shown = self.text if len(self.text) <= 200 else f"{self.text[:200]}..."  # noqa: PLR2004  # a line of a terminal or two
        raise MappingError(f"path `{shown}`, column {column}: {message}", file=self.file, line=self.line)


def tokens(place: Place) -> list[Token]:
    """Tokens of an expression, the last one of kind "end".

    Raises MappingError on a character that begins no token, or an expression above MAX_LENGTH.
    """
    if len(place.text) > MAX_LENGTH:
        place.fail(1, f"has {len(place.text)} characters; at most {MAX_LENGTH} are read")
    found, at = [], 0
    while at < len(place.text):
        match = _TOKEN.match(place.text, at)
        if match is None:
            place.fail(at + 1, f"expected a name, a literal or an operator, found {place.text[at]!r}")
        if match.lastgroup != "blank":
            found.append(_token(match))
        at = match.end()
    return [*found, Token("end", "the end", at + 1)]


def _token(match: re.Match[str]) -> Token:
    kind: Kind = match.lastgroup  # type: ignore[assignment]  # every named group but blank is a Kind
    text = match[kind]
    if kind == "string":
        text = _ESCAPE.sub(_unescape, text)
    elif kind in ("constant", "name"):
        text = text.strip("`'")
    return Token(kind, text, match.start() + 1)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)
