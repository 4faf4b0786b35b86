"""``study show`` and ``study lint``."""

import sys
from typing import Annotated

import typer

from interop.cli.options import STUDY, AsJson, Debug, StudyName
from interop.cli.printing import counted, print_json, print_tree
from interop.mapping.sidecars import issues_json
from interop.study import Study


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
        print_json({"study": loaded.settings, "variables": domains, **({"plan": steps} if plan else {})})
    elif plan:
        typer.echo("\n".join(steps))
    else:
        print_tree({**loaded.settings, "domains": {d: f"{n} variables" for d, n in domains.items()}})


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
        typer.echo(f"{loaded.id}: {len(loaded.mappings)} domains, {counted(found)}")
    raise typer.Exit(int(found.failed))
