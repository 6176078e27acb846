"""Which adapters a command lays over its model: its flags', those tagged in the prompt, or those of a picture."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING

from limner.errors import LimnerError
from limner.metadata.tags import EMBEDDING_HASHES, LORA_HASHES, LORA_WEIGHTS, pairs, scale, setting, untagged

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.bundle.adapters.shelf import Kind

NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?"


def flags(parser: argparse.ArgumentParser) -> None:
    """What is laid over the model."""
    parser.add_argument(
        "--lora",
        action="append",
        metavar="NAME[:SCALE]",
        help="a LoRA, by its name or its file; <lora:NAME:SCALE> in the prompt does the same; repeatable",
    )
    parser.add_argument(
        "--embedding",
        action="append",
        metavar="NAME",
        help="a word learned by textual inversion, by its name or its file; repeatable",
    )


def prompt(args: argparse.Namespace) -> str | None:
    """The prompt without tags; LimnerError for a tag in the negative prompt, where nobody reads it."""
    if untagged(args.negative or "")[1]:
        raise LimnerError("the negative prompt names a LoRA", "name it in the prompt, or with --lora")
    return None if args.prompt is None else untagged(args.prompt)[0]


def none(args: argparse.Namespace, model: str) -> None:
    """LimnerError for what was asked to be changed in a model that diffusers computes, of which nothing is changed."""
    asked = [
        f"--{flag}" for flag in ("lora", "embedding", "vae", "variant", "prediction", "offload") if vars(args)[flag]
    ]
    if asked or any(untagged(getattr(args, name, None) or "")[1] for name in ("prompt", "to")):
        raise LimnerError(
            f"{model} is drawn by diffusers, as it is: {' and '.join(asked) or 'a LoRA'} would change it",
            "leave that out",
        )


def laid_over(opened: "Bundle", args: argparse.Namespace, picture: str, settings: Mapping[str, str]) -> "Bundle":
    """The model with what was asked for laid over it, or else what the picture was made with, which its settings say.

    Raises LimnerError where an adapter is not there, is damaged, or is for another model.
    """
    if "lora" not in args:
        return opened
    loras, embeddings = list(_loras(args)), list(_embeddings(args))
    if not loras and not embeddings:
        amounts = [scale(text) for _, text in pairs(settings.get(LORA_WEIGHTS, ""))]
        files = [path for path, _ in _again(picture, "lora", settings.get(LORA_HASHES, ""))]
        loras = list(zip(files, amounts, strict=False))
        embeddings = list(_again(picture, "embedding", settings.get(EMBEDDING_HASHES, "")))
    if not loras and not embeddings:
        return opened
    from limner.bundle.adapters import adapted, read_embedding, read_lora

    read = [(read_lora(path, opened), amount) for path, amount in loras]
    return adapted(opened, read, [read_embedding(path, opened, word) for path, word in embeddings])


def settings(bundle: "Bundle") -> dict[str, str]:
    """What a picture says of the adapters that it was made with."""
    loras = [each for each in bundle.adapters if each.kind == "lora"]
    words = [each for each in bundle.adapters if each.kind == "embedding"]
    said = {
        LORA_HASHES: setting((each.name, each.mark) for each in loras),
        LORA_WEIGHTS: setting((each.name, each.scale) for each in loras),
        EMBEDDING_HASHES: setting((each.name, each.mark) for each in words),
    }
    return {name: value for name, value in said.items() if value}


def _loras(args: argparse.Namespace) -> Iterator[tuple[Path, float]]:
    """The files that flags name, or tags of the prompt, where a name is never a path; and their scales."""
    from limner.bundle.adapters.shelf import find, named

    for text in args.lora or ():
        name, _, amount = text.rpartition(":")
        yield (find("lora", name), scale(amount)) if fullmatch(NUMBER, amount) and name else (find("lora", text), 1.0)
    texts = [
        getattr(args, name, None) or "" for name in ("prompt", "to")
    ]  # what an edit begins from, and what it shows
    for name, much in dict.fromkeys(tag for text in texts for tag in untagged(text)[1]):
        yield named("lora", name), much


def _embeddings(args: argparse.Namespace) -> Iterator[tuple[Path, str | None]]:
    """The files that flags name; the words are theirs."""
    from limner.bundle.adapters.shelf import find

    yield from ((find("embedding", name), None) for name in args.embedding or ())


def _again(picture: str, kind: "Kind", hashes: str) -> Iterator[tuple[Path, str | None]]:
    """The files of a picture's adapters, found by their hashes, and their names then."""
    from limner.bundle.adapters.shelf import marked, shelf

    for who, mark in pairs(hashes):
        path = marked(kind, mark, who)
        if path is None:
            raise LimnerError(
                f"{picture} was made with the {kind} {who} ({mark}), which is not in {shelf(kind)}",
                f"put it there, or give its file with --{kind}",
            )
        yield path, who
