"""``docs/conformance.md``: what each conformance suite says, from a run of it.

A suite is one entry of `SUITES`. ``python tests/conformance.py`` runs those that need no download,
``python tests/conformance.py --peers`` the others; a suite that is not run keeps what its last run wrote.
"""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec
from suites import formats, hl7, peer_fhirpath, peer_views, sql_on_fhir
from suites.outcome import Outcome

PAGE = Path(__file__).resolve().parents[1] / "docs" / "conformance.md"
TITLE = """# Conformance

What public test suites and other programs say of this one. No line of this page is written by hand:
`make conformance` runs the suites and writes it, and a test holds it against the run of the day.
What needs downloads has been run after `make peers`, which also holds this page against it.

| suite | version | compared | passed |
|---|---|---|---|
"""


class Suite(msgspec.Struct, frozen=True):
    """A suite: what it compares, and its run on the shared data; `peers` tells that it needs downloads."""

    compares: str
    run: Callable[[Path], Outcome]
    peers: bool = False


SQL_ON_FHIR = "SQL-on-FHIR v2"

#: Every suite by its name on the page, in the order of the page.
SUITES: Mapping[str, Suite] = {
    f"{SQL_ON_FHIR}, shareable, plain": Suite(
        "rows of the official tests, by the plain evaluator",
        partial(sql_on_fhir.outcome, tag="shareable", check=sql_on_fhir.check_plain),
    ),
    f"{SQL_ON_FHIR}, shareable, compiled": Suite(
        "the same, by the fast path",
        partial(sql_on_fhir.outcome, tag="shareable", check=sql_on_fhir.check_compiled),
    ),
    f"{SQL_ON_FHIR}, experimental, plain": Suite(
        "the official tests of what the standard may still change, by the plain evaluator",
        partial(sql_on_fhir.outcome, tag="experimental", check=sql_on_fhir.check_plain),
    ),
    f"{SQL_ON_FHIR}, experimental, compiled": Suite(
        "the same, by the fast path",
        partial(sql_on_fhir.outcome, tag="experimental", check=sql_on_fhir.check_compiled),
    ),
    "sqlonfhir": Suite(
        "rows of every view of the study, as it exports them, on the sample cohort and the golden cases",
        lambda _: peer_views.outcome(),
    ),
    "fhirpathpy": Suite(
        "values of FHIRPath expressions on resources of many shapes", lambda _: peer_fhirpath.outcome()
    ),
    "Dataset-JSON, schemas": Suite("the example study as we write it, in both forms", formats.schemas),
    "Dataset-JSON, official files": Suite(
        "each file, read and written again by way of NDJSON and Parquet", formats.examples
    ),
    "Dataset-JSON, made of XPT": Suite(
        "what we make of the XPT file of a dataset, with its official file", formats.twins
    ),
    "pyreadstat": Suite(
        "cells and labels of the example study in XPT, as published and as we write it", formats.by_pyreadstat
    ),
    "pandas": Suite("cells of the example study in XPT, as published and as we write it", formats.by_pandas),
    "HL7 R4 examples, JSON": Suite(
        "files of which every resource is read", lambda _: hl7.reading("examples"), peers=True
    ),
    "HL7 R4 examples, XML": Suite(
        "the same, as HL7's serializer writes them", lambda _: hl7.reading("twins"), peers=True
    ),
    "HL7 R4 examples, JSON and XML": Suite(
        "files that say the same in both forms", lambda _: hl7.twins(), peers=True
    ),
}


def shown(name: str, outcome: Outcome) -> tuple[str, str]:
    """A suite's line in the table, and its list below."""
    line = f"| {name} | {outcome.version} | {SUITES[name].compares} | {outcome.passed} of {outcome.total} |\n"
    points = "".join(f"- {point}\n" for point in outcome.listed)
    return line, f"\n## {name}\n\n{points}" if points else ""


def kept(name: str, page: str) -> tuple[str, str]:
    """What a page says of a suite: its line, and its list."""
    line = next((row for row in page.splitlines(keepends=True) if row.startswith(f"| {name} |")), "")
    _, heading, rest = page.partition(f"\n## {name}\n")
    return line, heading + rest.partition("\n## ")[0]


def page(found: Mapping[str, tuple[str, str]]) -> str:
    """The page of all suites."""
    lines, lists = zip(*(found[name] for name in SUITES), strict=True)
    return TITLE + "".join(lines) + "".join(lists)


def main() -> None:
    """Run the suites and write the page."""
    shared = os.environ.get("INTEROP_SHARED")
    if not shared:
        sys.exit("INTEROP_SHARED must name the folder of reference data")
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    found = {}
    for name, suite in SUITES.items():
        runs = suite.peers if "--peers" in sys.argv[1:] else not suite.peers
        found[name] = shown(name, suite.run(Path(shared))) if runs else kept(name, before)
    PAGE.write_text(page(found), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
