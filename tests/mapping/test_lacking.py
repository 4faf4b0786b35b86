"""Findings about records that should be in another dataset."""

import msgspec
import pytest

from interop.errors import MappingError
from interop.mapping.lacking import check_lacking
from interop.mapping.model import Finding
from interop.study import Study


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (
            Finding("MAP-DEATH-001", lacks={"AE.AEOT": ["FATAL"]}),
            'no variable "AE.AEOT"; did you mean "AE.AEOUT"',
        ),
        (
            Finding("MAP-DEATH-001", lacks={"AE.AEOUT": ["FATAL"], "EC.ECTRT": ["X"]}),
            "names several datasets",
        ),
        (Finding("MAP-DUP-002", lacks={"AE.AEOUT": ["FATAL"]}), "tells of records that stay"),
    ],
)
def test_a_finding_that_cannot_be_told_is_refused(finding, said):
    mappings = Study.load().mappings
    changed = msgspec.structs.replace(mappings["DM"], findings=[finding])
    with pytest.raises(MappingError, match=said):
        check_lacking({**mappings, "DM": changed})


def test_a_study_without_the_other_dataset_has_nothing_to_tell():
    mappings = Study.load().mappings
    check_lacking({"DM": mappings["DM"]})
