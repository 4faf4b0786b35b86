"""Derivations: each test is a table whose last column is what must come out."""

from collections.abc import Callable
from typing import Any

import msgspec
import polars as pl
import pytest

from interop.mapping.context import Column, Context
from interop.mapping.derive import DERIVATIONS
from interop.mapping.model import Variable

Derive = Callable[..., Column]


@pytest.fixture
def derive(context: Context, variable: Callable[..., Variable]) -> Derive:
    def derived(
        name: str, rows: pl.DataFrame, *, study: dict[str, Any] | None = None, **options: Any
    ) -> Column:
        settings = {**context.settings, **(study or {})}
        frames = options.pop("frames", {})
        own = msgspec.structs.replace(context, settings=settings, frames=frames)
        options["from"] = options.pop("of", [])
        return DERIVATIONS[name](rows, variable("XXX", "derive", name, **options), own)

    return derived


def texts(values: pl.Series) -> list[str | None]:
    return values.cast(pl.String).to_list()


def test_the_sequence_number_counts_within_the_subject(derive, table) -> None:
    rows = table("""
        USUBJID | seq
        A       | 1
        A       | 2
        B       | 1
        A       | 3
        """)
    assert texts(derive("seq", rows).values) == rows["seq"].to_list()


def test_there_is_no_study_day_zero_and_none_of_a_partial_date(derive, table) -> None:
    rows = table("""
        date             | reference        | day
        2020-05-10       | 2020-05-11       | -1
        2020-05-11       | 2020-05-11       | 1
        2020-05-12       | 2020-05-11       | 2
        2020-05-11       | 2020-05-11T08:30 | 1
        2020-05-11T23:59 | 2020-05-11T08:30 | 1
        2020-05          | 2020-05-11       |
        2020-05-11       | 2020             |
        2020-05-11       |                  |
        """)
    assert texts(derive("study_day", rows, of=["date", "reference"]).values) == rows["day"].to_list()


def test_an_age_is_given_only_where_one_is_possible(derive, table) -> None:
    rows = table("""
        birth      | first      | second     | age  | reported
        1968-03-14 | 2020-05-11 |            | 52.0 | false
        1968-05-11 | 2020-05-11 |            | 52.0 | false
        1968-05-12 | 2020-05-11 |            | 51.0 | false
        1968-03-14 |            | 2020-03-13 | 51.0 | false
        1968-03    | 2020-05-11 |            | 52.0 | false
        1968       | 2020-05-11 |            |      | true
        1968-03-14 |            |            |      | false
                   | 2020-05-11 |            |      | false
        """)
    found = derive("age", rows, of=["birth", "first", "second"])
    assert texts(found.values) == rows["age"].to_list()
    assert texts(found.problems[0].rows) == rows["reported"].to_list()


def test_the_earliest_and_latest_date_are_the_subjects_own(derive, table) -> None:
    dates = table("""
        USUBJID | ECSTDTC          | ECENDTC    | ECOCCUR
        A       | 2020-05-11T08:30 | 2020-06-01 |
        A       | 2020-05-11       |            |
        A       | 2020-05-01       | 2020-07-01 | N
        B       | 2020-05          | 2020-05-02 |
        B       | 2020-05-02       |            |
        """)
    rows = table("""
        USUBJID | first      | last
        A       | 2020-05-11 | 2020-06-01
        B       | 2020-05    | 2020-05-02
        C       |            |
        """)
    options = {"frames": {"EC": dates}, "exclude": {"EC.ECOCCUR": ["N"]}}
    first = derive("earliest", rows, of=["EC.ECSTDTC"], **options)
    last = derive("latest", rows, of=["EC.ECENDTC", "EC.ECSTDTC"], **options)
    assert first.values.to_list() == rows["first"].to_list()
    assert last.values.to_list() == rows["last"].to_list()


def test_a_date_as_sent_is_compared_in_the_studys_zone(derive, table) -> None:
    rows = table("""
        USUBJID | end                  | last
        A       | 2020-05-31T16:00:00Z | 2020-06-01T00:00:00
        B       |                      |
        """)
    assert derive("latest", rows, of=["end", "NO.SUCH"]).values.to_list() == rows["last"].to_list()


def test_a_subject_without_any_date_has_no_extreme(derive, table) -> None:
    rows = table("""
        USUBJID
        A
        """)
    assert derive("earliest", rows, of=["EC.ECSTDTC"]).values.to_list() == [None]


