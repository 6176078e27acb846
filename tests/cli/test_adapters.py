"""A LoRA and a learned word from the command line: in flags, in tags, on the shelf, and found again by a picture."""

import shutil
from collections.abc import Callable
from pathlib import Path

import families
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from limner.bundle import open_bundle
from limner.bundle.adapters import write_lora
from limner.metadata import parse
from limner.process.noise import draw

Said = tuple[int, str, str]
MAKE = ("make", "--model", "tiny", "--backend", "eager", "--device", "cpu")


@pytest.fixture(autouse=True)
def shelf(home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$LIMNER_HOME with the model, two LoRAs and an embedding."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(home / "models", folder / "models")
    model = open_bundle(folder / "models" / "tiny")
    for seed, name in enumerate(("ink", "styles/oil")):
        write_lora(folder / "loras" / f"{name}.safetensors", families.changes(model, seed), model)
    (folder / "embeddings").mkdir()
    save_file(
        {"emb_params": draw(1, "mood", 0, (2, model.text.config.hidden_size))},
        folder / "embeddings" / "mood.safetensors",
    )
    monkeypatch.setenv("LIMNER_HOME", str(folder))
    return folder


def made(limner: Callable[..., Said], *argv: object) -> Path:
    code, out, err = limner(*MAKE, *argv)
    assert code == 0, err
    return Path(out.strip())


def pixels(path: Path) -> bytes:
    with Image.open(path) as picture:
        return picture.tobytes()


def text(path: Path) -> str:
    with Image.open(path) as picture:
        return str(picture.info["parameters"])


def test_flags_and_tags_say_the_same(limner: Callable[..., Said], shelf: Path) -> None:
    plain = made(limner, "a red apple")
    tag = made(limner, "a red <lora:ink:0.8>apple <lora:oil:-0.5>")
    flag = made(limner, "a red apple", "--lora", "ink:.8", "--lora", f"{shelf}/loras/styles/oil.safetensors:-0.5")
    assert pixels(tag) == pixels(flag) != pixels(plain)
    assert text(tag) == text(flag)
    assert pixels(made(limner, "a red apple <lora:ink:0>")) == pixels(plain)
    assert pixels(made(limner, "a red apple", "--lora", "ink")) == pixels(made(limner, "a red apple <lora:INK:1.0>"))


def test_a_name_on_the_shelf_may_have_dots(
    limner: Callable[..., Said], refused: Callable[..., str], shelf: Path
) -> None:
    (shelf / "loras" / "ink.safetensors").rename(shelf / "loras" / "ink.v1.5.safetensors")
    assert made(limner, "a cat", "--lora", "ink.v1.5:0.5").exists()
    assert "~nobody-here/ink begins with nobody's home" in refused(*MAKE, "a cat", "--lora", "~nobody-here/ink")
    assert "a name or a path is empty" in refused(*MAKE, "a cat", "--lora", "")


def test_the_text_is_what_a1111_reads(limner: Callable[..., Said]) -> None:
    said = parse(text(made(limner, "a red apple", "--lora", "ink:0.8", "--embedding", "mood", "--negative", "mood")))
    assert said.prompt == "a red apple <lora:ink:0.8>"
    name, _, mark = said.settings["Lora hashes"].partition(": ")
    assert (name, len(mark)) == ("ink", 12)
    assert said.settings["TI hashes"].startswith("mood: ")


def test_a_learned_word_is_heard(limner: Callable[..., Said]) -> None:
    """In the prompt and in what the picture is steered away from."""
    words = "--embedding", "mood"
    for said in (("a mood",), ("a cat", "--negative", "mood")):
        assert pixels(made(limner, *said, *words)) != pixels(made(limner, *said))
    assert pixels(made(limner, "a cat", *words)) == pixels(made(limner, "a cat"))


def test_a_picture_finds_its_adapters_again(
    limner: Callable[..., Said], refused: Callable[..., str], shelf: Path
) -> None:
    """By their hashes, whatever they are called now; and says what is missing."""
    first = made(limner, "a mood <lora:ink:0.1>", "--lora", "oil:0.30000000000000004", "--embedding", "mood")
    assert pixels(made(limner, "--from", first)) == pixels(first)
    ink, mood = shelf / "loras" / "ink.safetensors", shelf / "embeddings" / "mood.safetensors"
    ink.rename(shelf / "loras" / "b.safetensors")
    mood.rename(shelf / "embeddings" / "tone.safetensors")
    again = made(limner, "--from", first, "--seed", "8")
    assert pixels(again) == pixels(made(limner, "--from", again)) != pixels(first)
    code, out, err = limner("explain", first, "--model", "tiny", "--device", "cpu")
    assert code == 0, err
    assert "largest pixel difference" in out
    (shelf / "loras" / "b.safetensors").rename(shelf / "gone.safetensors")
    said = refused(*MAKE, "--from", first)
    assert f"{first} was made with the lora ink (" in said
    assert f"which is not in {shelf / 'loras'}; put it there, or give its file with --lora" in said
    given = "--lora", f"{shelf}/gone.safetensors:0.1", "--lora", "oil:0.30000000000000004", "--embedding"
    assert "with --lora and --embedding what was laid over it" in refused(*MAKE, "--from", first, *given, "tone")
    mood_again = (shelf / "embeddings" / "tone.safetensors").rename(mood)
    assert pixels(made(limner, "--from", first, *given, mood_again)) == pixels(first)


def test_refusals_name_the_thing(refused: Callable[..., str], shelf: Path) -> None:
    assert "lora 'oi' is not known; " in (said := refused(*MAKE, "a cat", "--lora", "oi:0.5"))
    assert f"{shelf / 'loras'} holds ink, oil; or give a file's path" in said
    assert "embedding 'mod' is not known" in refused(*MAKE, "a cat", "--embedding", "mod")
    assert "'0.5:1' is not the scale of a LoRA" in refused(*MAKE, "a cat <lora:ink:0.5:1>")
    assert "'nan' is not the scale of a LoRA" in refused(*MAKE, "a cat <lora:ink:nan>")
    assert "<lora:> names no LoRA" in refused(*MAKE, "a cat <lora::1>")
    assert "the negative prompt names a LoRA" in refused(*MAKE, "a cat", "--negative", "<lora:ink:1>")
    assert "no file nothing.safetensors" in refused(*MAKE, "a cat", "--lora", "nothing.safetensors")
    assert "lora '../gone' is not known" in refused(*MAKE, "a cat <lora:../gone:1>")  # in a prompt it is never a path
    (shelf / "gone.safetensors").write_bytes(b"")
    (shelf / "loras" / "link.safetensors").symlink_to(shelf / "gone.safetensors")
    assert f"link.safetensors is a link out of {shelf / 'loras'}" in refused(*MAKE, "a cat <lora:link:1>")
    (shelf / "loras" / "link.safetensors").unlink()
    shutil.copy(shelf / "loras" / "ink.safetensors", shelf / "loras" / "styles" / "ink.safetensors")
    assert "lora 'ink' could be " in refused(*MAKE, "a cat <lora:ink:1>")
    torch.save({}, shelf / "loras" / "old.safetensors")
    assert "old.safetensors is a pickle" in refused(*MAKE, "a cat <lora:old:1>")
    assert not Path("outputs").exists() or not list(Path("outputs").iterdir())
