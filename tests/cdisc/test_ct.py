import gzip
import os
from pathlib import Path

import pytest

from interop.cdisc.ct import Terminology
from interop.errors import SpecError

SEX = """\
Code|Codelist Code|Codelist Extensible (Yes/No)|Codelist Name|\
CDISC Submission Value|CDISC Synonym(s)|NCI Preferred Term
C66731||No|Sex|SEX|Sex|CDISC SDTM Sex Terminology
C16576|C66731||Sex|F|Female; Woman|Female
C20197|C66731||Sex|M|Male|Male
""".replace("|", "\t")


def test_a_submission_value_has_one_term_in_its_codelist():
    term = Terminology.load().require("C66742", "N")
    assert (term.code, term.preferred) == ("C49487", "No")


def test_an_nci_code_means_its_term_only_within_a_codelist():
    terminology = Terminology.load()
    assert terminology["NY"].by_code["C49487"].value == "N"
    assert terminology["LBTESTCD"].by_code["C64848"].value == "HGB"
    assert terminology["LBTEST"].by_code["C64848"].value == "Hemoglobin"


def test_a_used_term_that_the_release_lacks_is_refused_naming_codelist_and_term_c137():
    with pytest.raises(
        SpecError, match="2024-03-29 codelist C65047 LBTESTCD has no term 'HGBX'; did you mean \"HGB\""
    ):
        Terminology.load().require("C65047", "HGBX")
    with pytest.raises(SpecError, match="no codelist 'LBTESTC'"):
        Terminology.load().require("LBTESTC", "HGB")


def test_missing_values_are_listed_once_and_null_is_none_of_them():
    assert Terminology.load().missing("SEX", ["M", None, "X", "f", "X"]) == ("X", "f")


def test_every_lab_test_code_has_its_name_under_the_same_nci_code():
    terminology = Terminology.load()
    assert terminology["LBTESTCD"].by_code.keys() == terminology["LBTEST"].by_code.keys()


@pytest.mark.parametrize("name", ["SDTM Terminology.txt", "sdtm-2024-03-29.txt.gz"])
def test_the_text_file_of_nci_can_be_dropped_in(tmp_path, name):
    content = SEX.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    sex = Terminology.load(tmp_path, date="2024-03-29")["SEX"]
    assert (sex.code, sex.title, sex.extensible) == ("C66731", "Sex", False)
    assert [(term.value, term.code, term.synonyms) for term in sex.terms] == [
        ("F", "C16576", ("Female", "Woman")),
        ("M", "C20197", ("Male",)),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a\tb\n", "not a terminology table"),
        (SEX + "C20197\tC66731\t\tSex\tM\tMale\tMale", "'M': is listed twice"),
        (SEX + "C20197\tC66731\t\tSex\t\tMale\tMale", "needs a codelist and a submission value"),
    ],
)
def test_a_terminology_file_that_cannot_be_is_refused(tmp_path, content, problem):
    (tmp_path / "SDTM Terminology.txt").write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=problem):
        Terminology.load(tmp_path, date="2024-03-29")


def test_two_files_without_the_date_are_ambiguous(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(SEX, encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"one terminology file for 2024-03-29 is needed; files here: a\.txt, b\.txt"
    ):
        Terminology.load(tmp_path, date="2024-03-29")


def test_our_terms_are_those_of_the_whole_release():
    if "INTEROP_SHARED" not in os.environ:
        pytest.skip("needs INTEROP_SHARED: the whole terminology of 2024-03-29")
    whole = Terminology.load(Path(os.environ["INTEROP_SHARED"], "data/ct"), date="2024-03-29")
    ours = Terminology.load()
    for code, codelist in ours.codelists.items():
        assert whole[code].extensible == codelist.extensible
        assert [term for term in codelist.terms if term not in whole[code].terms] == []
    assert len(whole.codelists) > 1000
