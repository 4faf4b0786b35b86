from hypothesis import given
from hypothesis import strategies as st

from interop.cdisc.longtext import MOST_BYTES, join, numbered, split

LETTERS = st.characters(min_codepoint=33, max_codepoint=0x9FFF, exclude_categories=["Cs", "Zs", "Cc"])
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=90), min_size=1, max_size=40)


@given(WORDS)
def test_parts_fit_and_come_back_as_the_text(words):
    text = " ".join(words)
    parts = split(text)
    assert join(parts) == text
    assert all(len(part.encode()) <= MOST_BYTES for part in parts) or len(parts) == 1
    assert all(part == part.strip(" ") for part in parts)


def test_a_cut_is_at_the_last_blank_that_fits():
    text = "hemolysis after transfusion " * 10
    first, *_ = split(text.strip())
    assert first == " ".join(["hemolysis after transfusion"] * 7)  # 195 bytes; another word would not fit


def test_bytes_count_and_not_characters():
    parts = split("贫" * 100)
    assert [len(part) for part in parts] == [66, 34]
    assert join(parts) == "贫" * 100


def test_a_word_without_end_is_cut_where_it_must():
    parts = split("A" * 450)
    assert [len(part) for part in parts] == [200, 200, 50]
    assert join(parts) == "A" * 450


def test_a_blank_beside_an_ideograph_is_never_lost():
    text = "溶血 贫血 " * 40 + "完"
    assert join(split(text)) == text


def test_blanks_in_rows_are_left_whole_rather_than_shortened():
    text = "A" + " " * 300 + "B"
    assert split(text) == [text]


def test_a_long_name_gives_way_to_the_number():
    names = [numbered("AETERM", 1), numbered("LBSTRESC", 1), numbered("LBSTRESC", 12)]
    assert names == ["AETERM1", "LBSTRES1", "LBSTRE12"]
