"""Records that follow each other in time and say the same become one interval; nothing is guessed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest

from interop.errors import MappingError
from interop.knowledge import folder
from interop.mapping.context import Context
from interop.mapping.exposure import given_dose
from interop.mapping.intervals import merge
from interop.mapping.work import Work
from interop.study import Study

Table = Callable[[str], pl.DataFrame]
BUILT_IN = folder("mappings") / "studies" / "NCT04324411"


@pytest.fixture
def intervals(
    study: Study, context: Context, table: Table
) -> Callable[..., tuple[list[list[str]], list[str]]]:
    """Intervals of records as ``dose start end keys``, and the rules that were reported with their keys."""

    def made(text: str, **settings: str) -> tuple[list[list[str]], list[str]]:
        mapping = study.mappings["EX"]
        given = table(text).rename({"dose": "EXDOSE", "start": "EXSTDTC", "end": "EXENDTC"})
        given = given.rename(
            {n: m for n, m in {"adj": "EXADJ", "frq": "EXDOSFRQ"}.items() if n in given.columns}
        )
        absent = [n for n in mapping.columns if n not in given.columns]
        frame = given.with_columns(pl.lit(None, pl.String).alias(n) for n in absent).with_columns(
            USUBJID=pl.lit("S1"), EXTRT=pl.lit("DRUG"), _dataset=pl.lit("EC"), _key="id", _resource="id"
        )
        frame = frame.with_row_index("_at")
        work = Work(mapping, frame, {}, [], [])
        merge(work, msgspec.structs.replace(context, settings={**context.settings, "exposure": settings}))
        lines = work.frame.sort("EXSTDTC", "EXENDTC", "_at").select(
            pl.col("EXDOSE"), pl.col("EXSTDTC"), pl.col("EXENDTC"), pl.col("_members").list.join(" ")
        )
        said = [
            f"{rule} {key}" for p in work.problems for rule, key in p.select("rule", "resource").iter_rows()
        ]
        return [[cell or "" for cell in line] for line in lines.iter_rows()], said

    return made


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def test_doses_of_days_that_follow_each_other_are_one_interval(intervals):
    made, said = intervals(
        """
        id | dose | start            | end
        a  | 2    | 2020-05-11T08:30 | 2020-05-11T08:30
        c  | 2    | 2020-05-13       | 2020-05-20
        b  | 2    | 2020-05-12T09:00 | 2020-05-12T09:00
        """
    )
    assert made == rows("2 | 2020-05-11T08:30 | 2020-05-20 | a b c")
    assert said == []


def test_another_dose_begins_an_interval_and_the_first_dose_again_a_third(intervals):
    made, _ = intervals(
        """
        id | dose | start      | end
        a  | 2    | 2020-05-11 | 2020-05-11
        b  | 1    | 2020-05-12 | 2020-05-12
        c  | 2    | 2020-05-13 | 2020-05-13
        """
    )
    assert made == rows("""
        2 | 2020-05-11 | 2020-05-11 | a
        1 | 2020-05-12 | 2020-05-12 | b
        2 | 2020-05-13 | 2020-05-13 | c
    """)


@pytest.mark.parametrize(
    ("frequency", "days", "settings", "together"),
    [
        ("", 1, {}, True),
        ("", 2, {}, False),
        ("", 2, {"max_gap_days": "2"}, True),
        ("BID", 1, {}, True),
        ("BID", 2, {}, False),
        ("QOD", 2, {}, True),
        ("QOD", 3, {}, False),
        ("QOD", 4, {"max_gap_days": "2"}, True),
        ("EVERY WEEK", 7, {}, True),
        ("EVERY WEEK", 8, {}, False),
        ("3 TIMES PER WEEK", 3, {}, True),
        ("ONCE", 1, {}, False),
        ("PRN", 2, {}, False),
    ],
)
def test_a_gap_is_measured_by_the_frequency(intervals, frequency, days, settings, together):
    made, _ = intervals(
        f"""
        id | dose | frq         | start              | end
        a  | 2    | {frequency} | 2020-05-01         | 2020-05-01
        b  | 2    | {frequency} | 2020-05-{1 + days:02} | 2020-05-{1 + days:02}
        """,
        **settings,
    )
    assert [line[3] for line in made] == (["a b"] if together else ["a", "b"])


def test_a_reason_begins_an_interval_and_its_absence_does_not(intervals):
    made, _ = intervals(
        """
        id | dose | adj  | start      | end
        a  | 2    |      | 2020-05-11 | 2020-05-11
        b  | 2    | high | 2020-05-12 | 2020-05-12
        c  | 2    |      | 2020-05-13 | 2020-05-13
        d  | 2    | high | 2020-05-14 | 2020-05-14
        e  | 2    | low  | 2020-05-15 | 2020-05-15
        """
    )
    assert [line[3] for line in made] == ["a", "b c d", "e"]


def test_a_dose_not_given_parts_two_intervals_and_is_in_neither(intervals):
    made, _ = intervals(
        """
        id | dose | ec.ECOCCUR | start            | end
        a  | 2    |            | 2020-05-11T08:00 | 2020-05-11T08:00
        b  |      | N          | 2020-05-11T20:00 | 2020-05-11T20:00
        c  | 2    |            | 2020-05-12T08:00 | 2020-05-12T08:00
        """
    )
    assert [line[3] for line in made] == ["a", "c"]


def test_what_goes_on_and_what_has_no_certain_place_stays_alone(intervals):
    made, said = intervals(
        """
        id | dose | start      | end
        a  | 2    | 2020-05-11 | 2020-05-11
        b  | 2    | 2020-05-12 |
        c  | 2    | 2020-05    | 2020-05
        d  | 2    | 2020-05-14 | 2020-05-13
        e  | 2    |            |
        f  | 2    | 2020-05-12 | 2020-05
        """
    )
    assert made == rows("""
        2 |            |            | e
        2 | 2020-05    | 2020-05    | c
        2 | 2020-05-11 | 2020-05-11 | a
        2 | 2020-05-12 |            | b
        2 | 2020-05-12 | 2020-05    | f
        2 | 2020-05-14 | 2020-05-13 | d
    """)
    assert said == ["MAP-INTERVAL-001 c", "MAP-INTERVAL-001 f"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("2020-05-11T06:00 | 2020-05-11T06:00", "2020-05-11T06:00 | 2020-05-11T06:00", True),
        ("2020-05-11 | 2020-05-11", "2020-05-11 | 2020-05-11", False),
        ("2020-05-11 | 2020-05-15", "2020-05-13 | 2020-05-18", True),
        ("2020-05-11 | 2020-05-15", "2020-05-15 | 2020-05-18", False),
        ("2020-05-11T08:00 | 2020-05-11T10:00", "2020-05-11T09:00 | 2020-05-11T11:00", True),
        ("2020-05-11T08:00 | 2020-05-11T10:00", "2020-05-11T10:00 | 2020-05-11T11:00", False),
    ],
)
def test_an_overlap_is_told_where_it_is_certain(intervals, first, second, told):
    made, said = intervals(f"id | dose | start | end\na | 2 | {first}\nb | 2 | {second}")
    assert [line[3] for line in made] == ["a b"]
    assert said == (["MAP-INTERVAL-002 b"] if told else [])


def test_a_short_record_inside_a_long_one_of_another_dose_joins_nothing_behind_it(intervals):
    made, said = intervals(
        """
        id | dose | start      | end
        a  | 2    | 2020-05-01 | 2020-05-10
        b  | 1    | 2020-05-03 | 2020-05-04
        c  | 1    | 2020-05-11 | 2020-05-11
        """
    )
    assert [line[3] for line in made] == ["a", "b", "c"]
    assert said == ["MAP-INTERVAL-002 b"]


@pytest.mark.parametrize(
    ("collected", "given"),
    [
        # dose, unit, strength, its unit, rate, start, end -> number, unit
        (("2", "mg", None, None, None, None, None), ("2", "mg")),
        (("2.50", "mg", None, None, None, None, None), ("2.5", "mg")),
        (("2", "CAPSULE", "10", "mg/CAPSULE", None, None, None), ("20", "mg")),
        (("0.1", "TABLET", "0.3", "mg/TABLET", None, None, None), ("0.03", "mg")),
        (("2", "CAPSULE", "10", "mg/TABLET", None, None, None), ("2", "CAPSULE")),
        (("2", "CAPSULE", "10", "mg", None, None, None), ("2", "CAPSULE")),
        (("5", "mL", "1", "mg/mL", None, None, None), ("5", "mg")),
        (("2 or 3", "mg", None, None, None, None, None), ("2 or 3", "mg")),
        ((None, None, None, None, "10 mg / 1 h", "08:30", "10:30"), ("20", "mg")),
        ((None, None, None, None, "10 mg / 30 min", "08:30", "10:30"), ("40", "mg")),
        ((None, None, None, None, "10 mg / h", "08:30", "09:00"), ("5", "mg")),
        ((None, None, None, None, "1 mg / 3 h", "08:30", "09:30"), ("0.333333333333333", "mg")),
        ((None, None, "0.1", "mg/mL", "50 mL/h", "08:30", "10:00"), ("7.5", "mg")),
        ((None, None, "0.1", "mg/mL", "0.05 L/h", "08:30", "10:00"), ("7.5", "mg")),
        ((None, None, None, None, "50 mL/h", "08:30", "10:00"), (None, None)),
        ((None, None, "0.1", "mg/mL", "50 mL/h", "08:30", None), (None, None)),
        ((None, None, "0.1", "mg/mL", "50 mL/h", "10:00", "08:30"), (None, None)),
        ((None, None, None, None, "3 mg/kg/h", "08:30", "10:00"), (None, None)),
        ((None, None, None, None, "10 mg / 0 h", "08:30", "10:00"), (None, None)),
        ((None, None, None, None, "fast", "08:30", "10:00"), (None, None)),
    ],
)
def test_the_dose_given_is_computed_only_where_units_fit(context, collected, given):
    *amounts, start, end = collected
    times = [clock and f"2020-05-11T{clock}:00Z" for clock in (start, end)]
    assert given_dose(*amounts, *times, tables=context.units) == given


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("- {dataset: EC, as: ec}", "- {dataset: EC, as: ec, when: {ec.ECDOSES: present}}", 'no "ECDOSES"'),
        (
            "- {dataset: EC, as: ec}",
            "- {dataset: EC, as: ec, when: {ec.ECSEQ: present}}",
            "is made after the rec",
        ),
        ("- {dataset: EC, as: ec}", "- {dataset: EQ, as: ec}", 'no dataset "EQ"'),
        ("  gap: exposure", "  gab: exposure", 'unknown key "gab"'),
        ("same: [EXDOSE,", "same: [EXDOSES,", 'no variable "EXDOSES"; did you mean "EXDOSE"'),
        ("same: [EXDOSE,", "same: [EXSTDY,", "EXSTDY is made after the intervals"),
        ("dosing-interval.days", "dosing-interval.hours", 'has no column "hours"'),
        ("union:\n  - {dataset: EC, as: ec}\n", "", "intervals need a union with a dataset"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, monkeypatch, old, new, told):
    own = tmp_path / "mappings"
    shutil.copytree(folder("mappings"), own)
    file = own / "domains" / "ex.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr("interop.study.folder", lambda name: tmp_path / name)
    with pytest.raises(MappingError, match=r"ex\.yaml:\d+") as caught:
        Study.load(BUILT_IN)
    assert told in str(caught.value)


def test_a_study_without_collected_doses_has_no_intervals_of_them(tmp_path: Path) -> None:
    home = Path(shutil.copytree(BUILT_IN, tmp_path / "study"))
    file = home / "study.yaml"
    text = file.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("domains:")]
    file.write_text("\n".join([*kept, "domains: [DM, EX]", ""]), encoding="utf-8")
    patient = {"resourceType": "Patient", "id": "p1"}
    result = Study.load(home).to_sdtm([patient], enrol_all=True)
    assert {name: len(dataset) for name, dataset in result.datasets.items()} == {"DM": 1, "EX": 0}


def test_what_every_domain_has_is_written_out(study: Study) -> None:
    ends = study.mappings["DM"].variables["RFPENDTC"].options["from"]
    assert {"EX.EXSTDTC", "EX.EXENDTC", "LB.LBDTC", "EC.ECENDTC", "DTHDTC"} <= set(ends)
    assert not [name for name in ends if "*" in name]
