"""``explain`` and ``unmapped``: where things come from, and what has no place yet."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from interop.cli.options import STUDY, AsJson, Debug, Force, StudyName, opened
from interop.cli.printing import print_json, print_table
from interop.explain import as_line, as_text, cell_line, cell_text, find
from interop.study import Study
from interop.unmapped import write_csv


def explain(
    name: Annotated[str, typer.Argument(metavar="DOMAIN[.VARIABLE]|FILE", help="Or a dataset file.")],
    variable: Annotated[
        str | None, typer.Argument(help="With --row: one variable, in SUPP-- a QNAM.")
    ] = None,
    row: Annotated[str | None, typer.Option(help="A record of FILE: USUBJID:SEQ, or USUBJID.")] = None,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Where a variable comes from, and how it goes back; with --row where one cell came from."""
    if row is not None:
        _cells(Study.load(study), Path(name), row, variable, as_json=as_json)
        return
    if variable is not None or Path(name).is_file():
        raise typer.BadParameter("a cell needs --row USUBJID:SEQ; a variable is DOMAIN.VARIABLE")
    stories = Study.load(study).explain(name)
    if as_json:
        print_json(stories)
    elif "." in name:
        typer.echo("\n\n".join(map(as_text, stories)))
    else:
        typer.echo("\n".join(map(as_line, stories)))


def _cells(study: Study, file: Path, row: str, variable: str | None, *, as_json: bool) -> None:
    found = find(study.cells(file, place=row), file, row, variable)
    if as_json:
        print_json(found)
    elif variable is None:
        typer.echo("\n".join(cell_line(cell) for cell in found if "." not in cell.variable))
    else:
        typer.echo("\n\n".join(map(cell_text, found)))


def unmapped(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Folder, NDJSON, Bundle, or -.")],
    out: Annotated[Path | None, typer.Option(help="CSV for the study's concepts/, named after it.")] = None,
    force: Force = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """List codes and units with no mapping, whoever the patients are."""
    found = Study.load(study).unmapped(opened([source]))
    if out is not None:
        written = write_csv(found, out, force=force)
        typer.echo(f"{written} codes written to {out}; complete the column same_as", err=True)
    if as_json:
        print_json(found)
    else:
        head = ("count", "code", "system", "display", "variable", "table", "effect", "examples")
        shown = ({**msgspec.structs.asdict(one), "examples": ", ".join(one.examples)} for one in found)
        print_table(head, [[row[name] for name in head] for row in shown])
