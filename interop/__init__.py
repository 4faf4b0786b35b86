"""FHIR R4 study data to CDISC SDTM datasets, and back: ``Study`` is where to begin."""

from interop.cdisc.dataset import Dataset
from interop.errors import (
    InteropError,
    MappingError,
    OutputError,
    SourceError,
    SpecError,
    StudyError,
)
from interop.fhir.source import Source, open_source
from interop.issues import Issue, Issues, Location, Severity
from interop.mapping.sidecars import write_result
from interop.mapping.to_sdtm import Result
from interop.study import Study

__all__ = [
    "Dataset",
    "InteropError",
    "Issue",
    "Issues",
    "Location",
    "MappingError",
    "OutputError",
    "Result",
    "Severity",
    "Source",
    "SourceError",
    "SpecError",
    "Study",
    "StudyError",
    "open_source",
    "write_result",
]
