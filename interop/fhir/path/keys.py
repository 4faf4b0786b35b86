"""Resource keys and the text of references (SQL-on-FHIR v2 getResourceKey, getReferenceKey; FHIR R4 2.3)."""

from typing import Any

from interop.fhir.elements import is_resource


def resource_key(resource: dict[str, Any]) -> str | None:
    """``Type/id`` of a resource; an id with a slash is a key already (``Patient/1#c``, contained)."""
    type_, id_ = resource.get("resourceType"), resource.get("id")
    if not isinstance(type_, str) or not isinstance(id_, str):
        return None
    return id_ if "/" in id_ else f"{type_}/{id_}"


def reference_key(reference: dict[str, Any], type_: str | None = None) -> str | None:
    """Text of a reference, normalised in its form only.

    ``Type/id`` and absolute URLs without their version, ``urn:uuid:...``, ``#id``, and for a reference by
    identifier ``Type?identifier=system|value``. Returns None for a display alone, and when the type is known
    and is not `type_`.
    """
    stated = reference.get("type")
    text = reference.get("reference")
    if isinstance(text, str) and text:
        text = text.partition("/_history/")[0]
        known = _target(text) or stated
        return None if type_ and known and known != type_ else text
    if type_ and stated and stated != type_:
        return None
    return _by_identifier(reference.get("identifier"), stated or type_ or "")


def _target(text: str) -> str | None:
    parts = text.split("/")
    return parts[-2] if len(parts) > 1 and is_resource(parts[-2]) else None


def _by_identifier(identifier: Any, type_: str) -> str | None:
    if not isinstance(identifier, dict) or not isinstance(identifier.get("value"), str):
        return None
    return f"{type_}?identifier={identifier.get('system') or ''}|{identifier['value']}"
