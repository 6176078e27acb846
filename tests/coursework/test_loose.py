"""JSON as people write it: nothing is wrong exactly where Python's json reads it, and then it means the same."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from limner.coursework.loose import Array, Node, Object, loose
from limner.coursework.text import mended, text

PIECES = (
    "{", "}", "[", "]", ",", ":", '"', "\\", '"a"', '"b c"', "1", "-0", "0.5", "true", "null", "\n", " ", "\t",
    "\\u00e9", "\u201c", "\u201d", "'", "//", "#", "x", "NaN", "007", "/*", "*/", '"x": 1', "\\n", "\\ud83d\\ude00",
    "=", "-", "1e5",
)  # fmt: skip


def value(node: Node) -> object:
    if isinstance(node.value, Array):
        return [value(item) for item in node.value.items]
    if isinstance(node.value, Object):
        return {key: value(member) for key, member in node.value.members.items()}
    return node.value


def strict(said: str) -> tuple[bool, object]:
    """Python's reading, without the constants and the repeated keys that JSON has not."""

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(found)) == len(found)
        return dict(found)

    def constant(name: str) -> object:
        raise AssertionError(name)

    try:
        return True, json.loads(said, parse_constant=constant, object_pairs_hook=pairs)
    except (ValueError, AssertionError):
        return False, None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example('{"a": [1, 2.5, {"b": null}], "c": "\\u00e9\\n"}')
@example('{"a": 1,}')
def test_nothing_is_wrong_exactly_where_json_reads_it(said: str) -> None:
    good, meant = strict(said)
    found = loose(said)
    assert good == (not found.faults)
    if good and found.root:
        assert repr(value(found.root)) == repr(meant)
    assert all(0 <= fault.at <= len(said) for fault in found.faults)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab-\u00e9"), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JSONS, st.sampled_from([None, 2]))
def test_whatever_json_writes_is_read_back(said: object, indent: int | None) -> None:
    found = loose(json.dumps(said, indent=indent, ensure_ascii=False))
    assert found.root is not None
    assert (value(found.root), found.faults) == (said, ())


@settings(max_examples=60, deadline=None)
@given(JSONS, st.randoms(use_true_random=False))
def test_commas_that_were_taken_out_are_put_back(said: object, dice: "object") -> None:
    """Every comma of a text on many lines may be missing: mended, it is the same value."""
    whole = json.dumps(said, indent=1, ensure_ascii=True)
    lines = whole.split("\n")
    short = "\n".join(line[:-1] if line.endswith(",") and dice.random() < 0.5 else line for line in lines)  # type: ignore[attr-defined]
    found = loose(short)
    edits = [edit for fault in found.faults for edit in fault.edits]
    missing = whole.count(",\n") - short.count(",\n")
    assert len(found.faults) == min(missing, 60)
    if missing <= 60:
        assert json.loads(mended(short, edits)) == said


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("{}".encode("utf-16"), "UTF-16"), ("{}".encode("utf-16-le"), "UTF-16"), ("{}".encode("utf-16-be"), "UTF-16"),
        ("{}".encode("utf-32"), "UTF-32"), (b"\xef\xbb\xbf{}", "UTF-8 with a byte order mark"), (b"{}", ""),
    ],
)  # fmt: skip
def test_a_text_is_read_however_it_was_saved(data: bytes, encoding: str) -> None:
    assert (text(data).text, text(data).encoding) == ("{}", encoding)


def test_places_are_counted_in_characters_over_all_kinds_of_line_ends() -> None:
    said = text("a\r\nb\u00e9\U0001f98ac\rd\ne".encode())
    places = [said.place(said.text.index(each)) for each in "abcde"]
    assert [(place.line, place.column) for place in places] == [(1, 1), (2, 1), (2, 4), (3, 1), (4, 1)]
