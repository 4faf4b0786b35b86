"""The sample cohort becomes exactly what is committed; after a wanted change: python samples/expected.py."""

import runpy


def test_the_sample_becomes_what_is_expected_of_it_byte_for_byte(root, tmp_path):
    runpy.run_path(str(root / "samples" / "expected.py"))["write_expected"](tmp_path)
    expected = root / "samples" / "pumch" / "expected"
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    known = {path.name: path.read_bytes() for path in expected.iterdir()}
    assert sorted(made) == sorted(known)
    assert [name for name in sorted(known) if made[name] != known[name]] == []
