"""What the tests of the mapping room share: the study, and tables written as text."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from interop.mapping.context import Context
from interop.mapping.model import Variable
from interop.study import Study

Table = Callable[[str], pl.DataFrame]


def read_table(text: str) -> pl.DataFrame:
    """A pipe table as a frame of text; an empty cell is null."""
    lines = [[cell.strip() or None for cell in line.split("|")] for line in text.strip().splitlines()]
    header, *rows = lines
    return pl.DataFrame(rows, schema=dict.fromkeys(map(str, header), pl.String), orient="row")


@pytest.fixture(scope="session")
def table() -> Table:
    return read_table


@pytest.fixture(scope="session")
def study() -> Study:
    return Study.load()


@pytest.fixture(scope="session")
def context(study: Study) -> Context:
    return study.plan.context


@pytest.fixture(scope="session")
def variable() -> Callable[..., Variable]:
    """A variable as a mapping file would give it: its name, its verb and argument, the verb's options."""

    def made(name: str, verb: str, argument: object, **options: object) -> Variable:
        shared = {key: options.pop(key) for key in ("codelist", "put") if key in options}
        return Variable(name, verb, argument, Path("xx.yaml"), 1, options, **shared)

    return made
