"""What commands print: tables, trees, JSON, the outcome of a run, progress on a terminal."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from interop.issues import SEVERITIES, Issues
from interop.mapping.to_sdtm import Result

WIDTH = 160  # columns of a table where no terminal says how wide it is


@contextmanager
def progress(text: str, *, quiet: bool) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def tell(result: Result, out: Path, *, as_json: bool, verbose: bool) -> None:
    """The datasets, issues and ledger of a run."""
    rows = {name: len(dataset) for name, dataset in result.datasets.items()}
    ledger = result.ledger
    if as_json:
        counts = {"read": ledger.read, "dispositions": ledger.dispositions}
        print_json({"out": str(out), "datasets": rows, "issues": result.issues.counts, "ledger": counts})
        return
    per_dataset = [
        [name, result.datasets[name].label, n, *_severities(result.issues, name)] for name, n in rows.items()
    ]
    other = ["", "not of one dataset", "", *_severities(result.issues, None)]
    print_table(("dataset", "label", "rows", *SEVERITIES), [*per_dataset, other])
    typer.echo()
    if verbose:
        typer.echo("\n".join(map(str, result.issues)))
    else:
        print_table(("severity", "rule", "count", "message"), by_rule(result.issues))
    typer.echo()
    told = ", ".join(f"{n} {fate}" for fate, n in ledger.dispositions.items() if n)
    typer.echo(f"{ledger.read} resources read: {told}")
    typer.echo(f"Written to {out}")


def _severities(issues: Issues, dataset: str | None) -> list[int]:
    return list(Issues(issue for issue in issues if issue.where.dataset == dataset).counts.values())


def by_rule(issues: Issues) -> Iterable[Sequence[object]]:
    """Severity, rule, count and message of each rule, as rows of a table."""
    counted: dict[tuple[str, str], list[Any]] = {}
    for issue in issues:
        row = counted.setdefault((issue.severity, issue.rule), [0, issue.message.partition(" (")[0]])
        row[0] += issue.count
    return [(*key, *row) for key, row in counted.items()]


def counted(issues: Issues) -> str:
    """How many issues of each severity, in words."""
    return ", ".join(f"{n} {severity}" for severity, n in issues.counts.items() if n) or "no issues"


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table as wide as the terminal, or wide enough where there is none."""
    table = Table(*head, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def print_tree(tree: Any, depth: int = 0) -> None:
    """Nested settings, one a line."""
    for key, value in tree.items():
        if isinstance(value, dict):
            typer.echo(f"{'  ' * depth}{key}:")
            print_tree(value, depth + 1)
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            typer.echo(f"{'  ' * depth}{key}: {shown}")


def print_json(value: Any) -> None:
    """A value as JSON, alone on stdout."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
