from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.cdisc.localtime import local
from interop.errors import SpecError

SHANGHAI = "Asia/Shanghai"


def shown(*values: str | None, zone: str = SHANGHAI, **options: str) -> pl.DataFrame:
    return local(pl.Series(values, dtype=pl.String), zone, **options)


@pytest.mark.parametrize(
    ("sent", "dtc", "instant", "assumed"),
    [
        ("2020-05-11T00:12:00Z", "2020-05-11T08:12:00", "2020-05-11T00:12:00Z", False),
        ("2020-05-10T23:50:00-05:00", "2020-05-11T12:50:00", "2020-05-11T04:50:00Z", False),
        ("2020-05-11T08:12:30.123+08:00", "2020-05-11T08:12:30", "2020-05-11T00:12:30.123Z", False),
        ("2020-05-11T08:12:00", "2020-05-11T08:12:00", "2020-05-11T00:12:00Z", True),
        ("2020-05-11T08:12", "2020-05-11T08:12", "2020-05-11T00:12Z", True),
        ("2020-05-11", "2020-05-11", None, False),
        ("2020-05", "2020-05", None, False),
        ("2020", "2020", None, False),
        (None, None, None, False),
    ],
)
def test_times_are_shown_in_the_zone_and_dates_stay_c063_c064_c065_c066_c143(sent, dtc, instant, assumed):
    assert shown(sent).row(0) == (dtc, instant, assumed, False)


@pytest.mark.parametrize(
    "sent",
    [
        "2020-05-11T08:12:60Z",
        "2020-13",
        "2020-05-11T24:00:00Z",
        "2020-02-30",
        "2019-02-29T08:00:00+08:00",
        "0000-01-01",
        "9999-12-31T23:59:59Z",
        "2020-05-11 08:12",
        "2020-05T08:00:00Z",
        "2020-05--T08:00",
        " 2020-05-11",
        "yesterday",
        "",
    ],
)
def test_what_cannot_exist_is_invalid_and_has_no_dtc(sent):
    assert shown(sent).row(0) == (None, None, False, True)


def test_the_fraction_and_the_offset_can_be_kept():
    found = shown("2020-05-11T00:12:30.120Z", "2020-05-11", fraction="keep", offset="keep")
    assert found["dtc"].to_list() == ["2020-05-11T08:12:30.120+08:00", "2020-05-11"]


def test_a_clock_that_shows_a_time_twice_or_never_gives_no_instant():
    found = shown("2021-10-31T02:30:00", "2021-03-28T02:30:00", "2021-06-01T02:30:00", zone="Europe/Berlin")
    assert found["dtc"].to_list() == ["2021-10-31T02:30:00", "2021-03-28T02:30:00", "2021-06-01T02:30:00"]
    assert found["instant"].to_list() == [None, None, "2021-06-01T00:30:00Z"]


def test_rows_keep_their_order_and_their_repeats():
    found = shown("2020", None, "2020-05-11T00:12:00Z", "2020", None)
    assert found["dtc"].to_list() == ["2020", None, "2020-05-11T08:12:00", "2020", None]


def test_no_rows_give_no_rows():
    assert shown().columns == ["dtc", "instant", "assumed", "invalid"]
    assert shown().height == 0


def test_an_unknown_zone_is_refused():
    with pytest.raises(SpecError, match="'Asia/Beijing' is no IANA time zone"):
        shown("2020", zone="Asia/Beijing")


@given(
    seconds=st.integers(min_value=0, max_value=2**31 - 1),
    minutes=st.integers(min_value=-12 * 60, max_value=14 * 60),
    zone=st.sampled_from([SHANGHAI, "Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"]),
)
def test_conversion_agrees_with_the_standard_library(seconds, minutes, zone):
    moment = datetime.fromtimestamp(seconds, tz=timezone(timedelta(minutes=minutes)))
    dtc, instant, assumed, invalid = shown(moment.isoformat(), zone=zone).row(0)
    assert dtc == moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat()
    assert instant == moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    assert (assumed, invalid) == (False, False)
