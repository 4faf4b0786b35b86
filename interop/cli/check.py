"""``check``: what is wrong with a source, by sets of rules."""

from pathlib import Path
from typing import Annotated

import typer

from interop.checks import RULE_SETS, opened
from interop.cli.options import STUDY, AsJson, Debug, Force, Quiet, StudyName
from interop.cli.printing import progress
from interop.render import FORMATS, summary, write_issues
from interop.study import Study


def _rules(text: str) -> str:
    known = ["all", *RULE_SETS]
    if unknown := [name for name in text.split(",") if name not in known]:
        raise typer.BadParameter(f"no rule set {unknown[0]!r}; there are {', '.join(known)}")
    return text


def _format(text: str) -> str:
    if text not in FORMATS:
        raise typer.BadParameter(f"no format {text!r}; there are {', '.join(FORMATS)}")
    return text


def check(  # noqa: PLR0913, PLR0917  one for each flag
    path: Annotated[str, typer.Argument(metavar="PATH", help="A FHIR source: folder, NDJSON, Bundle, or -.")],
    rules: Annotated[str, typer.Option(callback=_rules, help=f"{','.join(RULE_SETS)} or all.")] = "all",
    form: Annotated[str, typer.Option("--format", callback=_format, help=", ".join(FORMATS))] = "text",
    out: Annotated[Path | None, typer.Option(help="File to write to, instead of printing.")] = None,
    force: Force = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Check a source; exit 1 when something is an error."""
    form = "json" if as_json else form
    asked = list(RULE_SETS) if "all" in rules.split(",") else rules.split(",")
    with progress("Checking", quiet=quiet):
        issues = Study.load(study).check(opened(path), rules=asked)
    if out is None:
        typer.echo(FORMATS[form](issues), nl=False)
    else:
        write_issues(issues, out, form=form, force=force)
        typer.echo(f"{summary(issues)}; written to {out}", err=True)
    raise typer.Exit(int(issues.failed))
