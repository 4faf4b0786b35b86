"""The command line: parses arguments, calls `Study`, prints; no logic of its own."""

import difflib
import io
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from interop.cdisc.formats import FORMATS
from interop.errors import InteropError
from interop.explain import as_line, as_text
from interop.fhir.source import Source, join_sources, open_source
from interop.issues import SEVERITIES, Issues
from interop.knowledge import folder
from interop.mapping.sidecars import issues_json, write_result
from interop.mapping.to_sdtm import Result
from interop.study import Study
from interop.unmapped import write_csv

STUDY = "NCT04324411"
WIDTH = 160  # columns of a table where no terminal says how wide it is
DIFFERENCES = 20  # lines shown of a difference


class Commands(TyperGroup):
    """Commands whose InteropError is one line on stderr and exit 3, after a traceback with ``--debug``."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except InteropError as error:
            if ctx.meta.get("debug"):
                traceback.print_exception(error)
            typer.echo(f"interop: {error}", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
study_app = typer.Typer(no_args_is_help=True, help="Print or verify a study definition.")
app.add_typer(study_app, name="study")


def _debug(ctx: typer.Context, value: bool) -> bool:
    ctx.meta["debug"] = value
    return value


def _formats(text: str) -> str:
    if unknown := [name for name in text.split(",") if name not in FORMATS]:
        raise typer.BadParameter(f"no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return text


def _version(value: bool) -> None:
    if value:
        typer.echo(f"interop {version('fhir-sdtm-interop')}")
        raise typer.Exit


StudyName = Annotated[str, typer.Option("--study", help="A built-in study's id, or a folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output alone on stdout.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Every issue, not only counts.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Debug = Annotated[bool, typer.Option("--debug", callback=_debug, help="Show the traceback of an error.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier run wrote.")]
Census = Annotated[
    bool | None,
    typer.Option("--census/--no-census", help="Count elements not carried (default: below 100k resources)."),
]


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """FHIR R4 study data to CDISC SDTM datasets, and back."""
    for stream in (sys.stdout, sys.stderr):  # a Windows console may be of another encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


@app.command()
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
    with _progress("Converting the sample cohort", quiet=quiet):
        result = Study.load(STUDY).to_sdtm(sample / "fhir", census=True)
        write_result(result, out / "sdtm", force=force)
    expected = (sample / "expected" / "issues.json").read_text(encoding="utf-8")
    made = issues_json(result.issues).decode()
    _tell(result, out / "sdtm", as_json=as_json, verbose=verbose)
    if made != expected:
        lines = difflib.unified_diff(
            expected.splitlines(), made.splitlines(), "expected", "made", n=0, lineterm=""
        )
        typer.echo("\n".join(list(lines)[:DIFFERENCES]), err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo("The issues are those that the sample was made to have.")


@app.command("to-sdtm")
def to_sdtm(  # noqa: PLR0913, PLR0917  one for each flag
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Folder, NDJSON, Bundle, or -.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    formats: Annotated[str, typer.Option("--format", callback=_formats, help="xpt,csv")] = "xpt",
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
    with _progress("Converting", quiet=quiet):
        result = loaded.to_sdtm(_opened(sources), workers=workers, enrol_all=enrol_all, census=census)
        write_result(result, out, formats=formats.split(","), force=force)
    _tell(result, out, as_json=as_json, verbose=verbose)
    raise typer.Exit(int(result.issues.failed))


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="DOMAIN[.VARIABLE]")],
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Where a variable comes from, and how it goes back."""
    stories = Study.load(study).explain(name)
    if as_json:
        _json(stories)
    elif "." in name:
        typer.echo("\n\n".join(map(as_text, stories)))
    else:
        typer.echo("\n".join(map(as_line, stories)))


