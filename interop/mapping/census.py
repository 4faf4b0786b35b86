"""The census: which elements of the resources no view reads, by path, in a second, full read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from interop.fhir.json import Decoder, parse
from interop.fhir.read import read, records
from interop.fhir.reads import Tree, elements_read, extension_name
from interop.fhir.source import Source
from interop.fhir.view import View
from interop.mapping.to_sdtm import Plan, Result


def census(source: Source, views: Iterable[View]) -> Mapping[str, int]:
    """Element paths that resources have and no view reads -> in how many resources, sorted by path.

    A path goes as deep as something above it is read (``Observation.code.coding.version``); a type that no
    view reads stands alone (``Encounter``). Names are those of JSON (``valueQuantity``), an extension is
    named by its url. What cannot be read is not counted.
    """
    trees = elements_read(views)
    found: Counter[str] = Counter()
    for _, _, raw in records(source, _ordinals(source)):
        found.update(_unread(parse(raw), trees))
    return dict(sorted(found.items()))


def with_census(plan: Plan, result: Result) -> Result:
    """The result with the census of its source in the ledger, beside it the losses that mappings declare."""
    views = [*plan.roster_views.values(), *(v for m in plan.mappings.values() for v in m.views.values())]
    losses = [loss for mapping in plan.mappings.values() for loss in mapping.loss]
    elements = declared(census(result.source, views), losses)
    return msgspec.structs.replace(result, ledger=msgspec.structs.replace(result.ledger, elements=elements))


def declared(
    paths: Mapping[str, int], losses: Iterable[Mapping[str, str]]
) -> Mapping[str, Mapping[str, Any]]:
    """The census as the ledger has it: per path ``resources`` and, where a loss is declared, ``why``."""
    reasons = {loss["path"]: loss["why"] for loss in losses}
    return {path: {"resources": n, **_why(path, reasons)} for path, n in paths.items()}


def _why(path: str, reasons: Mapping[str, str]) -> Mapping[str, str]:
    found = [why for start, why in reasons.items() if path == start or path.startswith(f"{start}.")]
    return {"why": found[0]} if found else {}


def _ordinals(source: Source) -> Mapping[str, set[int]]:
    decoder, found = Decoder(), dict[str, set[int]]()
    for part in source.parts():
        for chunk in read(part, decoder=decoder):
            found.setdefault(chunk.file, set()).update(chunk.ordinals)
    return found


def _unread(resource: Mapping[str, Any], trees: Mapping[str, Tree]) -> set[str]:
    kind = str(resource["resourceType"])
    found: set[str] = set()
    if kind in trees:
        _walk(
            {name: value for name, value in resource.items() if name != "resourceType"},
            trees[kind],
            kind,
            found,
        )
    else:
        found.add(kind)
    for inner in resource.get("contained", []):
        if isinstance(inner, dict) and "resourceType" in inner:
            found |= _unread(inner, trees)
    return found


def _walk(value: Mapping[str, Any], tree: Tree, path: str, found: set[str]) -> None:
    for name, below, item in _named(value):
        if name == "contained":
            continue
        read_below = tree.get(name)
        if read_below is None:
            if not below:
                found.add(f"{path}.{name}")
        elif isinstance(item, dict):
            _walk(item, read_below, f"{path}.{name}", found)


def _named(value: Mapping[str, Any]) -> Iterable[tuple[str, bool, Any]]:
    """Each item of each element: name, whether it stands beside a primitive that is named too, the item."""
    for key, content in value.items():
        for item in content if isinstance(content, list) else [content]:
            if key == "extension" and isinstance(item, dict):
                yield extension_name(item.get("url")), False, {k: v for k, v in item.items() if k != "url"}
            else:
                yield key.removeprefix("_"), key.startswith("_") and key[1:] in value, item
