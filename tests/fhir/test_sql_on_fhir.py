"""The official SQL-on-FHIR v2 conformance tests, on the plain evaluator and on the fast path."""

import os
from pathlib import Path

import pytest
from suites.sql_on_fhir import cases, check_compiled, check_plain

SHARED = os.environ.get("INTEROP_SHARED")
if not SHARED:
    pytest.skip("INTEROP_SHARED is not set: the SQL-on-FHIR tests are not here", allow_module_level=True)

CASES = [pytest.param(case, id=case.name) for case in cases(Path(SHARED))]


@pytest.mark.parametrize("case", CASES)
def test_conformance(case):
    check_plain(case)


@pytest.mark.parametrize("case", CASES)
def test_the_fast_path_gives_the_same(case):
    check_compiled(case)


def test_every_case_is_here():
    tags = [case.values[0].test["tags"] for case in CASES]
    counts = {tag: sum(tag in own for own in tags) for tag in ("shareable", "experimental")}
    assert counts == {"shareable": 123, "experimental": 11}
