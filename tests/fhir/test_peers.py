"""Our FHIRPath against another engine's."""

import pytest
from suites import peer_fhirpath

CASES = [pytest.param(case, id=name) for name, case in peer_fhirpath.cases()]


@pytest.mark.parametrize("case", CASES)
def test_an_expression_gives_what_the_peer_gives(case):
    peer_fhirpath.check(case)
