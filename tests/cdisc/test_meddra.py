"""A dictionary in the files of its release; the terms and codes here are invented and not MedDRA's."""

from pathlib import Path

import pytest

from interop.cdisc.meddra import read_meddra
from interop.errors import StudyError

LLT = """90000021$Invented pyrexia$90000021$$$$$$$Y$$
90000022$Invented fever$90000021$$$$$$$Y$$
90000023$Invented fever nos$90000021$$$$$$$N$$
"""
HIERARCHY = """\
90000021$90001$900011$9000111$Invented pyrexia$Invented heat$Invented body$Invented general$Gen$$9000111$Y$
90000021$90002$900012$9000112$Invented pyrexia$Invented signs$Invented signals$Invented ills$Inf$$9000111$N$
90000031$90003$900013$9000113$Invented cough$Invented coughs$Invented airways$Invented chest$Resp$$9000113$Y$
"""


def release(folder: Path, *, encoding: str = "utf-8", **files: str) -> Path:
    """A folder with the three files that are read; a file is left out when its text is empty."""
    texts = {"llt": LLT, "mdhier": HIERARCHY, "meddra_release": "99.1$English$$$$\n"} | files
    for name, text in texts.items():
        if text:
            (folder / f"{name}.asc").write_bytes(text.encode(encoding))
    return folder


def test_a_lowest_level_term_has_every_level_by_its_primary_path(tmp_path):
    found = read_meddra(release(tmp_path))
    terms = {row["code"]: row for row in found.terms.iter_rows(named=True)}
    assert found.version == "99.1 English"
    assert terms["90000022"] == {
        "code": "90000022",
        "name": "Invented fever",
        "current": True,
        "llt": "Invented fever",
        "llt_code": "90000022",
        "pt": "Invented pyrexia",
        "pt_code": "90000021",
        "hlt": "Invented heat",
        "hlt_code": "90001",
        "hlgt": "Invented body",
        "hlgt_code": "900011",
        "soc": "Invented general",
        "soc_code": "9000111",
    }
    assert terms["90000023"]["current"] is False


def test_a_preferred_term_without_a_lowest_level_term_of_its_own_is_there(tmp_path):
    terms = {row["code"]: row for row in read_meddra(release(tmp_path)).terms.iter_rows(named=True)}
    assert (terms["90000031"]["pt"], terms["90000031"]["llt"]) == ("Invented cough", None)


def test_a_western_language_may_be_in_extended_ascii(tmp_path):
    text = LLT.replace("Invented fever$", "Invented fièvre$")
    terms = read_meddra(release(tmp_path, encoding="cp1252", llt=text)).terms
    assert "Invented fièvre" in terms["name"].to_list()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"llt": "90000021$Invented pyrexia\n"}, r"llt\.asc:1  2 fields between \$, where 10 are due"),
        ({"mdhier": HIERARCHY + "1$2\n"}, r"mdhier\.asc:4  2 fields between \$, where 12 are due"),
        ({"meddra_release": ""}, r"meddra_release\.asc.*cannot be read"),
    ],
)
def test_a_file_that_is_none_of_a_release_is_told_by_its_line(tmp_path, files, said):
    with pytest.raises(StudyError, match=said):
        read_meddra(release(tmp_path, **files))
