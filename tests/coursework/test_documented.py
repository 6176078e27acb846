"""Every rule has its entry in the docs, with the severity that it has; and no other rule has one."""

import re
from pathlib import Path

from limner.coursework.finding import RULES
from limner.coursework.specfile import _LIMITS, published

PAGE = (Path(__file__).parents[2] / "docs" / "coursework.md").read_text(encoding="utf-8")


def test_every_rule_has_its_entry() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+\.[a-z-]+)` \| (\w+)", PAGE, re.MULTILINE))
    assert rows == {rule: severity.value for rule, severity in RULES.items()}


def test_every_key_of_a_task_and_every_limit_is_named() -> None:
    for task in published().tasks:
        assert task.file in PAGE
        assert all(f"`{key.name}`" in PAGE for key in (*task.keys, *task.entries.keys))
    assert all(f"`{name}`" in PAGE for name in _LIMITS)
