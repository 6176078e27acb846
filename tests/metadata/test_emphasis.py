"""A prompt of ComfyUI or InvokeAI keeps each word's weight in AUTOMATIC1111's spelling."""

import automatic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.metadata.emphasis import DEEPEST, LONGEST, dividers, from_comfy, from_compel

Tree = str | tuple["Forest", str]
Forest = list[Tree]


def trees(suffixes: st.SearchStrategy[str]) -> st.SearchStrategy[Forest]:
    """Words, and groups of them with what is written behind."""
    plain = st.text("ab [],", min_size=1, max_size=4)
    return st.recursive(
        st.lists(plain, max_size=3),
        lambda inner: st.lists(plain | st.tuples(inner, suffixes), max_size=3),
        max_leaves=8,
    )


def comfys(forest: Forest, weight: float = 1.0) -> tuple[str, list[tuple[str, float]]]:
    """ComfyUI's spelling of it and the weights that ComfyUI gives it: a number inside a group stands for itself."""
    spelling, runs = "", []
    for tree in forest:
        if isinstance(tree, str):
            spelling, runs = spelling + tree, [*runs, (tree, weight)]
        else:
            inside, more = comfys(tree[0], float(tree[1]) if tree[1] else weight * 1.1)
            spelling += f"({inside}:{tree[1]})" if tree[1] else f"({inside})"
            runs += more
    return spelling, runs


def compels(forest: Forest, weight: float = 1.0) -> tuple[str, list[tuple[str, float]]]:
    """InvokeAI's: what stands behind a group multiplies."""
    spelling, runs = "", []
    for tree in forest:
        if isinstance(tree, str):
            spelling, runs = spelling + tree, [*runs, (tree, weight)]
        else:
            signs = tree[1]
            factor = 1.1 ** len(signs) if set(signs) == {"+"} else 0.9 ** len(signs) if set(signs) == {"-"} else None
            inside, more = compels(tree[0], weight * (float(signs) if factor is None else factor))
            spelling, runs = f"{spelling}({inside}){signs}", runs + more
    return spelling, runs


def emptied(forest: Forest) -> bool:
    """Whether a group with a number holds nothing: `(:1.2)` is five characters to ComfyUI."""
    return any(not isinstance(tree, str) and (not comfys(tree[0])[0] or emptied(tree[0])) for tree in forest)


def close(left: list[tuple[str, float]], right: list[tuple[str, float]]) -> bool:
    """Sign for sign the same, with the same weight up to the six digits that are written."""
    ours, theirs = ([(sign, weight) for words, weight in runs for sign in words] for runs in (left, right))
    return [sign for sign, _ in ours] == [sign for sign, _ in theirs] and all(
        abs(one - other) < 2e-6 for (_, one), (_, other) in zip(ours, theirs, strict=True)
    )


@given(trees(st.sampled_from(["", "1.2", "0.5", "2"])))
def test_comfys_weights_come_over(forest: Forest) -> None:
    if emptied(forest):
        return
    spelling, runs = comfys(forest)
    translated = from_comfy(spelling)
    assert translated is not None
    assert close(automatic.weighted(translated), runs)


@given(trees(st.sampled_from(["+", "++", "-", "--", "1.2", "0.5"])))
def test_invokes_weights_come_over(forest: Forest) -> None:
    spelling, runs = compels(forest)
    translated = from_compel(spelling)
    assert translated is not None
    assert close(automatic.weighted(translated), runs)


@pytest.mark.parametrize(
    ("comfy", "ours"),
    [
        ("a (cat:1.2) on a mat", "a (cat:1.2) on a mat"),
        ("(foo)(bar)", "(foobar:1.1)"),
        ("((foo))", "(foo:1.21)"),  # these three from comfy/sd1_clip.py's own examples
        ("((foo:1.1))", "(foo:1.1)"),
        ("foo ((((lol (cat:666) attack:100)))) baz", "foo (lol :100)(cat:666)( attack:100) baz"),
        ("(foo:0.0)", "(foo:0)"),
        (r"a \(cat\) [very] c:\d", r"a \(cat\) \[very\] c:\\d"),
        ("12:30", "12:30"),
        ("", ""),
        ("(cat", None),
        ("cat)", None),
        ("(" * 2000, None),
        ("(" * (DEEPEST + 1) + ")" * (DEEPEST + 1), None),
        ("a" * (LONGEST + 1), None),
    ],
)
def test_comfys_spelling(comfy: str, ours: str | None) -> None:
    assert from_comfy(comfy) == ours


@pytest.mark.parametrize(
    ("compel", "ours"),
    [
        ("a tall man picking apricots+", "a tall man picking (apricots:1.1)"),  # from compel's doc/syntax.md
        ("a man picking apricots-- from a tree", "a man picking (apricots:0.81) from a tree"),
        ("a tall thin man (picking apricots+)++", "a tall thin man (picking :1.21)(apricots:1.331)"),
        ("a man (picking (apricots)1.3)1.1", "a man (picking :1.1)(apricots:1.43)"),
        ('"blue sphere"1.2 and "plain"', "(blue sphere:1.2) and plain"),
        ("mountain (man), well-lit t-shirt", "mountain man, well-lit t-shirt"),
        (r"a \(b\) [c]", r"a \(b\) \[c\]"),
        ("word+, other-.", "(word:1.1), (other:0.9)."),
        ("(word:1.2)", "word:1.2"),  # AUTOMATIC1111's spelling says nothing to InvokeAI
        ('("a", "b").blend(1, 0.8)', None),
        ('("a", "b").and()', None),
        ("a cat.swap(dog)", None),
        ("(a", None),
    ],
)
def test_invokes_spelling(compel: str, ours: str | None) -> None:
    assert from_compel(compel) == ours


@given(st.text('()+-.:"\\ 12a', max_size=80))
def test_any_text_can_be_spelt(prompt: str) -> None:
    from_comfy(prompt)
    from_compel(prompt)


def test_long_words_take_no_long_time() -> None:
    for sign in 'a+-(:\\"':
        from_comfy(sign * LONGEST)
        from_compel(sign * LONGEST)
        from_compel(f"a{sign}" * (LONGEST // 2))


def test_words_that_would_divide_are_named() -> None:
    assert dividers("cats AND dogs BREAK AND BRANDY") == ("AND", "BREAK")
