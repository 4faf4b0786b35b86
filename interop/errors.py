"""The exceptions a user can meet; wrong data is never among them (it is an `Issue`).

    InteropError                 exit 3, one line, no traceback
    +-- MappingError             a mapping file or view is wrong
    +-- SpecError                a table under sdtm/ or fhir_profiles/ is wrong
    +-- StudyError               a study folder is wrong
    +-- SourceError              what was named as a source cannot be opened at all
    +-- OutputError              a target cannot be written (not empty, a value XPT cannot hold)

`MappingError`, `SpecError` and `StudyError` carry the place (`file`, `line`) and begin with it.
"""

from pathlib import Path


class InteropError(Exception):
    """Base of every error that the toolkit raises on purpose."""

    exit_code = 3


class PlacedError(InteropError):
    """An error in a file that a person wrote; its text begins with ``file:line``."""

    def __init__(self, message: str, *, file: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.file, self.line = message, file, line
        place = "" if file is None else f"{file}:{line}  " if line else f"{file}  "
        super().__init__(f"{place}{message}")


class MappingError(PlacedError):
    """A mapping file, a view or a concept map is wrong."""


class SpecError(PlacedError):
    """A table of the standard (``sdtm/``, ``fhir_profiles/``) is wrong."""


class StudyError(PlacedError):
    """A study folder is wrong."""


class SourceError(InteropError):
    """A source cannot be opened: it does not exist, or is none of the known forms."""


class OutputError(InteropError):
    """A target cannot be written."""
