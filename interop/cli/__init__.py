"""The command line: parses arguments, calls `Study`, prints; no logic of its own."""

import io
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from interop.cli.check import check
from interop.cli.convert import convert
from interop.cli.explain import explain, unmapped
from interop.cli.study import lint, show
from interop.cli.to_sdtm import demo, to_sdtm
from interop.errors import InteropError


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

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "to-sdtm": to_sdtm,
    "convert": convert,
    "explain": explain,
    "unmapped": unmapped,
    "check": check,
}
STUDY_COMMANDS: dict[str, Callable[..., None]] = {"show": show, "lint": lint}
for group, commands in ((app, COMMANDS), (study_app, STUDY_COMMANDS)):
    for name, command in commands.items():
        group.command(name)(command)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"interop {version('fhir-sdtm-interop')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """FHIR R4 study data to CDISC SDTM datasets, and back."""
    for stream in (sys.stdout, sys.stderr):  # a Windows console may be of another encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
