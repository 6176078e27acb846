"""A file is there whole or as it was, whoever else writes it."""

from pathlib import Path

import pytest

from limner.home import beside


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text("old")
    with beside(file) as part:
        part.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["figures.json"]


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text("old")

    def cut_off() -> None:
        with beside(file) as part:
            part.write_text("ne")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        cut_off()
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["figures.json"]


def test_two_who_write_it_at_once_do_not_write_into_each_others(tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    with beside(file) as one, beside(file) as other:
        assert one != other
        assert not list(tmp_path.glob("*.safetensors"))  # nobody who looks meanwhile takes a half for a whole
        one.write_text("one")
        other.write_text("other")
    assert file.read_text() == "one"  # the outer one is last
    assert [each.name for each in tmp_path.iterdir()] == ["state.safetensors"]
