import pytest

from interop import MappingError, SpecError, Study
from interop.explain import as_line, as_text


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
