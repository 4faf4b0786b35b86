"""Resources to NDJSON lines, with decimals exactly as the hospital wrote them."""

import json
import re
from typing import Any

Resource = dict[str, Any]

_MARK = "\ue000"  # private use: never in a hospital's text
_NUMBER = re.compile(f'"{_MARK}([^"]*)"')


def number(text: str) -> str:
    """Mark `text` (like ``1.50``) to be written as a JSON number with the same characters."""
    return _MARK + text


def encode(resource: Resource) -> str:
    """One line of JSON without its end, keys in the order given, text not escaped (RFC 8259)."""
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
    return _NUMBER.sub(r"\1", text)
