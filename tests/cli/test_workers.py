"""`limner studio worker`: what was typed wrongly is one line, before any weights are read."""

from pathlib import Path

import pytest

from limner.cli import main
from limner.studio.badge import BADGE, badge


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["https://studio.example.org"], "a studio elsewhere asks for a token; give --token-file FILE"),
        (["http://10.0.0.5:7860", "--token-file", "t"], "use https, or say --allow-http on a network that is yours"),
        (["studio", "--token-file", "t"], "'studio' is no address of a studio; say https://studio.example.org"),
        (
            ["https://a.example", "--token-file", "t", "--folder", "x"],
            "a URL is a studio elsewhere; say one of them: it, or",
        ),
        (["--token-file", "t"], "a token is for a studio elsewhere; give its URL"),
        (["--folder", "nowhere"], "nowhere; limner studio makes one; or give --folder"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["studio", "worker", *arguments]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("token", "why"), [(None, "cannot read the token in"), ("", "there is no token in")])
def test_a_token_that_is_none_ends_it_at_once(
    token: str | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    if token is not None:
        file.write_text(token)
    assert main(["studio", "worker", "https://127.0.0.1:1", "--token-file", str(file)]) == 2
    assert why in capsys.readouterr().err


def test_the_studios_own_token_is_drawn_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    badge(tmp_path)
    first = (tmp_path / BADGE).read_text()
    badge(tmp_path)
    assert (tmp_path / BADGE).read_text() == first
    assert (tmp_path / BADGE).stat().st_mode & 0o777 == 0o600
    assert len(first) > 40
