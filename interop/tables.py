"""Strict readers for what people write: YAML trees and CSV tables.

Every value is text, every error has its file:line. YAML is read as text only (``NO``, ``012``, ``1.50`` stay
what was typed); ``~`` and an empty value are null. Below the key ``views`` plain ``true``, ``false`` and
integers are JSON's, since a ViewDefinition is JSON.
"""

import csv
import difflib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import yaml

from interop.errors import MappingError, PlacedError

Keys = tuple[str | int, ...]


class Tree(msgspec.Struct, frozen=True):
    """A YAML file: its `data` (dicts, lists, text, null), and the line of every key path."""

    file: Path
    data: Any
    lines: Mapping[Keys, int]

    def line(self, keys: Sequence[str | int]) -> int:
        """Line of the deepest known part of a key path."""
        path = tuple(keys)
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class Row(msgspec.Struct, frozen=True):
    """One record of a CSV table: column name -> text (null when empty), with its line."""

    line: int
    values: Mapping[str, str | None]

    def __getitem__(self, column: str) -> str | None:
        return self.values.get(column)


def normal_text(text: str) -> str:
    """Form in which texts are compared exactly: NFKC, lower case, no outer blanks, one mu sign."""
    return unicodedata.normalize("NFKC", text).strip().lower().replace("\u00b5", "\u03bc")


def suggestion(word: str, known: Iterable[str]) -> str:
    """'; did you mean "x"?' when a known word is near, else nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser in C, where PyYAML was built with it


def read_yaml(file: Path, *, error: type[PlacedError] = MappingError) -> Tree:
    """Read a YAML file as text, keeping lines.

    Raises `error` with file:line on a syntax error, a duplicate key or a missing file.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise error(
            f"not valid YAML: {problem.problem}", file=file, line=mark.line + 1 if mark else None
        ) from None
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", file=file) from None
    lines: dict[Keys, int] = {(): 1}
    data = _construct(root, (), lines, file, error) if root else {}
    return Tree(file, data, lines)


def _construct(
    node: yaml.Node, path: Keys, lines: dict[Keys, int], file: Path, error: type[PlacedError]
) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        built: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in built:
                raise error(f'"{key.value}" stands here twice', file=file, line=key.start_mark.line + 1)
            lines[*path, key.value] = key.start_mark.line + 1
            built[key.value] = _construct(value, (*path, key.value), lines, file, error)
        return built
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, n), lines, file, error) for n, item in enumerate(node.value)]
    return _scalar(node, json_values="views" in path[:1])


def _scalar(node: yaml.Node, *, json_values: bool) -> Any:
    text: str = node.value
    if isinstance(node, yaml.ScalarNode) and node.style:  # quoted or a block; a plain scalar has none, or ""
        return text
    if text in ("~", ""):
        return None
    if json_values and (text in ("true", "false", "null") or text.lstrip("-").isdigit()):
        return json.loads(text)
    return text


@lru_cache
def _schema(file: Path) -> Any:
    return jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


def check_schema(tree: Tree, schema: Path, *, error: type[PlacedError] = MappingError) -> None:
    """Hold a tree against a JSON Schema (draft 2020-12); the first breach raises `error` with its line."""
    breaches = sorted(
        _schema(schema).iter_errors(tree.data), key=lambda b: [str(part) for part in b.absolute_path]
    )
    if not breaches:
        return
    # A key that is not known explains more than one that is missing: it is often the same, misspelt.
    unknown_keys = [breach for breach in breaches if breach.validator == "additionalProperties"]
    breach = unknown_keys[0] if unknown_keys else jsonschema.exceptions.best_match(breaches)
    path: list[str | int] = list(breach.absolute_path)
    if breach.validator == "additionalProperties":
        known = breach.schema.get("properties", {})
        unknown = next(key for key in breach.instance if key not in known)
        raise error(
            f'unknown key "{unknown}"{suggestion(unknown, known)} (known: {", ".join(known)})',
            file=tree.file,
            line=tree.line([*path, unknown]),
        )
    where = ".".join(str(part) for part in path)
    raise error(f"{where or 'file'}: {breach.message}", file=tree.file, line=tree.line(path))


def read_table(
    file: Path,
    *,
    required: Sequence[str],
    optional: Sequence[str] | None = None,
    error: type[PlacedError] = MappingError,
) -> list[Row]:
    """Read a CSV table with a header; lines that begin with ``#`` are comments.

    `required` columns must be there; other columns must be in `optional` unless that is None. Raises `error`
    with file:line on a missing or unknown column, or a record with another number of fields than the header.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", file=file) from None
    numbered = [
        (n, line) for n, line in enumerate(text.splitlines(), start=1) if line and not line.startswith("#")
    ]
    if not numbered:
        raise error(f"has no header; expected the columns {', '.join(required)}", file=file, line=1)
    records = list(zip((n for n, _ in numbered), csv.reader(line for _, line in numbered), strict=True))
    header_line, header = records[0]
    for column in required:
        if column not in header:
            raise error(
                f'column "{column}" is missing{suggestion(column, header)}', file=file, line=header_line
            )
    known = None if optional is None else {*required, *optional}
    for column in header:
        if known is not None and column not in known:
            raise error(f'unknown column "{column}"{suggestion(column, known)}', file=file, line=header_line)
    rows = []
    for line, record in records[1:]:
        if len(record) != len(header):
            raise error(f"{len(record)} fields, the header has {len(header)}", file=file, line=line)
        rows.append(Row(line, dict(zip(header, (value or None for value in record), strict=True))))
    return rows
