"""Where the knowledge folders are: in the checkout when run from one, else the wheel's copy."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Folder ``mappings``, ``sdtm``, ``fhir_profiles`` or ``samples``; a checkout wins over the wheel."""
    checkout = _PACKAGE.parent / name
    if (_PACKAGE.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    return _PACKAGE / "_data" / name
