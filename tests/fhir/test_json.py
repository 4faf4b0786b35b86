"""FHIR JSON keeps what was sent: numbers as text, elements as bytes."""

import pickle
from decimal import Decimal

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.fhir.json import Decoder, Number, TooDeep, canonical, dump, is_too_deep, parse, render

SENT = ["1.50", "1E2", "5.10", "0.0", "-0", "-0.0", "-1e-05", "100", "0", "12345678901234567890123", "1e400"]


@pytest.mark.parametrize("number", SENT)
def test_a_number_keeps_the_text_it_was_sent_with(number):
    raw = f'{{"value":{number},"note":"-0 and \\"-0"}}'.encode()
    value = parse(raw)
    assert render(value["value"]) == number
    assert value["value"] == Decimal(number)
    assert dump(value) == raw
    assert canonical(raw) == f'{{"note":"-0 and \\"-0","value":{number}}}'.encode()


def test_a_number_keeps_its_text_on_the_way_to_a_worker():
    assert pickle.loads(pickle.dumps(Number("1E2"))).text == "1E2"  # noqa: S301  our own bytes


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), ("1.50", "1.50"), (7, "7"), (Decimal("1.50"), "1.50")],
)
def test_a_primitive_is_rendered_as_fhir_json_writes_it(value, text):
    assert render(value) == text


@pytest.mark.parametrize("value", [None, [], {}])
def test_what_is_no_primitive_is_not_rendered(value):
    with pytest.raises(TypeError, match="not a FHIR primitive"):
        render(value)


def test_what_json_does_not_know_is_not_written():
    with pytest.raises(TypeError, match="no complex"):
        dump({"value": 1j})


@pytest.mark.parametrize(
    ("raw", "depth", "deep"),
    [
        (b"[" * 64 + b"]" * 64, 64, False),
        (b"[" * 65 + b"]" * 65, 64, True),
        (b'{"a":[{"b":[]}]}', 3, True),
        (b'{"a":[{"b":[]}]}', 4, False),
        (b"[" + b"{}," * 500 + b"{}]", 2, False),
        (b'{"a":"' + b"[" * 500 + b'\\"{"}', 1, False),
        (b"[" * 500, 64, True),
        (b'{"a":"}","b":' * 65 + b"1" + b"}" * 65, 64, True),
    ],
)
def test_depth_counts_levels_and_not_brackets_in_strings(raw, depth, deep):
    assert is_too_deep(raw, depth=depth) is deep


def test_deep_json_is_refused_before_it_can_do_harm():
    with pytest.raises(TooDeep, match="deeper than 64"):
        parse(b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(TooDeep, match="decoder can follow"):
        parse(b"[" * 100_000 + b"]" * 100_000, depth=1_000_000)


def test_a_number_without_bounds_is_read_and_keeps_its_text():
    digits = b"9" * 5000
    assert render(parse(digits)) == digits.decode()
    assert render(parse(b'{"a":[-' + digits + b",1.50,7]}")["a"][0]) == f"-{digits.decode()}"
    assert [render(number) for number in parse(b"[" + digits + b",1.50,-0,7]")[1:]] == ["1.50", "-0", "7"]
    assert parse(b"1e" + b"9" * 30) == f"1e{'9' * 30}"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"01",
        b"-01",
        b"+1",
        b"1.",
        b"NaN",
        b'"\xff"',
        b'"\\ud800"',
        b"[1,]",
    ],
)
def test_what_is_not_json_is_refused(raw):
    with pytest.raises(ValueError, match=r".+"):
        parse(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_any_value_is_read_as_another_reader_reads_it(value):
    raw = orjson.dumps(value)
    assert parse(raw) == value
    assert orjson.loads(dump(parse(raw))) == value
    assert canonical(canonical(raw)) == canonical(raw)


def test_a_decoder_gives_the_bytes_of_the_elements_it_was_asked_for():
    decoder = Decoder(["class", "_birthDate", "valueQuantity", "status"])
    resources = decoder.decode_lines(
        b'{"resourceType":"A","id":"1","class":{"code":"IMP"},"valueQuantity":{"value": 1.50},"other":[1]}\n'
        b'{"resourceType":"B","_birthDate":{"extension":[]},"meta":{"versionId":"2","lastUpdated":"2020"}}\n'
    )
    assert {
        name: decoder.element(resources, name) for name in ("class", "_birthDate", "valueQuantity", "id")
    } == {
        "class": [b'{"code":"IMP"}', b""],
        "_birthDate": [b"", b'{"extension":[]}'],
        "valueQuantity": [b'{"value": 1.50}', b""],
        "id": [b'"1"', b""],
    }
    assert bytes(resources[0].status) == decoder.element(resources, "status")[0] == b""
    assert decoder.element(resources, "resourceType") == [b'"A"', b'"B"']
    assert decoder.versions(resources) == [(None, None), ("2", "2020")]
    with pytest.raises(KeyError):
        decoder.element(resources, "other")


@pytest.mark.parametrize("elements", [[], ["meta"]])
def test_versions_are_read_whether_or_not_a_view_reads_meta(elements):
    decoder = Decoder(elements)
    raw = b"""{"resourceType":"A","meta":{"versionId":"3","tag":[]}}
{"resourceType":"A"}
{"resourceType":"A","meta":null}"""
    resources = decoder.decode_lines(raw)
    assert decoder.versions(resources) == [("3", None), (None, None), (None, None)]
    if elements:
        assert decoder.element(resources, "meta") == [b'{"versionId":"3","tag":[]}', b"", b""]
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(b'{"resourceType":"A","meta":7}')


def test_meta_is_bytes_again_with_its_numbers_and_extensions_as_sent():
    decoder = Decoder(["meta"])
    sent = b'{"versionId":"3","extension":[{"url":"a","valueDecimal": 1.50}],"_source":{"id":"b"}}'
    resources = decoder.decode_lines(b'{"resourceType":"A","meta":' + sent + b"}")
    assert decoder.element(resources, "meta") == [sent]
