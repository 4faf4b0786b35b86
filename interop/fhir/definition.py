"""A view as a plain ViewDefinition, such as any engine of SQL-on-FHIR v2 evaluates."""

import copy
from collections.abc import Mapping
from typing import Any

from interop.fhir.view import typed_constant

FHIR_VERSION = "4.0.1"
_HEAD = ("resourceType", "name", "status", "fhirVersion", "resource", "constant", "where", "select")


def plain_definition(
    definition: Mapping[str, Any], *, name: str, constants: Mapping[str, str]
) -> dict[str, Any]:
    """The JSON of a view that `View.load` takes, complete in itself.

    `name` becomes its name; `constants` replace the values of the view's own constants of the same name, and
    every constant has a value of the JSON type that its ``value[x]`` says (SQL-on-FHIR v2,
    ViewDefinition.constant).
    """
    made = {"resourceType": "ViewDefinition", "status": "draft", "fhirVersion": [FHIR_VERSION]}
    whole = made | copy.deepcopy(dict(definition)) | {"name": name}
    if "constant" in whole:
        whole["constant"] = [_constant(entry, constants) for entry in whole["constant"]]
    return {key: whole[key] for key in (*_HEAD, *whole) if key in whole}


def _constant(entry: Mapping[str, Any], constants: Mapping[str, str]) -> dict[str, Any]:
    key = next(key for key in entry if key.startswith("value"))
    value = typed_constant(key.removeprefix("value"), constants.get(entry["name"], entry[key]))
    return {**entry, key: str(value) if isinstance(value, str) else value}
