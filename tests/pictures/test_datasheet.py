"""The datasheet answers what Gebru et al. 2021 ask, from the manifest."""

import re
from dataclasses import replace

from limner.pictures.datasheet import datasheet
from limner.pictures.sets import Corpus

SECTIONS = [
    "Motivation", "Composition", "Collection Process", "Preprocessing/cleaning/labeling", "Uses", "Distribution",
    "Maintenance",
]  # fmt: skip


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
