"""What a recipe says of controls becomes controls: those that steer a picture as it is drawn."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import torch

from limner.bundle import Bundle
from limner.control.attend_and_excite import AttendAndExcite
from limner.control.pivot import Pivot
from limner.control.prompt_to_prompt import LocalBlend, PromptToPrompt
from limner.engine.given import INVERSIONS, Given
from limner.errors import LimnerError
from limner.process.ladder import LADDERS
from limner.recipe import Recipe
from limner.sampler import Control
from limner.score.guidance import Guidance
from limner.text.alignment import Alignment, align
from limner.text.editing import stretches
from limner.text.grammar import sentences
from limner.text.prompt import Span, find, spans
from limner.text.subjects import chosen, numbered
from limner.types import Context

COARSER = 4  # a quarter of a latent's side: the authors' 16 x 16 places of 64 x 64,
EYES = 8  # but no fewer places than these along it: on coarser maps two things are one
BLEND_FROM = 0.2  # share of the steps after which a local blend trusts its mask


def watched(prompt: str, steps: int) -> str:
    """The sentence whose words controls see: the first that AND composes, as it begins."""
    return stretches(sentences(prompt)[0].text, steps)[0].text


def controls(recipe: Recipe, bundle: Bundle, columns: int, given: Given | None = None) -> list[Control]:
    """The recipe's own controls, the innermost first; none for a recipe without.  Lanes are told so many `columns`.

    LimnerError where it names a word that its prompt does not say.
    """
    found = list[Control]()
    if recipe.edit_of:
        found += edits(recipe, bundle, columns, given)
    if recipe.excite:
        found.append(excited(recipe, bundle).control)
    return found


def edits(recipe: Recipe, bundle: Bundle, columns: int, given: Given | None) -> list[Control]:
    """Prompt-to-Prompt, where the recipe says so only in some places, and on the trail of a picture that was given."""
    sigmas = LADDERS[recipe.ladder](bundle.schedule, recipe.steps)
    source, edit = (watched(prompt, recipe.steps) for prompt in (recipe.edit_of, recipe.prompt))
    alignment = align(bundle.tokenizer, source, edit, columns)
    until, weights = torch.full((columns,), after(sigmas, recipe.edit_cross)), torch.ones(columns)
    for span, share in scheduled(bundle, edit, recipe.edit_schedule, alignment):
        until[span.start : span.stop] = after(sigmas, share)
    for span, weight in numbered(bundle.tokenizer, edit, recipe.edit_weights):
        weights[span.start : span.stop] = weight
    height, width = bundle.latent_shape(recipe.width, recipe.height)[1:]
    layout, finest = after(sigmas, recipe.edit_layout), max(height * width // COARSER**2, EYES**2)
    swap = PromptToPrompt(alignment.mapping, alignment.own, until, weights, layout, finest)
    found: list[Control] = [swap.control]
    if recipe.edit_where:
        where = places(bundle, source, edit, recipe.edit_where, alignment)
        found.append(LocalBlend(*where, after(sigmas, BLEND_FROM), side(bundle, recipe)).control)
    if given is not None and recipe.edit_inversion == "direct":
        found.append(Pivot(given.trail, given.original).control)
    return found


def scheduled(bundle: Bundle, edit: str, said: str, alignment: Alignment) -> list[tuple[Span, float]]:
    """Words with shares of the steps; LimnerError for what is no share, and for a word that has no map to keep."""
    shares, kept = numbered(bundle.tokenizer, edit, said), dict[str, bool]()
    for span, share in shares:
        if not 0 <= share <= 1:
            raise LimnerError(f"{share:g} is no share of the steps", f"from 0 to 1, such as {span.word}:0.5")
        inherits = bool((alignment.own[span.start : span.stop] != 1).any())
        kept[span.word] = kept.get(span.word, False) or inherits
    for word in (word for word, inherits in kept.items() if not inherits):
        raise LimnerError(f"{word!r} is new and has no places to keep for some steps", "leave it out of the schedule")
    return shares


def after(sigmas: Sequence[float], share: float) -> float:
    """The noise level down to which such a share of the steps lies."""
    return sigmas[round(share * (len(sigmas) - 1))]


def places(
    bundle: Bundle, source: str, edit: str, words: str, alignment: Alignment
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The columns of some words in either sentence; where only one says a word, the other's are its partners'."""
    were, are = set[int](), set[int]()
    named = [each.strip() for each in words.split(",") if each.strip()]
    if not named:
        raise LimnerError(f"{words!r} names no word", "such as cat, dog")
    for word in named:
        in_source, in_edit = (said(bundle, sentence, word) for sentence in (source, edit))
        if not (in_source or in_edit):
            raise LimnerError(f"neither prompt says {word!r}", "name words of one of them, such as cat, dog")
        pairs = alignment.mapping.nonzero().tolist()
        were |= in_source | {i for i, j in pairs if j in in_edit and not in_source}
        are |= in_edit | {j for i, j in pairs if i in in_source and not in_edit}
    return tuple(sorted(were)), tuple(sorted(are))


