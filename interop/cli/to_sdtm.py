"""``demo`` and ``to-sdtm``: from FHIR to datasets."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from interop.cdisc.formats import FORMATS
from interop.cli.options import STUDY, AsJson, Census, Debug, Force, Quiet, StudyName, Verbose, opened
from interop.cli.printing import progress, tell
from interop.knowledge import folder
from interop.mapping.sidecars import issues_json, write_result
from interop.study import Study

DIFFERENCES = 20  # lines shown of a difference


def _formats(text: str) -> str:
    if unknown := [name for name in text.split(",") if name not in FORMATS]:
        raise typer.BadParameter(f"no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return text


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("demo"),
    force: Force = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Convert the sample cohort; exit 0 when its issues are the expected ones."""
    sample = folder("samples") / "pumch"
    with progress("Converting the sample cohort", quiet=quiet):
        result = Study.load(STUDY).to_sdtm(sample / "fhir", census=True)
        write_result(result, out / "sdtm", force=force)
    expected = (sample / "expected" / "issues.json").read_text(encoding="utf-8")
    made = issues_json(result.issues).decode()
    tell(result, out / "sdtm", as_json=as_json, verbose=verbose)
    if made != expected:
        lines = difflib.unified_diff(
            expected.splitlines(), made.splitlines(), "expected", "made", n=0, lineterm=""
        )
        typer.echo("\n".join(list(lines)[:DIFFERENCES]), err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo("The issues are those that the sample was made to have.")


def to_sdtm(  # noqa: PLR0913, PLR0917  one for each flag
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Folder, NDJSON, Bundle, or -.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    formats: Annotated[str, typer.Option("--format", callback=_formats, help=",".join(FORMATS))] = "xpt",
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    enrol_all: Annotated[bool, typer.Option("--enrol-all", help="Every Patient is a subject.")] = False,
    census: Census = None,
    force: Force = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Convert FHIR R4 resources to SDTM datasets."""
    loaded = Study.load(study)
    with progress("Converting", quiet=quiet):
        result = loaded.to_sdtm(opened(sources), workers=workers, enrol_all=enrol_all, census=census)
        write_result(result, out, formats=formats.split(","), force=force)
    tell(result, out, as_json=as_json, verbose=verbose)
    raise typer.Exit(int(result.issues.failed))
