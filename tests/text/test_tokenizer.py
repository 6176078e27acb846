"""limner's ids are transformers' ids, whatever the folder's age and however strange the prompt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from limner.errors import LimnerError
from limner.text.tokenizer import BOS, EOS, Tokenizer, train

NASTY = [
    "",
    " ",
    "a red cat",
    "A RED Cat's hat,isn't it?!!",
    "  two   spaces\tand\n\nlines ",
    "1970s 42 ½ Ⅷ ٣",
    "café cafe\u0301 Ａ ﬁ ŉ ß ẞ",
    "İstanbul ΑΣ ΣΑΣ",
    "🐱🐶 👩‍👩‍👧 cat🐱cat",
    "猫 и кот 한글 \u1112\u1161\u11ab",
    "a\u00a0b\u2003c\u200bd\u0085e\x1ff\x00g",
    "</w> the</w>cat ##ing Ġred",
    "hello! hello!! !hello",
    "<|endoftext|> a<|startoftext|>b <|STARTOFTEXT|> <|reserved_3|>cat <|reserved_30|>",
    "supercalifragilisticexpialidocious " * 3,
    "word " * 200,
]
ROLES = ("bos_token", "eos_token", "unk_token", "pad_token")


def written_by_limner(tokenizer: Tokenizer, folder: Path) -> None:
    tokenizer.save(folder)


def written_by_transformers(tokenizer: Tokenizer, folder: Path) -> None:
    """One tokenizer.json instead of vocabulary and merges."""
    tokenizer.save(folder / "first")
    CLIPTokenizer.from_pretrained(str(folder / "first")).save_pretrained(str(folder))


def like_stable_diffusion_1(tokenizer: Tokenizer, folder: Path) -> None:
    """The layout of 2022: special tokens as records that match after lower-casing, no table of added tokens."""
    tokenizer.save(folder)
    record = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    special = {role: {"content": BOS if role == "bos_token" else EOS, **record} for role in ROLES} | {"pad_token": EOS}
    config = {role: {"__type": "AddedToken", **value} for role, value in special.items() if isinstance(value, dict)}
    config |= {"model_max_length": tokenizer.length, "pad_token": EOS, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))


def like_stable_diffusion_2(tokenizer: Tokenizer, folder: Path) -> None:
    """As above, but the map overrules the config: padding is "!", id 0, also where a prompt says it."""
    like_stable_diffusion_1(tokenizer, folder)
    path = folder / "special_tokens_map.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pad_token": "!"}))


def with_a_learned_word(tokenizer: Tokenizer, folder: Path) -> None:
    """A token added after the vocabulary, as textual inversion once left it."""
    like_stable_diffusion_1(tokenizer, folder)
    (folder / "added_tokens.json").write_text(json.dumps({"<my-cat>": tokenizer.vocab_size}))


LAYOUTS = [
    written_by_limner,
    written_by_transformers,
    like_stable_diffusion_1,
    like_stable_diffusion_2,
    with_a_learned_word,
]


@pytest.mark.parametrize("write", LAYOUTS)
def test_ids_equal_transformers(tokenizer, tmp_path, write):
    write(tokenizer, tmp_path)
    loaded, peer = Tokenizer.load(tmp_path), CLIPTokenizer.from_pretrained(str(tmp_path))
    loaded.save(tmp_path / "again")
    again = Tokenizer.load(tmp_path / "again")
    for text in [*NASTY, "<my-cat> and <MY-CAT>"]:
        expected = peer(text, padding="max_length", truncation=True, max_length=peer.model_max_length).input_ids
        assert list(loaded.encode(text)) == expected, text
        assert again.encode(text) == loaded.encode(text)


@pytest.fixture(scope="module")
def peer(tokenizer, tmp_path_factory) -> CLIPTokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder)
    return CLIPTokenizer.from_pretrained(str(folder))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_ids_equal_transformers_on_any_text(tokenizer, peer, text):
    expected = peer(text, padding="max_length", truncation=True, max_length=tokenizer.length).input_ids
    assert list(tokenizer.encode(text)) == expected


def test_padding_of_stable_diffusion_2(tokenizer, tmp_path):
    like_stable_diffusion_2(tokenizer, tmp_path)
    ids = Tokenizer.load(tmp_path).encode("cat")
    assert ids[-1] == 0
    assert ids.index(tokenizer.id_of(EOS)) == 2


def test_saved_and_loaded_is_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "one")
    Tokenizer.load(tmp_path / "one").save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / file.name).read_bytes() == file.read_bytes()


def test_layout_of_a_trained_vocabulary(tokenizer):
    size = tokenizer.vocab_size
    assert [tokenizer.id_of(token) for token in ("!", "!</w>", BOS, EOS)] == [0, 256, size - 2, size - 1]
    reserved = [tokenizer.id_of(f"<|reserved_{number}|>") for number in range(16)]
    assert reserved == list(range(size - 18, size - 2))
    assert tokenizer.encode("a <|reserved_5|> cat")[2] == reserved[5]
    assert [len(word.ids) for word in tokenizer.words("red zebra")] == [1, 5], "a frequent word is one token"


def test_vocabulary_size_is_kept(captions):
    assert train(captions, 560, length=24).vocab_size == 560
    with pytest.raises(LimnerError, match="no room for words; ask for more than 530"):
        train(captions, 530, length=24)


def test_training_is_the_same_in_every_process(captions):
    """The library counts in hash maps seeded per process and in parallel; neither may show in the ids."""
    program = (
        "import sys, json; from limner.text.tokenizer import train;"
        "print(train(json.load(sys.stdin), 640, length=24).backend.to_str())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(captions),
            env={**os.environ, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for threads in ("1", "2", "4")
    }
    assert printed == {train(captions, 640, length=24).backend.to_str()}


def test_words_are_said_as_typed_however_many(tokenizer):
    words = tokenizer.words("A Red  zebra " + "cat " * 100)
    assert [word.text for word in words] == ["A", "Red", "zebra", *["cat"] * 100]
    ids = [number for word in words for number in word.ids]
    assert tokenizer.encode("A Red  zebra " + "cat " * 100) == tokenizer.framed(ids[:22]), "a literal text is cut"
    assert tokenizer.words(" ") == ()


def test_decode_is_what_the_tower_sees(tokenizer):
    said = tokenizer.encode("A Red café, ISN'T it? 🐱")
    assert tokenizer.decode(said[1 : said.index(tokenizer.id_of(EOS))]) == "a red café , isn 't it ? 🐱"


def test_half_a_surrogate_pair_is_refused(tokenizer):
    with pytest.raises(LimnerError, match="character 5 of the prompt is broken"):
        tokenizer.encode("cat \ud800")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer_config.json", None, r"tokenizer_config\.json is missing"),
        ("tokenizer_config.json", "{", r"tokenizer_config\.json is not JSON"),
        ("tokenizer_config.json", "[]", "is not a JSON object"),
        ("tokenizer_config.json", '{"tokenizer_class": "CLIPTokenizer"}', "does not say how many tokens"),
        ("tokenizer_config.json", '{"model_max_length": 1000000000000000019884624838656}', "does not say how many"),
        ("tokenizer_config.json", '{"model_max_length": 8, "pad_token": 3}', "has 3 where a token belongs"),
        (
            "tokenizer_config.json",
            '{"model_max_length": 8, "added_tokens_decoder": {"7": {"content": "<new>"}}}',
            "'<new>' the id 7, which is not free",
        ),
        ("merges.txt", None, "holds no BPE vocabulary"),
        ("merges.txt", "#version: 0.2\nno merge at all\n", "holds no BPE vocabulary"),
        ("merges.txt", "#version: 0.2\nzz qq\n", "holds no BPE vocabulary"),
        ("vocab.json", "[]", "holds no BPE vocabulary"),
    ],
)
def test_a_broken_folder_is_one_clear_line(tokenizer, tmp_path, file, content, message):
    tokenizer.save(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(LimnerError, match=message) as caught:
        Tokenizer.load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