def said(bundle: Bundle, sentence: str, word: str) -> set[int]:
    """The columns of a word, if the sentence says it."""
    try:
        return {column for span in find(bundle.tokenizer, sentence, word) for column in of(span)}
    except LimnerError:
        return set()


def excited(recipe: Recipe, bundle: Bundle) -> AttendAndExcite:
    """Attend-and-Excite for the things that the recipe names; LimnerError where nothing would come of it."""
    sentence = watched(recipe.prompt, recipe.steps)
    words = spans(bundle.tokenizer, sentence)
    if weightless(recipe.prompt, recipe.guidance):
        raise LimnerError("there is nothing to excite in words of no weight", "give guidance and the words more than 0")
    if len(words) == 1:
        raise LimnerError(f"{sentence!r} is one word, beside which nothing is looked at", "say more, or do not excite")
    columns = [of(span) for span in words]
    subjects = chosen(bundle.tokenizer, sentence, recipe.excite)

    def number(span: Span) -> int:
        return next(n for n, each in enumerate(columns) if span.stop - 1 in each)

    return AttendAndExcite(
        LADDERS[recipe.ladder](bundle.schedule, recipe.steps),
        tuple(columns),
        tuple(number(each.thing) for each in subjects),
        side(bundle, recipe),
        tuple((number(trait), number(each.thing)) for each in subjects for trait in each.traits),
        recipe.excite_step,
        recipe.excite_temperature,
        recipe.excite_binding,
    )


def of(span: Span) -> tuple[int, ...]:
    return tuple(range(span.start, span.stop))


def side(bundle: Bundle, recipe: Recipe) -> int:
    """Height of the coarsest maps that show things apart, yet each thing as one; else of the finest there are."""
    height = bundle.latent_shape(recipe.width, recipe.height)[1]
    config = bundle.unet_config
    heights: list[int] = [ceil(height / 2**level) for level, depth in enumerate(config.depths) if depth]
    return min((each for each in heights if each >= max(height // COARSER, EYES)), default=max(heights))


def side_by_side(source: Guidance, edit: Guidance) -> Guidance:
    """Two sentences' lanes as lanes of two rows.  LimnerError unless they compose alike."""
    one, other = ([(lane.weight, lane.low, lane.high) for lane in lanes] for lanes in (source, edit))
    if one != other:
        raise LimnerError("the two prompts do not compose alike", "give both the same AND and [from:to:when]")
    return tuple(
        replace(new, context=Context.cat([old.context, new.context])) for old, new in zip(source, edit, strict=True)
    )


def nullified(guidance: Guidance, texts: Sequence[Context], sigmas: Sequence[float]) -> Guidance:
    """The lanes, in which nothing is said with a text of its own in each of a ladder's steps."""
    out = list(lane for lane in guidance if lane.seen)
    for lane in (lane for lane in guidance if not lane.seen):
        for text, high, low in zip(texts, sigmas, sigmas[1:], strict=False):
            both = Context.cat([text, text])
            bounds = max(low, lane.low), min(float("inf") if high == sigmas[0] else high, lane.high)
            if bounds[0] < bounds[1]:
                out.append(replace(lane, context=both, low=bounds[0], high=bounds[1]))
    return tuple(out)


def checked(recipe: Recipe) -> None:
    """LimnerError where an edit says what cannot be: an inversion turns back the steps of one plain way down."""
    if recipe.edit_picture and not eulers(recipe):
        raise LimnerError(f"the steps of {recipe.sampler} are not turned back", "edit a given picture by euler")
    if recipe.edit_picture and weightless(recipe.edit_of, recipe.guidance):
        raise LimnerError("what the picture shows has no weight", "give its words and guidance more than 0")
    if recipe.edit_inversion == "null-text":
        for prompt in (recipe.edit_of, recipe.prompt):
            if len(sentences(prompt)) > 1 or len(stretches(prompt, recipe.steps)) > 1:
                raise LimnerError(
                    "null-text inversion knows one sentence, the same in all steps",
                    "choose another inversion, such as direct, or leave out AND and [from:to:when]",
                )
    if recipe.edit_picture and recipe.edit_inversion not in INVERSIONS:
        raise LimnerError(f"unknown inversion {recipe.edit_inversion!r}", f"there are {', '.join(INVERSIONS)}")
    if recipe.edit_inversion and not recipe.edit_picture:
        raise LimnerError(f"inversion {recipe.edit_inversion} of no picture", "leave it out, or give a picture")


def weightless(prompt: str, guidance: float) -> bool:
    """Whether what controls see is not told to anybody."""
    return not guidance or not sentences(prompt)[0].weight


def eulers(recipe: Recipe) -> bool:
    """Whether its steps are Euler's, by either name: those that an inversion climbs."""
    return recipe.sampler == "euler" or (recipe.sampler == "ddim" and not recipe.eta)