BASELINE = """
    USUBJID | test | orres | date                | exposure         | flag | predose
    A       | HGB  | 90    | 2020-05-01          | 2020-05-11T08:30 |      |
    A       | HGB  | 91    | 2020-05-10          | 2020-05-11T08:30 |      |
    A       | HGB  | 92    | 2020-05-11T07:50    | 2020-05-11T08:30 | Y    | Y
    A       | HGB  |       | 2020-05-11T08:00    | 2020-05-11T08:30 |      |
    A       | HGB  | 93    | 2020-05-11T08:30    | 2020-05-11T08:30 |      |
    A       | HGB  | 94    | 2020-05-12          | 2020-05-11T08:30 |      |
    A       | WBC  | <0.5  | 2020-05-10          | 2020-05-11T08:30 | Y    |
    A       | WBC  | 0.7   | 2020-05-11          | 2020-05-11T08:30 |      | Y
    A       | PLAT | 100   | 2020-05             | 2020-05-11T08:30 |      |
    A       | PLAT | 101   | 2020-04             | 2020-05-11T08:30 | Y    | Y
    B       | HGB  | 88    | 2020-05-10          |                  |      |
    C       | HGB  | 70    | 2020-05-10          | 2020-05-11       |      |
    C       | HGB  | 71    | 2020-05-10          | 2020-05-11       | Y    | Y
    """


@pytest.mark.parametrize(("setting", "column"), [("false", "flag"), ("true", "predose")])
def test_the_last_result_before_first_exposure_is_flagged(derive, table, setting: str, column: str) -> None:
    rows = table(BASELINE)
    found = derive(
        "lobxfl",
        rows,
        of=["date", "exposure", "orres"],
        within=["test"],
        study={"same_day_predose": setting},
    )
    assert found.values.to_list() == rows[column].to_list()


ARMS = """
    sent             | status     | exposed    | code    | name             | actual_code | actual_name      | reason
                     | on-study   | 2020-05-11 | SIRATRA | Sirolimus + ATRA | SIRATRA     | Sirolimus + ATRA |
    SIRATRA          | on-study   | 2020-05-11 | SIRATRA | Sirolimus + ATRA | SIRATRA     | Sirolimus + ATRA |
    Sirolimus + ATRA | off-study  |            | SIRATRA | Sirolimus + ATRA |             |                  | ASSIGNED, NOT TREATED
                     | ineligible |            |         |                  |             |                  | SCREEN FAILURE
                     | candidate  |            |         |                  |             |                  | NOT ASSIGNED
    """  # noqa: E501  a table is read across


@pytest.mark.parametrize("give", ["code", "name", "actual_code", "actual_name", "reason"])
def test_an_arm_is_planned_when_enrolled_and_actual_when_dosed(derive, table, give: str) -> None:
    rows = table(ARMS)
    found = derive("arm", rows, of=["sent", "status", "exposed"], give=give)
    assert found.values.to_list() == rows[give].to_list()


def test_of_several_arms_none_is_guessed(derive, table) -> None:
    rows = table("""
        sent | status   | exposed    | code | reason
        A    | on-study | 2020-05-11 | A    |
             | on-study | 2020-05-11 |      | NOT ASSIGNED
        C    | on-study | 2020-05-11 |      | NOT ASSIGNED
        """)
    study = {"arms": {"A": "Arm A", "B": "Arm B"}}
    for give in ("code", "reason"):
        found = derive("arm", rows, of=["sent", "status", "exposed"], give=give, study=study)
        assert found.values.to_list() == rows[give].to_list()


def test_an_indicator_is_given_only_where_it_is_proved(derive, table) -> None:
    rows = table("""
        stresc | stresn | low | high | nrind
        98     | 98     | 110 | 150  | LOW
        110    | 110    | 110 | 150  | NORMAL
        150    | 150    | 110 | 150  | NORMAL
        151    | 151    | 110 | 150  | HIGH
        151    | 151    |     | 150  | HIGH
        98     | 98     | 110 |      | LOW
        98     | 98     |     |      |
        """)
    found = derive("nrind", rows, of=["stresc", "stresn", "low", "high"])
    assert found.values.to_list() == rows["nrind"].to_list()


def test_several_codes_are_one_value_or_many(derive) -> None:
    rows = pl.DataFrame(
        {"race": [["2106-3"], ["2106-3", "2028-9"], ["2106-3", "2106-3"], ["9999-9"], [], None]}
    )
    found = derive("several", rows, of=["race"], map="race", many="MULTIPLE")
    assert found.values.to_list() == ["WHITE", "MULTIPLE", "WHITE", None, None, None]


def test_a_code_that_no_view_gave_is_no_value(derive, table) -> None:
    rows = table("""
        USUBJID
        A
        """)
    assert derive("several", rows, of=["race"], map="race", many="MULTIPLE").values.to_list() == [None]
