"""A study's own folder: its overlay and code tables over the packaged ones, and every way to be wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from interop.errors import InteropError, MappingError, SpecError, StudyError
from interop.study import Study

STUDY = """\
id: OWN
site: S01
country: CHN
zone: Asia/Shanghai
domains: [DM, LB]
"""

Load = Callable[..., Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(text: str = "", **tables: str) -> Study:
        (tmp_path / "study.yaml").write_text(STUDY + text, encoding="utf-8")
        (tmp_path / "concepts").mkdir()
        for name, rows in tables.items():
            (tmp_path / "concepts" / f"{name}.csv").write_text(rows, encoding="utf-8")
        return Study.load(tmp_path)

    return loaded


def test_a_variable_is_replaced_whole(load: Load) -> None:
    own = load("overlay: {DM: {variables: {RACE: {hardcode: ASIAN}}}}\n")
    race, packaged = own.mappings["DM"].variables["RACE"], Study.load().mappings["DM"].variables["RACE"]
    assert packaged.otherwise is not None
    assert packaged.codelist is not None
    assert (race.verb, race.argument, race.otherwise, race.codelist) == ("hardcode", "ASIAN", None, None)
    assert (race.file, race.line) == (own.home / "study.yaml", 6)


def test_nothing_else_changes(load: Load) -> None:
    own = load("overlay: {DM: {variables: {RACE: {hardcode: ASIAN}}}}\n").mappings["DM"]
    packaged = Study.load().mappings["DM"]
    assert list(own.variables) == list(packaged.variables)
    changed = {name for name, v in own.variables.items() if v != packaged.variables[name]}
    assert changed == {"RACE", "RFPENDTC"}  # the latter reads the dates of the study's own domains
    assert own.variables["RFPENDTC"].options["from"][:2] == ["LB.LBDTC", "LB.LBENDTC"]


def test_a_tilde_removes_a_variable(load: Load) -> None:
    own = load("overlay: {LB: {variables: {LBNAM: ~}, supp: {LBALERT: ~}}}\n")
    assert "LBNAM" not in own.mappings["LB"].variables
    assert "LBALERT" not in own.mappings["LB"].supp


def test_a_qualifier_is_added(load: Load) -> None:
    own = load("overlay: {LB: {supp: {LBWARD: {assign: note, label: Ward, qorig: Collected}}}}\n")
    assert own.mappings["LB"].supp["LBWARD"].label == "Ward"


def test_a_studys_rows_win_over_the_packaged_ones(load: Load) -> None:
    table = "system,code,target\nhttp://hl7.org/fhir/administrative-gender,unknown,UNDIFFERENTIATED\n"
    sexes = load(**{"gender-sex": table}).plan.context.tables["gender-sex"].forward("target")
    gender = {code: sex for (system, code), sex in sexes.items() if system.endswith("administrative-gender")}
    assert gender["unknown"] == "UNDIFFERENTIATED"
    assert gender["female"] == "F"


# what the study file says besides, the line that is blamed, and what is said.
WRONG = [
    ("overlay:\n  LB:\n    variables:\n      LBNAME: ~\n", 9, 'it cannot be removed; did you mean "LBNAM"?'),
    ("overlay:\n  LB:\n    variables:\n      LBNAM: {assgn: x}\n", 9, "LBNAM has no verb"),
    ("overlay:\n  LB:\n    variables:\n      LBNAM: {assign: notes}\n", 9, 'did you mean "note"?'),
    (
        "overlay:\n  LB:\n    variables:\n      LBNAM: {recode: labb.test, from: gate}\n",
        9,
        'no code table "labb"',
    ),
    (
        "overlay:\n  LB:\n    variables:\n      LBNAM: {recode: lab.tst, from: gate}\n",
        9,
        'did you mean "test"?',
    ),
    ("overlay:\n  LB:\n    variables:\n      LBNAM: {assign: gate.lonic}\n", 9, 'did you mean "loinc"?'),
]


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_a_wrong_overlay_is_told_by_its_line(load: Load, text: str, line: int, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(text)
    assert (caught.value.line, Path(str(caught.value.file)).name) == (line, "study.yaml")
    assert said in caught.value.message


def test_what_another_variable_reads_is_not_removed(load: Load) -> None:
    with pytest.raises(MappingError, match=r'lb\.yaml:\d+ .*no column "LBDTC"'):
        load("overlay: {LB: {variables: {LBDTC: ~}}}\n")


def test_what_another_domain_reads_is_not_removed(load: Load) -> None:
    with pytest.raises(MappingError, match=r'no variable "DM\.BRTHDTC", which LB reads'):
        load("overlay: {DM: {variables: {BRTHDTC: ~, AGE: ~, AGEU: ~}}}\n")


STUDY_FILES = [
    ("countri: x\n", StudyError, r'study\.yaml:6  unknown key "countri"; did you mean "country"\?'),
    ("fractions: cut\n", StudyError, r"study\.yaml:6  fractions: 'cut' is not one of"),
    ("id: TWICE\n", StudyError, r'study\.yaml:6  "id" stands here twice'),
    ("standard: {sdtmig: '1.0'}\n", SpecError, "sdtmig-1-0"),
    ("overlay: {LB: {columns: {}}}\n", StudyError, r'study\.yaml:6  unknown key "columns"'),
]


@pytest.mark.parametrize(("text", "error", "said"), STUDY_FILES)
def test_a_wrong_study_file_is_told_by_its_line(
    load: Load, text: str, error: type[InteropError], said: str
) -> None:
    with pytest.raises(error, match=said):
        load(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STUDY.replace("CHN", "China"), r"study\.yaml:3  country: 'China' does not match"),
        (STUDY.replace("Shanghai", "Shangai"), r'zone "Asia/Shangai" is no .*mean "Asia/Shanghai"'),
        (STUDY.replace("zone: Asia/Shanghai\n", ""), r"study\.yaml:1  file: 'zone' is a required property"),
        (
            STUDY.replace("[DM, LB]", "[DM, ZZ]"),
            r"study\.yaml:5  no mapping for domain ZZ \(there are .*DM.*LB.*\)",
        ),
        (
            STUDY.replace("[DM, LB]", "[DM, EC]"),
            r'gate: no code table "study-drug".*concepts/study-drug\.csv',
        ),
    ],
)
def test_a_study_that_lacks_something_says_what(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    with pytest.raises((StudyError, MappingError), match=said):
        Study.load(tmp_path)


def test_an_unknown_study_names_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no built-in study of that name \(known: .*NCT04324411"):
        Study.load(tmp_path / "nowhere")


# rows of the study's lab.csv, the line that is blamed, and what is said.
TABLES = [
    ("urn:x,a,nope\n", 2, 'same_as "nope" is not a code of the packaged table'),
    ("urn:x,a,718-70\n", 2, 'did you mean "718-7"?'),
    ("urn:x,a,718-7\nurn:x,a,789-8\n", 3, "urn:x|a stands here twice (line 2)"),
    ("urn:x,,718-7\n", 2, "system and code must both be given"),
    ("urn:x,a\n", 2, "2 fields, the header has 3"),
]


@pytest.mark.parametrize(("rows", "line", "said"), TABLES)
def test_a_wrong_code_table_is_told_by_its_line(load: Load, rows: str, line: int, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(lab="system,code,same_as\n" + rows)
    assert (caught.value.line, Path(str(caught.value.file)).name) == (line, "lab.csv")
    assert said in caught.value.message


def test_a_local_code_shares_the_targets_of_the_code_it_is_the_same_as(load: Load) -> None:
    lab = load(lab="system,code,same_as\nurn:x,HB,718-7\n").plan.context.tables["lab"]
    for target in ("testcd", "test", "nci", "unit", "spec", "loinc"):
        entries = lab.forward(target)
        assert entries["urn:x", "HB"] == entries["http://loinc.org", "718-7"]


def test_a_text_is_compared_in_full_or_half_width_and_any_case(load: Load) -> None:
    lab = load(lab="system,code,same_as\ntext,ＨＧＢ（ＰＯＣＴ）,718-7\n").plan.context.tables["lab"]
    assert lab.forward("testcd")["text", "hgb(poct)"] == "HGB"


def test_two_rows_that_both_lead_back_are_refused(load: Load) -> None:
    rows = "system,code,target,reverse\nurn:x,V,F,Y\n"
    with pytest.raises(MappingError, match="gender-sex: two reverse rows for F"):
        load(**{"gender-sex": rows})
