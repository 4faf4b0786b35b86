import json

import pytest
from typer.testing import CliRunner

from interop import MappingError, SourceError, SpecError, Study, write_result
from interop.cli import app
from interop.explain import as_line, as_text, cell_line, cell_text, find


@pytest.fixture(scope="module")
def study():
    return Study.load("NCT04324411")


def told(study, name):
    return "\n".join(map(as_text, study.explain(name)))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "LB.LBORRES",
            [
                "LB.LBORRES  Result or Finding in Original Units",
                "Char, Exp, Result Qualifier",
                "mappings/domains/lb.yaml:",
                "num: Observation.value.ofType(Quantity).value   (view lab)",
                "num: Observation.component.value.ofType(Quantity).value   (view component)",
                "Collected/Vendor",
                "way back  exact",
            ],
        ),
        (
            "LB.LBTESTCD",
            [
                "C65047 LBTESTCD (Laboratory Test Code; extensible; SDTM CT 2024-03-29)",
                "mappings/concepts/lab.csv",
                "mappings/studies/NCT04324411/concepts/lab.csv",
                "way back  lookup",
            ],
        ),
        ("LB.LBLOCCD", ["SUPPLB.LBLOCCD", "where(system='urn:pumch:lis')", "Supplemental Qualifier"]),
        ("LB.LBDY", ["variable LB.LBDTC", "DM.RFSTDTC: variable DM.RFSTDTC", "MT.DY", "way back  derived"]),
        ("LB.LBCAT", ["way back  lost", "lost: implied by the test"]),
        ("LB.VISITNUM", ["mapping   none: the variable is null"]),
    ],
)
def test_a_variable_tells_its_whole_story(study, name, texts):
    story = told(study, name)
    assert [text for text in texts if text not in story] == []


def test_an_alternative_says_when_it_is_taken(study):
    assert "else      hardcode: titer" in told(study, "LB.LBORRESU")
    assert "when ratio_num is present" in told(study, "LB.LBORRESU")


def test_a_domain_is_one_line_for_each_variable(study):
    lines = [as_line(story) for story in study.explain("DM")]
    assert [line.split()[0] for line in lines[:4]] == ["STUDYID", "DOMAIN", "USUBJID", "SUBJID"]
    assert next(line for line in lines if line.startswith("SEX")).startswith(
        "SEX       Req  recode gender-sex from [patient.sex, patient.gender]  [mappings/domains/dm.yaml:"
    )


def test_a_line_that_a_study_replaced_is_shown_beside_its_own(tmp_path):
    (tmp_path / "study.yaml").write_text(
        "id: S1\ntitle: T\nsite: A\ncountry: CHN\nzone: Asia/Shanghai\ndomains: [DM, LB]\n"
        "arms: {A: A}\noverlay:\n  LB:\n    variables:\n"
        "      LBNAM: {hardcode: Central, origin: Assigned/Sponsor}\n",
        encoding="utf-8",
    )
    story = told(Study.load(tmp_path), "LB.LBNAM")
    assert f"{tmp_path.as_posix()}/study.yaml:11" in story
    assert "replaces  mappings/domains/lb.yaml:" in story


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("XX", MappingError, "no mapping for XX; there are DM, EC, EX, LB, AE"),
        ("LB.LBORES", SpecError, 'did you mean "LBORRES"?'),
    ],
)
def test_an_unknown_name_is_answered_with_a_near_one(study, name, error, text):
    with pytest.raises(error) as caught:
        study.explain(name)
    assert text in str(caught.value)


def test_a_name_may_be_written_in_small_letters(study):
    assert told(study, "lb.lborres") == told(study, "LB.LBORRES")
    assert [as_line(one) for one in study.explain("dm")] == [as_line(one) for one in study.explain("DM")]


