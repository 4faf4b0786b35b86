import calendar
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.cdisc import iso8601


def value(expression: pl.Expr) -> object:
    return pl.select(expression).item()


def text(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize(
    ("dtc", "valid", "partial", "lower", "upper"),
    [
        ("2020", True, True, "2020-01-01T00:00:00.000000000", "2020-12-31T23:59:59.999999999"),
        ("2020-02", True, True, "2020-02-01T00:00:00.000000000", "2020-02-29T23:59:59.999999999"),
        ("2019-02", True, True, "2019-02-01T00:00:00.000000000", "2019-02-28T23:59:59.999999999"),
        ("2020-05-11", True, False, "2020-05-11T00:00:00.000000000", "2020-05-11T23:59:59.999999999"),
        ("2020-05-11T08", True, False, "2020-05-11T08:00:00.000000000", "2020-05-11T08:59:59.999999999"),
        ("2020-05-11T08:12", True, False, "2020-05-11T08:12:00.000000000", "2020-05-11T08:12:59.999999999"),
        (
            "2020-05-11T08:12:30",
            True,
            False,
            "2020-05-11T08:12:30.000000000",
            "2020-05-11T08:12:30.999999999",
        ),
        ("2020-05-11T-:15", True, False, "2020-05-11T00:00:00.000000000", "2020-05-11T23:59:59.999999999"),
        ("2020-05--T08:00", True, True, "2020-05-01T00:00:00.000000000", "2020-05-31T23:59:59.999999999"),
        ("2003---15", True, True, "2003-01-01T00:00:00.000000000", "2003-12-31T23:59:59.999999999"),
        ("--12-15", True, True, "0001-01-01T00:00:00.000000000", "9999-12-31T23:59:59.999999999"),
        (
            "2020-05-11T08:12:00+08:00",
            True,
            False,
            "2020-05-11T00:00:00.000000000",
            "2020-05-11T23:59:59.999999999",
        ),
        ("2020-02-30", False, None, None, None),
        ("2020-13", False, None, None, None),
        ("2020-05-11T24:00", False, None, None, None),
        ("2020-05-11T08:12:60", False, None, None, None),
        ("0000-01-01", False, None, None, None),
        ("2020-5-1", False, None, None, None),
        ("2020-05-11/2020-05-12", False, None, None, None),
        ("", False, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_a_dtc_stands_for_every_instant_it_allows(dtc, valid, partial, lower, upper):
    found = pl.select(
        iso8601.is_valid(text(dtc)).alias("valid"),
        iso8601.is_partial(text(dtc)).alias("partial"),
        iso8601.lower(text(dtc)).alias("lower"),
        iso8601.upper(text(dtc)).alias("upper"),
    )
    assert found.row(0) == (valid, partial, lower, upper)


@pytest.mark.parametrize(
    ("first", "second", "before"),
    [
        ("2020-09", "2020-09-15", False),
        ("2020-08", "2020-09-15", True),
        ("2020-09-14", "2020-09-15", True),
        ("2020-09-15", "2020-09-15T08:00", False),
        ("2020-09-15T07:50", "2020-09-15T08:30", True),
        ("2020-09-15T08:30", "2020-09-15T08:30:10", False),
        ("2020-09-15T08:30:09", "2020-09-15T08:30:10", True),
        ("2020-09-15T07:50:00+09:00", "2020-09-15T08:30:00+01:00", False),
        ("2020-09-15", None, None),
        ("2020-09-31", "2020-10-01", None),
    ],
)
def test_before_is_certain_or_not_said(first, second, before):
    assert value(iso8601.certainly_before(text(first), text(second))) is before


@pytest.mark.parametrize(
    ("dtc", "reference", "day"),
    [
        ("2020-05-10", "2020-05-11T08:30", -1),
        ("2020-05-11", "2020-05-11T08:30", 1),
        ("2020-05-11T07:50", "2020-05-11T08:30", 1),
        ("2020-05-12", "2020-05-11", 2),
        ("2020-05", "2020-05-11", None),
        ("2020-05-11", "2020", None),
        ("2020-05-11", None, None),
    ],
)
def test_study_day_has_no_day_0_and_needs_two_whole_dates(dtc, reference, day):
    assert value(iso8601.study_day(text(dtc), text(reference))) == day


@pytest.mark.parametrize(
    ("birth", "reference", "age"),
    [
        ("1985-05-11", "2020-05-11", 35),
        ("1985-05-12", "2020-05-11T08:30", 34),
        ("1985", "2020-05-11", None),
        ("1985", "2020-12-31", 35),
        ("1985-02", "2020-02-29", 35),
        ("1985-04", "2020-05", 35),
        ("2000-02-29", "2019-02-28", 18),
        ("2000-02-29", "2019-03-01", 19),
        ("2020-05-12", "2020-05-11", None),
        (None, "2020-05-11", None),
    ],
)
def test_age_counts_completed_years_and_only_if_certain(birth, reference, age):
    assert value(iso8601.age_years(text(birth), text(reference))) == age


def test_a_time_needs_an_hour():
    found = pl.select(
        iso8601.has_time(text("2020-05-11T08", "2020-05-11", "2020-05-11T-:15", "2020-05--T08:00", "x"))
    )
    assert found.to_series().to_list() == [True, False, False, False, None]


def test_names_expressions_and_series_are_the_same():
    frame = pl.DataFrame({"LBDTC": ["2020-05-12"], "RFSTDTC": ["2020-05-11"]})
    days = frame.select(
        a=iso8601.study_day("LBDTC", "RFSTDTC"),
        b=iso8601.study_day(pl.col("LBDTC"), pl.col("RFSTDTC")),
        c=iso8601.study_day(frame["LBDTC"], frame["RFSTDTC"]),
    )
    assert days.row(0) == (2, 2, 2)


DATES = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))


@given(day=DATES, reference=DATES)
def test_study_day_agrees_with_the_calendar(day, reference):
    apart = (day - reference).days
    expected = apart + 1 if apart >= 0 else apart
    assert value(iso8601.study_day(text(day.isoformat()), text(reference.isoformat()))) == expected


@given(
    first=st.datetimes(),
    second=st.datetimes(),
    cut=st.tuples(*[st.sampled_from([4, 7, 10, 13, 16, 19])] * 2),
)
def test_before_holds_for_every_instant_of_both(first, second, cut):
    one, other = (moment.isoformat()[:length] for moment, length in zip((first, second), cut, strict=True))
    expected = _last(first, cut[0]) < _first(second, cut[1])
    assert value(iso8601.certainly_before(text(one), text(other))) is expected


@given(birth=DATES, reference=DATES)
def test_age_agrees_with_the_calendar(birth, reference):
    years = reference.year - birth.year - ((reference.month, reference.day) < (birth.month, birth.day))
    expected = years if years >= 0 else None
    assert value(iso8601.age_years(text(birth.isoformat()), text(reference.isoformat()))) == expected


def _first(moment: datetime, length: int) -> datetime:
    whole = {4: "-01-01T00:00:00", 7: "-01T00:00:00", 10: "T00:00:00", 13: ":00:00", 16: ":00", 19: ""}
    return datetime.fromisoformat(moment.isoformat()[:length] + whole[length])


def _last(moment: datetime, length: int) -> datetime:
    last = calendar.monthrange(moment.year, moment.month)[1]
    whole = {4: "-12-31T23:59:59", 7: f"-{last}T23:59:59", 10: "T23:59:59", 13: ":59:59", 16: ":59", 19: ""}
    return datetime.fromisoformat(moment.isoformat()[:length] + whole[length]) + timedelta(
        microseconds=999_999
    )
