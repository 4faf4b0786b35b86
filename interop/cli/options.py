"""Options and arguments that several commands share."""

from collections.abc import Sequence
from os.path import realpath
from pathlib import Path
from typing import Annotated

import typer

from interop.fhir.source import Source, join_sources, legible, open_source

STUDY = "NCT04324411"


def _debug(ctx: typer.Context, value: bool) -> bool:
    ctx.meta["debug"] = value
    return value


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


def opened(sources: Sequence[str]) -> Source:
    """One source of all that the arguments name; ``-`` is stdin."""
    return join_sources(
        [
            (legible(Path(realpath(name)).name) if name != "-" else "stdin", open_source(name))
            for name in sources
        ]
    )
