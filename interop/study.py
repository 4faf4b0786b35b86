"""`Study`: a study's definition, and what can be done with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import polars as pl

from interop.cdisc.ct import Terminology
from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.checks import check
from interop.errors import StudyError
from interop.fhir.source import Source, open_source
from interop.fhir.view import View
from interop.issues import Issues
from interop.knowledge import folder
from interop.mapping.across import across, check_records
from interop.mapping.cells import Cells
from interop.mapping.census import with_census
from interop.mapping.concepts import CodeTable, read_code_table
from interop.mapping.context import Context
from interop.mapping.definitions import definitions
from interop.mapping.dictionary import read_dictionaries
from interop.mapping.lacking import check_lacking
from interop.mapping.lint import lint
from interop.mapping.load import overlay, read_domain
from interop.mapping.model import DomainMapping
from interop.mapping.names import check_relations, check_tables
from interop.mapping.plan import plan
from interop.mapping.roster import ROSTER
from interop.mapping.story import Known, Story, stories
from interop.mapping.to_fhir import Resources, to_fhir
from interop.mapping.to_sdtm import Plan, Result, to_sdtm
from interop.mapping.units import UnitTables
from interop.mapping.unmapped import Unmapped, unmapped
from interop.tables import Tree, check_schema, read_yaml, suggestion

CENSUS_LIMIT = 100_000  # resources up to which a census is made unasked


class Study:
    """A study: its settings, its mappings (the packaged ones under its overlay), and the conversions."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan, self.home = plan, home

    def __repr__(self) -> str:
        return f"<Study {self.id}: {', '.join(self.mappings)}>"

    @property
    def id(self) -> str:
        """STUDYID."""
        return str(self.plan.settings["id"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """The study file, as text."""
        return self.plan.settings

    @property
    def mappings(self) -> Mapping[str, DomainMapping]:
        """Mappings by domain, in the order of the study file."""
        return self.plan.mappings

    @classmethod
    def load(cls, study: str | Path = "NCT04324411") -> "Study":
        """A built-in study by its id, or a folder with a ``study.yaml``.

        Raises StudyError or MappingError with file:line when a definition is wrong, SpecError when the
        terminology lacks a term in use.
        """
        home = _home(study)
        tree = read_yaml(home / "study.yaml", error=StudyError)
        check_schema(tree, folder("mappings") / "study.schema.json", error=StudyError)
        settings = tree.data
        if settings["zone"] not in available_timezones():
            near = suggestion(settings["zone"], available_timezones())
            raise StudyError(
                f'zone "{settings["zone"]}" is no IANA time zone{near}',
                file=tree.file,
                line=tree.line(("zone",)),
            )
        standard = Standard.load(version=settings.get("standard", {}).get("sdtmig", "3.4"))
        terminology = Terminology.load(date=settings.get("standard", {}).get("ct", "2024-03-29"))
        mappings = across({d: _mapping(d, tree) for d in settings.get("domains", _packaged())})
        check_records(mappings, known=standard.domains)
        tables = _tables(home)
        for mapping in mappings.values():
            check_tables(mapping, tables)
        check_relations(mappings)
        check_lacking(mappings)
        roster = read_yaml(folder("mappings") / "roster.yaml")
        constants = settings.get("constants", {})
        context = Context(
            settings=settings,
            tables=tables,
            units=UnitTables.load(folder("mappings") / "units"),
            terminology=terminology,
            roster=pl.DataFrame(schema=ROSTER),
            dictionaries=read_dictionaries(tree, home),
        )
        views = {
            name: View.load(view, constants=constants, file=roster.file, line=roster.line(("views", name)))
            for name, view in roster.data["views"].items()
        }
        return cls(
            Plan(settings, mappings, plan(mappings), views, roster.data["status"], context, standard), home
        )

    def to_sdtm(
        self,
        source: Source | str | Path | Sequence[Any],
        *,
        workers: int = 1,
        batches: int | None = None,
        enrol_all: bool = False,
        census: bool | None = False,
    ) -> Result:
        """Convert FHIR R4 resources to SDTM datasets.

        `source` is anything `open_source` takes; `enrol_all` makes every Patient a subject of a throw-away
        study, to try real data. Wrong data is in `Result.issues`, never raised. The result is the same for
        any number of workers and batches. `census` counts in the ledger the elements that no view reads, in a
        second reading of the source; null does so below `CENSUS_LIMIT` resources.
        """
        result = to_sdtm(
            self.plan, open_source(source), workers=workers, batch_count=batches, everyone=enrol_all
        )
        counted = result.ledger.read <= CENSUS_LIMIT if census is None else census
        return with_census(self.plan, result) if counted else result

    def views(self) -> Mapping[str, Mapping[str, Any]]:
        """The views by ``<domain>.<view>``, plain ViewDefinitions (SQL-on-FHIR v2) complete in themselves."""
        roster = read_yaml(folder("mappings") / "roster.yaml")
        return definitions(self.mappings, roster=roster, constants=self.settings.get("constants", {}))

    def explain(self, name: str) -> Sequence[Story]:
        """Where ``DOMAIN.VARIABLE`` comes from and how it goes back; for ``DOMAIN`` each of its variables.

        Raises MappingError or SpecError for a name that is not known.
        """
        return stories(name, Known(self.mappings, self.plan.standard, self.plan.context))

    def cells(self, file: str | Path, *, place: str | None = None) -> Cells:
        """The cells of the folder, written by ``to-sdtm``, that holds a dataset file (see `Cells.load`)."""
        return Cells.load(self.plan, self.home, Path(file), place=place)

    def unmapped(self, source: Source | str | Path | Sequence[Any]) -> Sequence[Unmapped]:
        """Codes and units of a source that no table knows, with counts and examples; every Patient counts."""
        return unmapped(self.plan, open_source(source))

    def check(
        self, source: Source | str | Path | Sequence[Any], *, rules: Sequence[str] = ("fhir",)
    ) -> Issues:
        """What rule sets of `interop.checks.RULE_SETS` find in a FHIR source; nothing is converted.

        `source` is anything `open_source` takes. Of each kind of breach the first five are shown and the rest
        is counted. Raises SpecError for a rule set that is not there.
        """
        return check(open_source(source), rules=rules)

    def lint(self) -> Issues:
        """What is doubtful in the study's mappings; what is wrong is refused by `load`."""
        return lint(self.mappings.values(), self.plan.standard, self.plan.context)

    def to_fhir(self, datasets: Mapping[str, Dataset]) -> Resources:
        """FHIR R4 resources of SDTM datasets (by name: ``{"DM": ..., "LB": ...}``), from the datasets alone.

        A record of a subject who is not in DM, and a qualifier without its record, are issues.
        """
        return to_fhir(self.mappings, datasets, self.plan.context)


def _home(study: str | Path) -> Path:
    built_in = folder("mappings") / "studies" / str(study)
    for home in (Path(study), built_in):
        if (home / "study.yaml").is_file():
            return home
    known = sorted(path.name for path in (folder("mappings") / "studies").iterdir() if path.is_dir())
    raise StudyError(
        f"no study.yaml in {study}, and no built-in study of that name (known: {', '.join(known)})"
    )


def _packaged() -> list[str]:
    return sorted(path.stem.upper() for path in (folder("mappings") / "domains").glob("*.yaml"))


def _mapping(domain: str, study: Tree) -> DomainMapping:
    file = folder("mappings") / "domains" / f"{domain.lower()}.yaml"
    if not file.is_file():
        raise StudyError(
            f"no mapping for domain {domain} (there are {', '.join(_packaged())})",
            file=study.file,
            line=study.line(("domains",)),
        )
    mapping = read_domain(
        file, schema=folder("mappings") / "domain.schema.json", constants=study.data.get("constants", {})
    )
    at = ("overlay", domain)
    return overlay(mapping, study, at) if at in study.lines else mapping


def _tables(home: Path) -> Mapping[str, CodeTable]:
    packaged, own = folder("mappings") / "concepts", home / "concepts"
    names = {path.stem for place in (packaged, own) if place.is_dir() for path in place.glob("*.csv")}
    return {name: read_code_table(name, (packaged, own)) for name in sorted(names)}