PLACE = "NCT04324411-PUMCH-0001:1"
LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """One hemoglobin in g/dL at midnight in Greenwich, as SAS transport files and CSV."""
    source = [
        {"resourceType": "Patient", "id": "p1", "gender": "female"},
        {
            "resourceType": "Observation",
            "id": "o1",
            "meta": {"versionId": "3"},
            "status": "final",
            "category": [{"coding": [LABORATORY]}],
            "subject": {"reference": "Patient/p1"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            "effectiveDateTime": "2020-05-11T00:12:00Z",
            "interpretation": [{"coding": [{"system": INTERPRETATION, "code": "LL"}]}],
            "valueQuantity": {"value": 9.8, "system": "http://unitsofmeasure.org", "code": "g/dL"},
        },
    ]
    out = tmp_path_factory.mktemp("written") / "sdtm"
    write_result(study.to_sdtm(source, enrol_all=True), out, formats=["xpt", "csv"])
    return out


INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def cells_of(study, file, variable, place=PLACE):
    return find(study.cells(file, place=place), file, place, variable)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("lborres", ['num "9.8"  as sent in Observation.value.ofType(Quantity).value', "version 3"]),
        ("LBORRESU", ['ucum "g/dL"', "UCUM g/dL of g/dL (mappings/units/ucum.csv:"]),
        (
            "LBSTRESC",
            [
                "value     98",
                "9.8 x 10 (g/dL to g/L: mappings/units/dimensions.csv:",
                "rounded half up to 3 digits",
                'gate.unit "g/L"  code table row mappings/concepts/lab.csv:2, by http://loinc.org|718-7',
            ],
        ),
        ("LBDTC", ['eff "2020-05-11T00:12:00Z"', "shown in Asia/Shanghai (mappings/studies/NCT04324411"]),
        ("LBNRIND", [f"{INTERPRETATION}|LL has nrind LOW (mappings/concepts/interpretation.csv:"]),
        ("LBSEQ", ["seq: --SEQ: number of the record within the subject"]),
        ("USUBJID", ["DM NCT04324411-PUMCH-0001 USUBJID"]),
    ],
)
def test_a_cell_tells_what_was_sent_and_each_step(study, written, name, texts):
    (cell,) = cells_of(study, written / "lb.xpt", name)
    story = cell_text(cell)
    assert [text for text in texts if text not in story] == []


def test_every_format_tells_the_same(study, written):
    sas, csv = (cells_of(study, written / name, None) for name in ("lb.xpt", "csv/lb.csv"))
    assert sas == csv


def test_a_record_is_a_line_for_each_value(study, written):
    lines = [cell_line(cell) for cell in cells_of(study, written / "lb.xpt", None)]
    assert next(line for line in lines if line.startswith("LBORRES ")).split("  [")[0].split(None, 1) == [
        "LBORRES",
        '9.8                      num "9.8"',
    ]


def test_a_qualifier_is_named_by_its_qnam(study, written):
    (cell,) = cells_of(study, written / "supplb.xpt", "LBALERT")
    assert (cell.value, [source.value for source in cell.sources]) == ("LL", ["LL"])
    (origin,) = cells_of(study, written / "supplb.xpt", "LBALERT.QORIG")
    assert (origin.value, origin.steps) == ("Collected", ["the mapping's line of LBALERT says so"])


@pytest.mark.parametrize(
    ("file", "place", "name", "text"),
    [
        ("lb.xpt", PLACE, "LBSTRSC", 'has no LBSTRSC; did you mean "LBSTRESC"?'),
        ("lb.xpt", PLACE, "LBSTAT", "has no value of LBSTAT; interop explain LB.LBSTAT says how one is made"),
        ("lb.xpt", "NCT04324411-PUMCH-0001:77", None, "no record NCT04324411-PUMCH-0001:77"),
        ("lb.xpt", "NCT04324411-PUMCH-0002:1", None, 'did you mean "NCT04324411-PUMCH-0001"?'),
        ("ae.xpt", PLACE, None, "no such file"),
    ],
)
def test_a_wrong_place_is_answered_with_a_right_one(study, written, file, place, name, text):
    with pytest.raises(SourceError) as caught:
        cells_of(study, written / file, name, place)
    assert text in str(caught.value)


def test_files_without_their_sidecars_tell_nothing(study, written, tmp_path):
    (tmp_path / "lb.xpt").write_bytes((written / "lb.xpt").read_bytes())
    with pytest.raises(SourceError, match="no _interop/ beside it"):
        cells_of(study, tmp_path / "lb.xpt", None)


def test_a_value_that_the_mapping_would_not_give_today_is_told(study, written, tmp_path):
    for file in written.rglob("*"):
        if file.is_file():
            copy = tmp_path / file.relative_to(written)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    table = tmp_path / "csv" / "lb.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",98,98,", ",97,97,"), encoding="utf-8")
    (cell,) = cells_of(study, table, "LBSTRESC")
    assert (cell.value, cell.again) == ("97", "98")
    assert "today     98: the mapping or a table has changed since" in cell_text(cell)


def test_the_command_prints_a_cell_as_text_and_as_json(written):
    asked = ["explain", str(written / "lb.xpt"), "lbstresn", "--row", PLACE]
    text, data = (CliRunner().invoke(app, [*asked, *more]) for more in ([], ["--json"]))
    assert (text.exit_code, text.stdout.splitlines()[:2]) == (
        0,
        ["LB.LBSTRESN  Numeric Result/Finding in Standard Units", "  value     98"],
    )
    (cell,) = json.loads(data.stdout)
    assert (cell["variable"], cell["value"], cell["sources"][0]["name"]) == ("LBSTRESN", "98", "LBSTRESC")


def test_a_file_or_a_variable_alone_is_no_cell(written):
    for asked in ([str(written / "lb.xpt")], ["LB", "LBORRES"]):
        assert CliRunner().invoke(app, ["explain", *asked]).exit_code == 2
