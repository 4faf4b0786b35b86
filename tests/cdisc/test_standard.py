import csv
import os
from pathlib import Path

import pytest

from interop import knowledge
from interop.cdisc.standard import Standard
from interop.errors import SpecError

HEADERS = {
    "domains.csv": "domain,label,class,structure,keys\n",
    "variables.csv": "domain,order,variable,label,type,role,core,codelist,values\n",
}


def standard(folder: Path, variables: str, domains: str = "XX,Example,Findings,One,STUDYID\n") -> Standard:
    (folder / "domains.csv").write_text(HEADERS["domains.csv"] + domains, encoding="utf-8")
    (folder / "variables.csv").write_text(HEADERS["variables.csv"] + variables, encoding="utf-8")
    return Standard.load(folder=folder)


STUDYID = "XX,1,STUDYID,Study Identifier,Char,Identifier,Req,,\n"


def test_a_generic_name_resolves_in_its_domain():
    laboratory = Standard.load()["LB"]
    assert laboratory["--SEQ"].name == "LBSEQ"
    assert laboratory.generic("LBSEQ") == "--SEQ"
    assert laboratory.generic("USUBJID") == "USUBJID"
    assert "--TESTCD" in laboratory
    assert "--TRT" not in laboratory


def test_supplemental_qualifiers_of_every_domain_share_one_definition():
    supplemental = Standard.load().dataset("SUPPLB")
    assert (supplemental.name, supplemental.label) == ("SUPPLB", "Supplemental Qualifiers for LB")
    assert supplemental.names[1:8] == ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL")


@pytest.mark.parametrize("name", ["SUPPXX", "SUPPQUAL", "SUPPSUPPQUAL", "ZZ"])
def test_a_dataset_that_is_not_in_use_is_refused(name):
    assert name not in Standard.load()
    with pytest.raises(SpecError, match=f"dataset '{name}' is not in use"):
        Standard.load().dataset(name)


def test_a_misspelt_variable_gets_a_suggestion():
    with pytest.raises(SpecError, match='did you mean "LBTESTCD"'):
        Standard.load()["LB"]["LBTESCTD"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("XX,2,XXTESTCDE,Test,Char,Topic,Req,,\n", "a name has at most 8"),
        (f"XX,2,XXTEST,{'T' * 41},Char,Topic,Req,,\n", "a label has at most 40"),
        ("XX,2,XXTEST,Test,Text,Topic,Req,,\n", "type is Char or Num"),
        ("XX,2,XXTEST,Test,Char,Topic,Must,,\n", "core is Req, Exp or Perm"),
        ("XX,2,STUDYID,Test,Char,Topic,Req,,\n", "is listed twice"),
        ("XX,3,XXTEST,Test,Char,Topic,Req,,\n", "order 3 where 2 is due"),
        ("XX,2,XXTEST,Test,Char\n", "5 fields, the header has 9"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_file_and_line(tmp_path, row, problem):
    with pytest.raises(SpecError, match=problem) as raised:
        standard(tmp_path, STUDYID + row)
    assert (Path(raised.value.file).name, raised.value.line) == ("variables.csv", 3)


@pytest.mark.parametrize(
    ("domains", "problem"),
    [
        ("XX,Example,Findings,One,XXSEQ\n", "no variable 'XXSEQ' to be a key"),
        (f"XX,{'E' * 41},Findings,One,STUDYID\n", "longer than 40"),
        ("XX,Example,Findings,One,STUDYID\nXX,Example,Findings,One,\n", "listed twice"),
        ("", "no row for XX"),
    ],
)
def test_a_domain_that_cannot_be_is_refused(tmp_path, domains, problem):
    with pytest.raises(SpecError, match=problem):
        standard(tmp_path, STUDYID, domains)


def test_a_version_that_is_not_here_is_refused():
    with pytest.raises(SpecError, match="cannot be read"):
        Standard.load("9.9")


def test_our_tables_state_the_facts_of_sdtmig_3_4():
    if "INTEROP_SHARED" not in os.environ:
        pytest.skip("needs INTEROP_SHARED: the facts of every SDTMIG 3.4 dataset")
    columns = ("dataset", "ordinal", "variable", "label", "type", "role", "core", "codelist_codes")
    with Path(os.environ["INTEROP_SHARED"], "data/sdtmig34/variables.csv").open(encoding="utf-8") as stream:
        facts = {tuple(row[c] for c in columns) for row in csv.DictReader(stream)}
    with (knowledge.folder("sdtm") / "sdtmig-3-4/variables.csv").open(encoding="utf-8") as stream:
        ours = [tuple(row.values())[:8] for row in csv.DictReader(stream)]
    assert len(ours) >= 209
    assert [row for row in ours if row not in facts] == []
