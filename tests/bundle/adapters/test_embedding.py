"""A learned word is as many tokens as it has vectors, in prompts and spans; diffusers reads it the same."""

from pathlib import Path

import families
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.bundle.adapters import adapted, read_embedding, read_lora, write_lora
from limner.errors import LimnerError
from limner.process.noise import draw
from limner.text.prompt import chunks, find, spans

PROMPTS = ["a <Cat-Toy> on a table", "two cats, <cat-toy>,<cat-toy>", "<cat-toy>", "a red apple", "mood, a Mood"]
VECTORS, LENGTH = draw(3, "vectors", 0, (3, 16)), 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A word of three vectors as diffusers writes it, and one of one as A1111 does."""
    folder = tmp_path_factory.mktemp("embeddings")
    save_file({"<cat-toy>": VECTORS}, folder / "learned_embeds.safetensors")
    save_file({"emb_params": VECTORS[:1] + 1}, folder / "mood.safetensors")
    return [folder / "learned_embeds.safetensors", folder / "mood.safetensors"]


@pytest.fixture(scope="module")
def taught(bundle: Bundle, files: list[Path]) -> Bundle:
    read = [read_embedding(file, bundle) for file in files]
    assert [each.word for each in read] == ["<cat-toy>", "mood"]
    return adapted(bundle, (), read)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_diffusers_reads_the_same_tokens_and_states(taught: Bundle, folder: Path, files: list[Path]) -> None:
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    for file, word in zip(files, ("<cat-toy>", "mood"), strict=True):
        pipe.load_textual_inversion(str(file.parent), weight_name=file.name, token=word)
    for prompt in PROMPTS:
        typed = pipe.maybe_convert_prompt(prompt.lower(), pipe.tokenizer)
        ids = pipe.tokenizer(typed, padding="max_length", max_length=LENGTH, truncation=True).input_ids
        assert list(taught.ids([prompt])[0]) == ids, prompt
        states = pipe.text_encoder(torch.tensor([ids])).last_hidden_state
        assert_close(taught.context([prompt]).states, states, atol=1e-5, rtol=0)


def test_a_word_spans_its_vectors(taught: Bundle) -> None:
    (word,) = find(taught.tokenizer, "a <cat-toy> on a table", "<CAT-TOY>")
    assert (word.word, word.start, word.stop) == ("<cat-toy>", 2, 5)
    assert [span.word for span in spans(taught.tokenizer, "a <cat-toy> on a table")] == [
        "a", "<cat-toy>", "on", "a", "table",
    ]  # fmt: skip
    embedded = taught.text.text_model.embeddings.token_embedding(taught.ids(["a <cat-toy> on a table"]))[0, 2:5]
    assert torch.equal(embedded, VECTORS)


def test_a_word_that_does_not_fit_whole_moves_to_the_next_chunk(taught: Bundle) -> None:
    """Three vectors after twelve words, where fourteen fit: no chunk parts what was taught as one."""
    found = chunks(taught.tokenizer, "a " * 12 + "<cat-toy> cat")
    assert [len(chunk.tokens) for chunk in found] == [12, 4]


def test_a_word_is_not_found_inside_another(taught: Bundle, bundle: Bundle) -> None:
    assert torch.equal(taught.ids(["moods and a moody <cat"]), bundle.ids(["moods and a moody <cat"]))


def test_a_word_of_known_vectors_says_the_known_word(bundle: Bundle, tmp_path: Path) -> None:
    ids = [
        number for number in bundle.ids(["boat"])[0].tolist()[1:] if number != bundle.tokenizer.id_of("<|endoftext|>")
    ]
    save_file(
        {"emb_params": bundle.text.text_model.embeddings.token_embedding.weight[ids]}, tmp_path / "schiff.safetensors"
    )
    taught = adapted(bundle, (), [read_embedding(tmp_path / "schiff.safetensors", bundle)])
    assert torch.equal(
        taught.context(["a blue schiff and a cat"]).states, bundle.context(["a blue boat and a cat"]).states
    )


def test_sentences_without_the_word_are_as_before(taught: Bundle, bundle: Bundle) -> None:
    assert torch.equal(taught.context(["a red apple"]).states, bundle.context(["a red apple"]).states)
    assert taught.denoiser is bundle.denoiser


def test_both_towers_of_sdxl_learn_the_word(tmp_path: Path) -> None:
    """The sentence in one vector is read at EOS, though the word's ids are larger and the tower's config is of 2022."""
    model, vectors = families.bundle("SDXL"), {"clip_l": draw(1, "l", 0, (2, 16)), "clip_g": draw(1, "g", 0, (2, 24))}
    save_file(vectors, tmp_path / "style.safetensors")
    taught = adapted(model, (), [read_embedding(tmp_path / "style.safetensors", model)])
    ids = taught.ids(["a style"])
    for (_, tower), name in zip(taught.towers, vectors, strict=True):
        assert torch.equal(tower.text_model.embeddings.token_embedding(ids)[0, 2:4], vectors[name])
    read = taught.towers[1][1](ids)
    eos = ids[0].tolist().index(taught.tokenizer.id_of(taught.tokenizer.eos))
    assert_close(read.pooled[0], taught.towers[1][1].text_projection(read.states[0, eos]))


def test_identity_follows_from_word_and_vectors(bundle: Bundle, files: list[Path], taught: Bundle) -> None:
    first, second = (read_embedding(file, bundle) for file in files)
    assert adapted(bundle, (), [second, first]).identity == taught.identity
    others = [
        bundle, taught, adapted(bundle, (), [first]), adapted(bundle, (), [second]),
        adapted(bundle, (), [read_embedding(files[1], bundle, "tone")]),
    ]  # fmt: skip
    assert len({each.identity for each in others}) == len(others)


def test_a_word_that_has_a_meaning_is_refused(bundle: Bundle, files: list[Path]) -> None:
    for word in ("apple", "Apple", " ", "<|endoftext|>"):
        with pytest.raises(LimnerError, match="has a meaning already"):
            adapted(bundle, (), [read_embedding(files[1], bundle, word)])
    with pytest.raises(LimnerError, match="'mood' has a meaning already"):
        adapted(bundle, (), [read_embedding(files[1], bundle)] * 2)


def test_together_with_a_lora_of_the_tower(bundle: Bundle, files: list[Path], tmp_path: Path) -> None:
    write_lora(tmp_path / "a.safetensors", families.changes(bundle), bundle)
    lora, word = read_lora(tmp_path / "a.safetensors", bundle), read_embedding(files[0], bundle)
    both = adapted(bundle, [(lora, 0.5)], [word])
    assert [(each.kind, each.name, each.scale) for each in both.adapters] == [
        ("lora", "a", 0.5), ("embedding", "<cat-toy>", 1.0),
    ]  # fmt: skip
    one_by_one = adapted(adapted(bundle, [(lora, 0.5)]), (), [word])
    assert_close(both.context(PROMPTS).states, one_by_one.context(PROMPTS).states)
    assert both.adapters == one_by_one.adapters
