"""Issues: wrong data as data, in a stable order, counted."""

from itertools import permutations

from interop.issues import SEVERITIES, Issue, Issues, Location

FOUND = (
    Issue("B-1", "error", "invalid", "b", Location(file="x.ndjson", line=2)),
    Issue("B-1", "error", "invalid", "b", Location(file="x.ndjson", line=10), count=4),
    Issue("A-1", "warning", "value", "a", Location(resource="Observation/1"), "mg"),
    Issue("A-1", "warning", "value", "a", Location(resource="Observation/1"), "ng"),
    Issue("C-1", "information", "informational", "c"),
)


def test_the_order_is_severity_rule_message_place_and_value() -> None:
    assert {tuple(Issues(order)) for order in permutations(FOUND)} == {FOUND}


def test_lines_are_ordered_as_numbers() -> None:
    assert [issue.where.line for issue in Issues(reversed(FOUND))][:2] == [2, 10]


def test_occurrences_are_counted_by_severity_worst_first() -> None:
    counts = Issues(FOUND).counts
    assert tuple(counts) == SEVERITIES
    assert dict(counts) == {"fatal": 0, "error": 5, "warning": 2, "information": 1}


def test_errors_and_worse_are_failures() -> None:
    assert Issues(FOUND).failed
    assert Issues([Issue("D-1", "fatal", "exception", "d")]).failed
    assert not Issues(FOUND[2:]).failed
    assert not Issues().failed


def test_issues_add_up_and_show_themselves() -> None:
    both = Issues(FOUND[2:]) + FOUND[:2]
    assert tuple(both) == FOUND
    assert len(both) == 5
    assert repr(both) == "<Issues: 5 error, 2 warning, 1 information>"
    assert repr(Issues()) == "<Issues: none>"
