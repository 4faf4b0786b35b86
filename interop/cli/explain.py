"""``explain`` and ``unmapped``: where things come from, and what has no place yet."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from interop.cli.options import STUDY, AsJson, Debug, Force, StudyName, opened
from interop.cli.printing import print_json, print_table
from interop.explain import as_line, as_text
from interop.study import Study
from interop.unmapped import write_csv


def explain(
    name: Annotated[str, typer.Argument(metavar="DOMAIN[.VARIABLE]")],
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Where a variable comes from, and how it goes back."""
    stories = Study.load(study).explain(name)
    if as_json:
        print_json(stories)
    elif "." in name:
        typer.echo("\n\n".join(map(as_text, stories)))
    else:
        typer.echo("\n".join(map(as_line, stories)))


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
