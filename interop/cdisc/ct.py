"""Controlled terminology: `Codelist` by NCI code, its terms by submission value and by NCI code within it."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from interop import knowledge
from interop.cdisc.ct_read import Entry, read
from interop.cdisc.standard import TESTCD_LENGTH
from interop.errors import SpecError
from interop.tables import suggestion


class Term(msgspec.Struct, frozen=True):
    """A term: its submission value, its NCI code, the preferred term and synonyms."""

    value: str
    code: str
    preferred: str = ""
    synonyms: tuple[str, ...] = ()


class Codelist(msgspec.Struct, frozen=True, dict=True):
    """A codelist; `code` is its NCI code ("C66742"), `name` its short name ("NY"), `title` its long one."""

    code: str
    name: str
    title: str
    extensible: bool
    terms: tuple[Term, ...]

    def __contains__(self, value: str) -> bool:
        return value in self.by_value

    @cached_property
    def by_value(self) -> Mapping[str, Term]:
        """Terms by submission value, exact and case-sensitive."""
        return {term.value: term for term in self.terms}

    @cached_property
    def by_code(self) -> Mapping[str, Term]:
        """Terms by NCI code, which means its term only within a codelist: C49487 is N here, NO elsewhere."""
        return {term.code: term for term in self.terms if term.code}


class Terminology(msgspec.Struct, frozen=True, dict=True):
    """One dated release of CDISC SDTM controlled terminology, or the part of it that is in use."""

    date: str
    codelists: Mapping[str, Codelist]
    file: str = ""

    @classmethod
    def load(cls, folder: Path | str | None = None, *, date: str = "2024-03-29") -> "Terminology":
        """The release of `date` (YYYY-MM-DD) in `folder`, else the packaged part of it.

        In `folder` the file whose name holds the date is read, or the only one there: our own CSV, or a full
        release from NCI EVS as tab-separated text (``.txt``, ``.tsv``, also ``.gz``). Raises `SpecError`.
        """
        path = _find(Path(folder) if folder else knowledge.folder("sdtm") / "ct", date)
        codelists: dict[str, list[Entry]] = {}
        for entry in read(path):
            codelists.setdefault(entry.codelist, []).append(entry)
        return cls(date, {c: _codelist(e, path) for c, e in codelists.items()}, path.name)

    def __getitem__(self, codelist: str) -> Codelist:
        """The codelist of an NCI code or a short name. Raises `SpecError` with a suggestion."""
        code = self._codes.get(codelist, codelist)
        if code not in self.codelists:
            close = suggestion(codelist, self._codes)
            raise SpecError(f"SDTM CT {self.date} has no codelist {codelist!r}{close}")
        return self.codelists[code]

    def __contains__(self, codelist: str) -> bool:
        return self._codes.get(codelist, codelist) in self.codelists

    def missing(self, codelist: str, values: Iterable[str | None]) -> tuple[str, ...]:
        """The values, once each and sorted, that the codelist does not hold; null is never missing."""
        return tuple(sorted({v for v in values if v is not None} - self[codelist].by_value.keys()))

    def require(self, codelist: str, value: str) -> Term:
        """The term of a submission value that a mapping relies on.

        Raises `SpecError` naming codelist, term and date when this release lacks it.
        """
        found = self[codelist]
        if value not in found:
            where, close = f"codelist {found.code} {found.name}", suggestion(value, found.by_value)
            raise SpecError(f"SDTM CT {self.date} {where} has no term {value!r}{close}")
        return found.by_value[value]

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        return {codelist.name: code for code, codelist in self.codelists.items()}


def _find(folder: Path, date: str) -> Path:
    endings = (".csv", ".tsv", ".txt", ".tsv.gz", ".txt.gz")
    files = sorted(path for path in folder.glob("*") if path.name.lower().endswith(endings))
    dated = [path for path in files if date in path.name]
    if len(found := dated or files) == 1:
        return found[0]
    known = ", ".join(path.name for path in files) or "none"
    raise SpecError(f"one terminology file for {date} is needed; files here: {known}", file=folder)


def _codelist(entries: list[Entry], path: Path) -> Codelist:
    first, terms = entries[0], {}
    for entry in entries:
        problem = _problem(entry, first, known=entry.value in terms)
        if problem:
            raise SpecError(f"{entry.codelist} {entry.value!r}: {problem}", file=path, line=entry.line)
        terms[entry.value] = Term(entry.value, entry.code, entry.preferred, entry.synonyms)
    return Codelist(first.codelist, first.name, first.title, first.extensible, tuple(terms.values()))


def _problem(entry: Entry, first: Entry, *, known: bool) -> str | None:
    checks = (
        (known, "is listed twice"),
        (entry.extensible != first.extensible, "a codelist is extensible or it is not"),
        (
            entry.name.endswith("TESTCD") and len(entry.value) > TESTCD_LENGTH,
            f"a test code has at most {TESTCD_LENGTH} characters",
        ),
    )
    return next((text for wrong, text in checks if wrong), None)