@app.command()
def unmapped(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Folder, NDJSON, Bundle, or -.")],
    out: Annotated[Path | None, typer.Option(help="CSV for the study's concepts/, named after it.")] = None,
    force: Force = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """List codes and units with no mapping, whoever the patients are."""
    found = Study.load(study).unmapped(_opened([source]))
    if out is not None:
        written = write_csv(found, out, force=force)
        typer.echo(f"{written} codes written to {out}; complete the column same_as", err=True)
    if as_json:
        _json(found)
    else:
        head = ("count", "code", "system", "display", "variable", "table", "effect", "examples")
        shown = ({**msgspec.structs.asdict(one), "examples": ", ".join(one.examples)} for one in found)
        _table(head, [[row[name] for name in head] for row in shown])


@study_app.command("show")
def show(
    plan: Annotated[bool, typer.Option("--plan", help="The order of steps.")] = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Print a study, or with --plan the order in which its variables are made."""
    loaded = Study.load(study)
    steps = [str(step) for step in loaded.plan.steps]
    domains = {domain: len(mapping.columns) for domain, mapping in loaded.mappings.items()}
    if as_json:
        _json({"study": loaded.settings, "variables": domains, **({"plan": steps} if plan else {})})
    elif plan:
        typer.echo("\n".join(steps))
    else:
        _print_tree({**loaded.settings, "domains": {d: f"{n} variables" for d, n in domains.items()}})


@study_app.command("lint")
def lint(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="A study folder, or a built-in study's id.")
    ],
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Verify a study definition: its files, terms, paths and way back."""
    loaded = Study.load(directory)
    found = loaded.lint()
    if as_json:
        sys.stdout.write(issues_json(found).decode())
    else:
        typer.echo("".join(f"{issue}\n" for issue in found), nl=False)
        typer.echo(f"{loaded.id}: {len(loaded.mappings)} domains, {_counts(found)}")
    raise typer.Exit(int(found.failed))


def _opened(sources: Sequence[str]) -> Source:
    return join_sources(
        [(Path(name).resolve().name if name != "-" else "stdin", open_source(name)) for name in sources]
    )


@contextmanager
def _progress(text: str, *, quiet: bool) -> Iterator[None]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def _tell(result: Result, out: Path, *, as_json: bool, verbose: bool) -> None:
    """The datasets, issues and ledger of a run."""
    rows = {name: len(dataset) for name, dataset in result.datasets.items()}
    ledger = result.ledger
    if as_json:
        counts = {"read": ledger.read, "dispositions": ledger.dispositions}
        _json({"out": str(out), "datasets": rows, "issues": result.issues.counts, "ledger": counts})
        return
    per_dataset = [
        [name, result.datasets[name].label, n, *_severities(result.issues, name)] for name, n in rows.items()
    ]
    other = ["", "not of one dataset", "", *_severities(result.issues, None)]
    _table(("dataset", "label", "rows", *SEVERITIES), [*per_dataset, other])
    typer.echo()
    if verbose:
        typer.echo("\n".join(map(str, result.issues)))
    else:
        _table(("severity", "rule", "count", "message"), _by_rule(result.issues))
    typer.echo()
    told = ", ".join(f"{n} {fate}" for fate, n in ledger.dispositions.items() if n)
    typer.echo(f"{ledger.read} resources read: {told}")
    typer.echo(f"Written to {out}")


def _severities(issues: Issues, dataset: str | None) -> list[int]:
    return list(Issues(issue for issue in issues if issue.where.dataset == dataset).counts.values())


def _by_rule(issues: Issues) -> Iterable[Sequence[object]]:
    counted: dict[tuple[str, str], list[Any]] = {}
    for issue in issues:
        row = counted.setdefault((issue.severity, issue.rule), [0, issue.message.partition(" (")[0]])
        row[0] += issue.count
    return [(*key, *row) for key, row in counted.items()]


def _counts(issues: Issues) -> str:
    return ", ".join(f"{n} {severity}" for severity, n in issues.counts.items() if n) or "no issues"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table as wide as the terminal, or wide enough where there is none."""
    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def _print_tree(tree: Any, depth: int = 0) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            typer.echo(f"{'  ' * depth}{key}:")
            _print_tree(value, depth + 1)
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            typer.echo(f"{'  ' * depth}{key}: {shown}")


def _json(value: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
