"""What generated submissions are made of: words, dates and numbers, and the terms of the built-in study."""

import datetime as dt
import string
from functools import cache
from typing import Any

from hypothesis import strategies as st

from interop.study import Study


@cache
def study() -> Study:
    return Study.load()


def terms(codelist: str) -> list[str]:
    return sorted(study().plan.context.terminology[codelist].by_value)


WORDS = (
    st.text(
        st.sampled_from(string.ascii_letters + string.digits + " .,;()/-+=血红蛋白片，"),
        min_size=1,
        max_size=30,
    )
    .map(str.strip)
    .filter(bool)
)
CODES = st.text(st.sampled_from(string.ascii_uppercase + string.digits + "-"), min_size=1, max_size=12)
DATE = st.dates(min_value=dt.date(1950, 1, 1), max_value=dt.date(2030, 12, 31)).map(str)
CLOCK = st.times().map(lambda t: t.strftime("%H:%M:%S"))
DTC = st.one_of(
    DATE,
    DATE.map(lambda d: d[:4]),
    DATE.map(lambda d: d[:7]),
    st.builds("{}T{}".format, DATE, CLOCK),
    st.builds(lambda d, t: f"{d}T{t[:5]}", DATE, CLOCK),
    st.builds(lambda d, t: f"{d}T{t}.250", DATE, CLOCK),
    st.builds(lambda d, t: f"{d[:7]}--T{t[:5]}", DATE, CLOCK),
)
MAYBE = st.none() | WORDS
NUMBER = st.from_regex(r"\A(0|[1-9][0-9]{0,4})(\.[0-9]{1,4})?\Z")
RATE = st.sampled_from(["10 mg / 1 h", "50 mL/h", "0.5 mg/min", "3 mg/kg/h"])
FLOAT = st.decimals(min_value=0, max_value=5000, places=3).map(float)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy
