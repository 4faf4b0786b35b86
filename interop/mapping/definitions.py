"""The views of a study as plain SQL-on-FHIR v2 ViewDefinitions, for other engines and for reading."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from interop.errors import OutputError
from interop.fhir.definition import plain_definition
from interop.mapping.model import DomainMapping
from interop.tables import Tree

Definitions = Mapping[str, Mapping[str, Any]]

ROSTER = "roster"
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_BEGINNING = b'{\n "resourceType": "ViewDefinition",'


def definitions(
    mappings: Mapping[str, DomainMapping], *, roster: Tree, constants: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Every view by ``<domain>.<view>``, those of the roster first.

    `roster` is the tree of ``roster.yaml``, `constants` are the study's. A view's name is its key with a low
    line, so that all can be tables of one database.
    """
    places = {ROSTER: roster.data["views"]}
    places |= {domain.lower(): mapping.definitions for domain, mapping in mappings.items()}
    return {
        f"{place}.{view}": plain_definition(definition, name=f"{place}_{view}", constants=constants)
        for place, views in places.items()
        for view, definition in views.items()
    }


def definition_json(definition: Any) -> bytes:
    """JSON of a ViewDefinition, or of a list of them; the same bytes whenever it is made."""
    return msgspec.json.format(_ENCODER.encode(definition), indent=1) + b"\n"


def write_definitions(made: Definitions, out: Path | str, *, force: bool = False) -> list[Path]:
    """Write a file ``<domain>.<view>.json`` for each view; returns the files, in order.

    With `force` the ViewDefinitions of an earlier run are replaced, other files stay. Raises OutputError
    for a target that cannot be written, and without `force` for one that is not empty.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; a folder is needed")
    try:
        if out.exists() and any(out.iterdir()) and not force:
            raise OutputError(f"{out}: exists and is not empty; name another target, or use --force")
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as part:
            for name, definition in made.items():
                (Path(part) / f"{name}.json").write_bytes(definition_json(definition))
            for old in _earlier(out):
                old.unlink()
            return [(Path(part) / f"{name}.json").replace(out / f"{name}.json") for name in made]
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or type(error).__name__})") from error


def _earlier(out: Path) -> list[Path]:
    found = []
    for path in sorted(out.glob("*.*.json")):
        with path.open("rb") as file:
            if file.read(len(_BEGINNING)) == _BEGINNING:
                found.append(path)
    return found
