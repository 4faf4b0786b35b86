"""``convert``: datasets from one file format to another."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from interop.cdisc.formats import FORMATS
from interop.cli.options import AsJson, Debug, Force, Quiet, Verbose
from interop.cli.printing import by_rule, print_json, print_table, progress
from interop.convert import Conversion
from interop.convert import convert as converted

KNOWN = ", ".join(FORMATS)


def _format(text: str | None) -> str | None:
    if text is not None and text not in FORMATS:
        raise typer.BadParameter(f"no format {text!r}; there are {KNOWN}")
    return text


def convert(  # noqa: PLR0913, PLR0917  one for each flag
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file of datasets, or a folder of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file of the format, or a folder.")],
    form: Annotated[
        str | None, typer.Option("--format", callback=_format, help=f"For a folder: {KNOWN}.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the text in IN, where it is XPT or CSV.")] = "utf-8",
    timestamp: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="Date of the files (default: a fixed one)."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Convert datasets between XPT, Dataset-JSON, Parquet and CSV."""
    with progress("Converting", quiet=quiet):
        done = converted(source, out, form=form, encoding=encoding, timestamp=timestamp, force=force)
    _tell(done, out, as_json=as_json, verbose=verbose)
    raise typer.Exit(int(done.issues.failed))


def _tell(done: Conversion, out: Path, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        rows = {one.name: one.records for one in done.datasets}
        print_json({"out": str(out), "datasets": rows, "issues": done.issues.counts})
        return
    head = ("dataset", "label", "rows", "variables", "file")
    print_table(head, [(d.name, d.label, d.records, d.variables, d.file.name) for d in done.datasets])
    if done.issues:
        typer.echo()
    if verbose:
        typer.echo("".join(f"{issue}\n" for issue in done.issues), nl=False)
    elif done.issues:
        print_table(("severity", "rule", "count", "message"), by_rule(done.issues))
    typer.echo(f"Written to {out}")
