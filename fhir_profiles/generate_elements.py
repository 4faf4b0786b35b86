"""Write r4-elements.csv: path, types, min, max and targets of every element of FHIR R4.

    npm pack hl7.fhir.r4.examples@4.0.1 && tar xzf hl7.fhir.r4.examples-4.0.1.tgz
    python fhir_profiles/generate_elements.py package

Source: npm package hl7.fhir.r4.examples 4.0.1 (CC0-1.0), the snapshots of its base StructureDefinitions.
The id, extension and modifierExtension of nested elements are left out: BackboneElement states them once.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INHERITED = ("id", "extension", "modifierExtension")
SYSTEM = "http://hl7.org/fhirpath/System."
OUT = Path(__file__).with_name("r4-elements.csv")

Row = tuple[str, str, str, str, str]


def structures(package: Path) -> Iterator[dict[str, Any]]:
    """The base definitions (not profiles) of resources and complex datatypes in an unpacked FHIR package."""
    for path in sorted(package.glob("StructureDefinition-*.json")):
        definition = json.loads(path.read_text(encoding="utf-8"))
        if (
            definition["kind"] in ("resource", "complex-type")
            and definition.get("derivation") != "constraint"
        ):
            yield definition


def rows(definition: dict[str, Any]) -> Iterator[Row]:
    """One row per element of a StructureDefinition's snapshot, the root included."""
    for element in definition["snapshot"]["element"]:
        path: str = element["path"]
        if path.count(".") > 1 and path.rpartition(".")[2] in INHERITED:
            continue
        types = element.get("type", [])
        targets = {profile.rpartition("/")[2] for kind in types for profile in kind.get("targetProfile", [])}
        yield path, _types(element), str(element["min"]), element["max"], "|".join(sorted(targets))


def _types(element: dict[str, Any]) -> str:
    if "contentReference" in element:
        return str(element["contentReference"])
    codes = (kind["code"] for kind in element.get("type", []))
    return "|".join(_type(element["path"], code) for code in codes)


def _type(path: str, code: str) -> str:
    if not code.startswith(SYSTEM):
        return code
    return "id" if path.endswith(".id") else "uri" if path.endswith(".url") else "string"


def main(package: Path) -> None:
    """Write the table beside this script, sorted by definition, elements in the order of the standard."""
    found = {definition["type"]: list(rows(definition)) for definition in structures(package)}
    with OUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "types", "min", "max", "targets"])
        for name in sorted(found):
            writer.writerows(found[name])
    print(f"{OUT.name}: {sum(map(len, found.values()))} elements of {len(found)} definitions")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
