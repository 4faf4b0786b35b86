"""docs/conformance.md is what its suites say today."""

import os

import pytest
from conformance import PAGE, SUITES, kept, page, shown

HERE = [name for name, suite in SUITES.items() if not suite.peers or "INTEROP_PEERS" in os.environ]


@pytest.fixture(scope="module")
def written():
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_the_page_says_of_a_suite_what_its_run_says(name, written, shared):
    assert kept(name, written) == shown(name, SUITES[name].run(shared))


def test_the_page_has_every_suite_and_nothing_else(written):
    found = {name: kept(name, written) for name in SUITES}
    assert [name for name, (line, _) in found.items() if not line] == []
    assert page(found) == written


def test_a_suite_that_is_not_run_keeps_what_its_last_run_wrote():
    name, other, *_ = SUITES
    lines = [f"| {name} | 1 | x | 1 of 2 |\n", f"| {other} | 1 | x | 2 of 2 |\n"]
    lists = [f"\n## {name}\n\n- no\n", f"\n## {other}\n\n- yes\n"]
    before = "".join([*lines, *lists])
    assert [kept(name, before), kept(other, before)] == list(zip(lines, lists, strict=True))
