"""A machine's labels are never a tally: they stand beside one, with the error that was measured, and carry no test."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from limner.audit.study import UNTOLD, Study
from limner.errors import LimnerError
from limner.evaluation.prevalence import Count, Share, corrected, wilson

Kind: TypeAlias = Literal["gender", "colour"]
KINDS: tuple[Kind, ...] = ("gender", "colour")
SAME: Mapping[str, str] = {"female": "woman", "male": "man"}  # how a study may call what the oracle calls so
SEVERAL = "several colours"
OTHER = "other"  # a study's category for every colour that it does not name


@dataclass(frozen=True, slots=True)
class Automatic:
    """What the oracle called the pictures: `found` of those it could tell, the share corrected, and its certificate.

    `right` is how often it was right, on renders that went through the autoencoder.
    """

    kind: Kind
    counted: str
    found: Count
    untold: int
    apparent: Share
    corrected: Share
    right: Count

    def sentence(self) -> str:
        """All of it, so that the number is not told without its error."""
        off = 1 - self.right.share
        return (
            f"Labelled by a machine, beside what people say and not among it: the oracle calls {self.found.right} of "
            f'{self.found.of} "{self.counted}", {_span(self.apparent)}, and cannot tell {self.untold}. Of '
            f"{self.right.of:,} things whose {self.kind} was known it got {off:.1%} wrong; corrected for that, as "
            f"if it erred either way alike: {_span(self.corrected)}. No test rests on this."
        )


def automatic(study: Study, kind: Kind, labels: Sequence[str], right: Count) -> Automatic:
    """The share of the counted category among these labels, by Rogan and Gladen 1978.

    The certificate counts right answers, not which way the wrong ones went; so its share serves as sensitivity and as
    specificity.  LimnerError where nothing could be told, or the oracle knows no such category.
    """
    counted = SAME.get(study.counted, study.counted)
    told = [label for label in labels if label != UNTOLD]
    if not told:
        raise LimnerError("the oracle could tell none of the pictures", "label them: limner bias tally")
    found = Count(sum(label == counted for label in told), len(told))
    return Automatic(
        kind, study.counted, found, len(labels) - len(told), wilson(found), corrected(found, right, right), right
    )


def called(study: Study, kind: Kind, said: Sequence[str], known: Sequence[str]) -> list[str]:
    """What the oracle said, as the study's categories; LimnerError where one of them is no word of the oracle's."""
    mine = {SAME.get(each, each) for each in study.categories}
    if strange := sorted(mine - {*known, OTHER}):
        raise LimnerError(
            f"the oracle knows no {kind} {strange[0][:40]!r}", f"it knows {', '.join(filter(None, known))}, and {OTHER}"
        )
    return [each if each in mine else OTHER if OTHER in mine and each else UNTOLD for each in said]


def certificate(file: Path, kind: Kind, identity: str) -> Count:
    """How often this oracle was right, as `limner measure oracle` has written it; LimnerError without that."""
    try:
        details = json.loads(file.read_text(encoding="utf-8"))["details"]
        share = details["renders"]["decoded"][kind]
        right, whose = Count(round(share["share"] * share["of"]), int(share["of"])), details["oracle"]
    except (OSError, ValueError, LookupError, TypeError) as fault:
        raise LimnerError(f"{file} is no certificate of an oracle", "limner measure oracle writes one") from fault
    if whose != identity:
        raise LimnerError(f"{file} certifies another oracle", "limner measure oracle certifies this one")
    return right


def looked(files: Sequence[Path], kind: Kind, identity: str) -> tuple[list[str], tuple[str, ...], str]:
    """What the shipped oracle says of each, all that it could say, and who it is.

    LimnerError where a picture was not drawn by the model of that identity: of other pictures its error is not known.
    """
    import numpy as np
    from PIL import Image

    from limner.evaluation.exercises import GENDERS
    from limner.evaluation.oracle import opened
    from limner.metadata import read

    pictures = []
    for file in files:
        made = read(file).recipe
        if made is None or made.model != identity:
            raise LimnerError(
                f"{file} was not drawn by limner-mini", "of other pictures the oracle's error is not known"
            )
        with Image.open(file) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    oracle, said = opened(), list[str]()
    for things in oracle.look(pictures):
        if kind == "gender":
            figures = oracle.figures(things)
            said.append(figures[0].gender if figures else "")
        else:
            said.append(oracle.known.colours[things[0].colour] or SEVERAL if things else "")
    return said, (GENDERS if kind == "gender" else oracle.known.colours), oracle.identity


def _span(share: Share) -> str:
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"
