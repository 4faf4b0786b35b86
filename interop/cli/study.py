"""``study show`` and ``study lint``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from interop.cli.options import STUDY, AsJson, Debug, Force, StudyName
from interop.cli.printing import counted, print_json, print_tree
from interop.mapping.definitions import definition_json, write_definitions
from interop.mapping.sidecars import issues_json
from interop.study import Study


def show(
    plan: Annotated[bool, typer.Option("--plan", help="The order of steps.")] = False,
    views: Annotated[bool, typer.Option("--views", help="All views as ViewDefinition JSON.")] = False,
    out: Annotated[Path | None, typer.Option(help="With --views: folder for a file per view.")] = None,
    force: Force = False,
    study: StudyName = STUDY,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001  read by its callback
) -> None:
    """Print a study, with --plan the order in which its variables are made, with --views its views."""
    if plan and views:
        raise typer.BadParameter("--plan and --views are two things; ask for one")
    if out is not None and not views:
        raise typer.BadParameter("--out is for --views; everything else goes to stdout")
    loaded = Study.load(study)
    if views:
        _views(loaded, out, force=force)
    else:
        _settings(loaded, plan=plan, as_json=as_json)


def _views(study: Study, out: Path | None, *, force: bool) -> None:
    made = study.views()
    if out is None:
        sys.stdout.write(definition_json(list(made.values())).decode())
    else:
        written = write_definitions(made, out, force=force)
        typer.echo(f"{len(written)} views written to {out}", err=True)


def _settings(study: Study, *, plan: bool, as_json: bool) -> None:
    steps = [str(step) for step in study.plan.steps]
    domains = {domain: len(mapping.columns) for domain, mapping in study.mappings.items()}
    if as_json:
        print_json({"study": study.settings, "variables": domains, **({"plan": steps} if plan else {})})
    elif plan:
        typer.echo("\n".join(steps))
    else:
        print_tree({**study.settings, "domains": {d: f"{n} variables" for d, n in domains.items()}})


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
