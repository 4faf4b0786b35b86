"""How a dose of EX came about, in words."""

import pytest

from interop.mapping.exposure import told_dose
from interop.study import Study


@pytest.mark.parametrize(
    ("collected", "told"),
    [
        (("2", "CAPSULE", "10", "mg/CAPSULE", None, "2020-05-11", None), "2 CAPSULE x 10 mg/CAPSULE = 20 mg"),
        (("2.0", "mg", "1", "mg/TABLET", None, "2020-05-11", None), "2.0 mg, as collected"),
        (("2", None, None, None, None, "2020-05-11", None), "2, as collected"),
        (
            (None, None, None, None, "10 mg / 1 h", "2020-05-11T08:00", "2020-05-11T10:00"),
            "10 mg / 1 h from 2020-05-11T08:00 to 2020-05-11T10:00 = 20 mg",
        ),
        (
            (None, None, "0.1", "mg/mL", "50 mL/h", "2020-05-11T08:00", "2020-05-11T10:00"),
            "50 mL/h from 2020-05-11T08:00 to 2020-05-11T10:00 x 0.1 mg/mL = 10 mg",
        ),
        ((None, None, None, None, "10 mg / 1 h", "2020-05-11", "2020-05-12"), None),
    ],
)
def test_a_dose_is_told_with_what_it_was_reckoned_of(collected, told):
    assert told_dose(collected, Study.load().plan.context) == told
