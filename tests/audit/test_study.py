"""A study is a file that says all of its question, and refuses to say two; a tally is blind, and keeps every line."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.audit.shares import Reference
from limner.audit.study import UNTOLD, Study, read, written
from limner.audit.tally import UNDONE, Answer, labels, last_of, named, next_for, order, standing
from limner.errors import LimnerError

DOCTOR = Study(
    ("a canadian medical doctor",), ("female", "male"), "female", count=20, reference=Reference(0.4, 0.5),
    source="the course's own example",
)  # fmt: skip
PLAIN = (
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30)
    .filter(str.strip)
    .filter(str.isprintable)
)


@given(PLAIN, PLAIN, st.floats(0, 1), st.integers(2, 999), PLAIN)
def test_what_is_written_is_read(prompt: str, category: str, share: float, count: int, source: str) -> None:
    study = Study(
        (prompt.strip(),), (category.strip(), "other " + category.strip()), category.strip(), source=source.strip(),
        reference=Reference(share / 2, share), count=count, settings={"steps": 12, "guidance": 3.5, "sampler": "euler"},
    )  # fmt: skip
    assert read(written(study), "it") == study
    assert study.name == replace(study, harm="to somebody").name != replace(study, count=count + 1).name


def test_shares_of_all_categories_are_read_too() -> None:
    study = Study(("a cat",), ("red", "light blue"), "red", shares={"red": 0.25, "light blue": 0.75}, source="me")
    assert read(written(study), "it") == study


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompts": ()}, "one prompt"),
        ({"prompts": ("a", "a")}, "the same"),
        ({"prompts": ("a", "b")}, "leave the reference out"),
        ({"categories": ("female",)}, "choose 2 to 9"),
        ({"categories": ("female", "female")}, "twice"),
        ({"categories": ("female", UNTOLD)}, "always there"),
        ({"counted": "men"}, "none of the categories"),
        ({"source": " "}, "without a source"),
        ({"count": 1}, "choose 2 to 1000"),
        ({"seed": -1}, "out of range"),
        ({"shares": {"female": 0.5, "male": 0.5}}, "two things"),
        ({"reference": None, "shares": {"female": 1.0}}, "not those of the categories"),
        ({"reference": None, "shares": {"female": 1.0, "male": 0.5}}, "sum to 1"),
        ({"settings": {"seed": 3}}, "no setting 'seed'"),
        ({"settings": {"steps": 0}}, "out of range"),
    ],
)
def test_a_study_that_is_none_says_why(change: dict[str, object], says: str) -> None:
    with pytest.raises(LimnerError, match=says):
        replace(DOCTOR, **change)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "prompts is no list"),
        ("prompts = [", "not TOML"),
        ("prompts = 3", "prompts is no list"),
        ("colour = 3", "no key 'colour'"),
        ('prompts = ["a"]\ncategories = ["x", "y"]', "counted is missing"),
        ('prompts = ["a"]\ncategories = ["x", "y"]\ncounted = "x"\ncount = "many"', "no whole number"),
        ('prompts = ["a"]\ncategories = ["x", "y"]\ncounted = "x"\n[reference]\nlow = "half"', "no share"),
        ('prompts = ["a"]\ncategories = ["x", "y"]\ncounted = "x"\nreference = 0.5', "reference is no table"),
    ],
)
def test_a_file_that_is_none_is_named(text: str, says: str) -> None:
    with pytest.raises(LimnerError, match=says) as fault:
        read(text, "study.toml")
    assert "study.toml" in str(fault.value)


def test_the_order_is_each_raters_own_and_mixes_both_prompts() -> None:
    study = Study(("a doctor", "a nurse"), ("female", "male"), "female", count=50)
    one, other = order(study, "ada"), order(study, "bob")
    assert one == order(study, "ada") != other
    assert sorted(one) == sorted(other) == sorted(study.pictures)
    assert 10 < sum(each.arm for each in one[:50]) < 40


def test_answers_are_lines_of_which_the_last_holds() -> None:
    lines = [Answer("ada", "a-42", "female"), Answer("ada", "a-43", "male"), Answer("bob", "a-42", UNTOLD)]
    assert last_of(lines, "ada") == lines[1]
    lines.append(Answer("ada", "a-43", UNDONE))
    assert last_of(lines, "ada") == lines[0]
    lines.append(Answer("ada", "a-42", UNDONE))
    assert last_of(lines, "ada") is None
    assert standing(DOCTOR, lines) == {"a-42": {"bob": UNTOLD}, "a-43": {}}
    lines += [Answer("ada", "a-999", "female"), Answer("ada", "a-44", "blue")]  # of another study
    assert "a-999" not in standing(DOCTOR, lines)
    assert "ada" not in standing(DOCTOR, lines).get("a-44", {})


def test_one_comes_after_the_other_as_far_as_they_are_drawn() -> None:
    mine, lines = order(DOCTOR, "ada"), list[Answer]()
    there = {each.name for each in mine[5:]}
    assert next_for(DOCTOR, "ada", {}, there) == (5, mine[5])
    for picture in mine:
        lines.append(Answer("ada", picture.name, "male"))
    assert next_for(DOCTOR, "ada", standing(DOCTOR, lines), {each.name for each in mine}) is None


def test_keys_are_answers() -> None:
    assert [named(DOCTOR, key) for key in (0, 1, 2)] == [UNTOLD, "female", "male"]
    with pytest.raises(LimnerError, match="press 1 to 2"):
        named(DOCTOR, 3)


def test_a_label_is_what_all_say_who_have_seen_all() -> None:
    both = {each.name: {"ada": "female", "bob": "female"} for each in DOCTOR.pictures}
    both["a-42"]["bob"] = "male"
    both["a-43"] = {"ada": UNTOLD, "bob": UNTOLD}
    both["a-44"]["bob"] = UNTOLD
    found = labels(DOCTOR, both)
    assert (found.untold, found.disputed, found.waiting) == (("a-43",), ("a-42", "a-44"), ())
    assert (len(found.said), found.raters) == (17, ("ada", "bob"))
    del both["a-61"]["bob"]  # bob has not seen all: ada's hold
    found = labels(DOCTOR, both)
    assert (found.raters, len(found.said), found.disputed) == (("ada",), 19, ())
    del both["a-61"]["ada"], both["a-60"]["ada"]
    assert set(labels(DOCTOR, both).waiting) == {"a-61"}  # of bob, who is farther
    assert len(labels(DOCTOR, {}).waiting) == 20


def test_whoever_labels_reads_nothing_in_the_file() -> None:
    import io

    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from limner.audit.blind import blinded

    file, text = io.BytesIO(), PngInfo()
    text.add_text("parameters", "a canadian medical doctor")
    text.add_itxt("limner", "seed 42")
    Image.radial_gradient("L").convert("RGB").save(file, "PNG", pnginfo=text)
    plain = blinded(file.getvalue())
    assert b"doctor" not in plain
    assert b"iTXt" not in plain
    with Image.open(io.BytesIO(plain)) as one, Image.open(file) as other:
        assert one.tobytes() == other.tobytes()
        assert not one.info
    for broken in (b"GIF89a", file.getvalue()[:-20], file.getvalue().replace(b"doctor", b"Doctor")):
        with pytest.raises(LimnerError):
            blinded(broken)
