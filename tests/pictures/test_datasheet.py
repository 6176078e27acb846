"""The datasheet answers what Gebru et al. 2021 ask, from the manifest; the one in docs is of the pictures of today."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from limner.pictures.catalogue import SETS
from limner.pictures.datasheet import Counts, counted, naming, read
from limner.pictures.datasheet import datasheet as rendered
from limner.pictures.nouns import nouns
from limner.pictures.sets import Corpus, Manifest

DOCS = Path(__file__).parents[2] / "docs"

SECTIONS = [
    "Motivation", "Composition", "Collection Process", "Preprocessing/cleaning/labeling", "Uses", "Distribution",
    "Maintenance",
]  # fmt: skip


def datasheet(manifest: Manifest) -> str:
    return rendered(counted(manifest))


@pytest.fixture
def kept() -> Counts:
    """What `limner pictures datasheet --json` counted of the whole corpus."""
    return read((DOCS / "figures" / "datasheet.json").read_text(encoding="utf-8"))


def test_the_sections_are_theirs(corpus: Corpus) -> None:
    assert re.findall("^## (.*)$", datasheet(corpus.manifest), re.MULTILINE) == SECTIONS


def test_its_numbers_are_the_manifests(corpus: Corpus) -> None:
    text, manifest = datasheet(corpus.manifest), corpus.manifest
    assert f"{len(manifest.records):,} drawings with words" in text
    assert f"| MIT | {len(manifest.records)} |" in text
    for each in manifest.sets:
        assert f"| {each.name} | {each.style} | {sum(record.set == each.name for record in manifest.records)} |" in text
        assert each.package.sha256[:16] in text
    fewer = datasheet(replace(manifest, records=manifest.records[1:]))
    assert f"{len(manifest.records) - 1:,} drawings with words" in fewer


def test_held_out_pairs_are_shown(corpus: Corpus) -> None:
    (examples,) = re.findall(r'such as ("[^\n]*")\.', datasheet(corpus.manifest))
    shown = [tuple(each.strip('"').split(" ")) for each in examples.split(", ")]
    assert len(shown) == 3
    assert all(" ".join(words) in {" ".join(pair) for pair in corpus.manifest.held_out} for words in shown)
    assert "such as none" in datasheet(replace(corpus.manifest, held_out=()))


def test_counts_come_back_from_json(corpus: Corpus) -> None:
    counts = counted(corpus.manifest)
    assert counts.corpus == corpus.identity
    assert read(json.dumps(counts.described())) == counts


def test_every_number_in_docs_is_its_jsons(kept: Counts) -> None:
    assert (DOCS / "datasheet.md").read_text(encoding="utf-8") == rendered(kept)


def test_its_numbers_agree_with_each_other(kept: Counts) -> None:
    for parts in (kept.kept, kept.groups, kept.licences):
        assert sum(parts.values()) == kept.pictures
    people = kept.groups["people-body"] + kept.groups["people"] + kept.groups["faces"]
    assert sum(count for *_, count in kept.people) == people


def test_docs_are_of_the_sets_and_names_of_today(kept: Counts) -> None:
    """Else: `limner pictures build`, then `limner pictures datasheet`, and with `--json` into docs/figures."""
    assert kept.sets == tuple(SETS.values())
    assert kept.listed == len(nouns())
    assert kept.naming == naming()
