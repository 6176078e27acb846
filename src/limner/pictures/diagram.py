"""Attention as the lecture draws it, of one place and one word of a picture: every box a matrix of the live model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from limner.network.attention import similarity
from limner.taps import Look, Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 14  # tokens that are drawn
PLACE, WORD = "#d62728", "#1f77b4"  # the marked place is red in every box, the word blue
Matrix = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn: a `look` of one row `at` a site, in one `head`; `place` is the row and column that is marked.

    `labels` has a text for each column of the words' states, `word` the columns of the word; `about` is the subtitle.
    """

    picture: UInt8[np.ndarray, "height width 3"]
    at: Site
    look: Look
    head: int
    place: tuple[int, int]
    labels: Sequence[str]
    word: Sequence[int]
    about: str

    @property
    def name(self) -> str:
        return plain("".join(self.labels[column] for column in self.word))

    @property
    def index(self) -> int:
        """Of the marked place, in reading order."""
        return self.place[0] * self.at.width + self.place[1]

    def of(self, part: str) -> Matrix:
        """One of the look's matrices, in this head: rows are places or tokens."""
        matrix: Matrix = getattr(self.look, part)[0, self.head].numpy()
        return matrix

    def shown(self) -> list[int]:
        """The columns that are drawn: the first of all, and as many as there is room for about the word."""
        many = min(len(self.labels), MOST)
        first = min(max(self.word[0] - many // 2, 1), len(self.labels) - many + 1)
        return [0, *range(first, first + many - 1)]


def attended(look: Look, word: Sequence[int]) -> Float[np.ndarray, "heads places"]:
    """How much each place looks at a word, the mean of its tokens, by each head."""
    seen: Float[np.ndarray, "heads places"] = look.probs[0][..., list(word)].mean(-1).numpy()
    return seen


def diagram(scene: Scene) -> "Figure":
    """A page for a projector: above what is computed for all places at once, below what it is for the marked one."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(19.2, 10.8), facecolor="white")
    page.text(0.5, 0.95, f"What does this place make of “{scene.name}”?", ha="center", size=28, weight="bold")
    page.text(0.5, 0.915, plain(scene.about), ha="center", size=16, color="#555")
    _matrices(page, scene)
    _numbers(page, scene)
    page.text(0.02, 0.43, "The marked place", size=20, color=PLACE, weight="bold")
    page.text(0.185, 0.43, f"and the word “{scene.name}”", size=20, color=WORD, weight="bold")
    page.text(
        0.98, 0.02, "orange above zero, purple below; shares from black to white", ha="right", color="#555", size=12
    )
    return page


def _matrices(page: "Figure", scene: Scene) -> None:
    """Q, K, their similarity, A, V, A V and what is added, each in its box."""
    q, k, v, probs = (scene.of(part) for part in ("q", "k", "v", "probs"))
    shown, d, many = scene.shown(), q.shape[1], len(q)
    scores = similarity(scene.look.q, scene.look.k)[0, scene.head].numpy()
    added = scene.look.added[0].numpy()
    first = page.add_axes((0.02, BOTTOM, 0.135, HEIGHT))
    _marked_picture(first, scene)
    first.set_xlabel(f"{scene.at.height} x {scene.at.width}\n= {many} places", size=14)
    boxes = [
        Box(0.19, 0.05, q, "① Q", f"{many} x {d}\nwhat places ask", across=True),
        Box(0.31, 0.05, k[shown], "② K", f"{len(k)} x {d}\nwhat words offer", down=True),
        Box(0.41, 0.105, scores[:, shown], "③ $QK^T/\\sqrt{d}$", f"{many} x {len(k)}\nhow alike", True, along=True),
        Box(
            0.56,
            0.105,
            probs[:, shown],
            "④ A = softmax",
            f"{many} x {len(k)}\neach row shares 1",
            True,
            along=True,
        ),
        Box(0.735, 0.05, v[shown], "⑤ V", f"{len(v)} x {d}\nwhat words say", down=True),
        Box(0.82, 0.05, scene.of("mixed"), "⑥ A V", f"{many} x {d}\nwhat is heard", across=True),
        Box(0.91, 0.075, added, "⑦ A V W", f"{many} x {added.shape[1]}\nall heads: + x", across=True),
    ]
    for box in boxes:
        _matrix(page.add_axes((box.left, BOTTOM, box.width, HEIGHT)), box, scene)
    signs = {
        0.1725: "→",
        0.252: "·",
        0.386: "=",
        0.5375: "→",
        0.68: "·",
        0.8025: "=",
        0.89: "→",
    }
    for left, sign in signs.items():
        page.text(left, BOTTOM + HEIGHT / 2, sign, size=28, ha="center", va="center", weight="bold")


BOTTOM, HEIGHT = 0.53, 0.31  # of the boxes, as shares of the page


@dataclass(frozen=True, slots=True)
class Box:
    """A matrix on the page.  The marked place is a line `across`, tokens are rows `down` it or columns `along` it."""

    left: float
    width: float
    matrix: Matrix
    title: str
    under: str
    across: bool = False
    down: bool = False
    along: bool = False


def _matrix(axes: "Axes", box: Box, scene: Scene) -> None:
    """Numbers as colours."""
    from matplotlib.patches import Rectangle

    if box.title.endswith("softmax"):
        axes.imshow(np.sqrt(box.matrix), aspect="auto", cmap="inferno", interpolation="nearest")
    else:
        reach = float(np.quantile(np.abs(box.matrix), 0.99)) or 1.0
        axes.imshow(box.matrix, aspect="auto", cmap="PuOr_r", vmin=-reach, vmax=reach, interpolation="nearest")
    axes.set_title(box.title, size=21, weight="bold", pad=10)
    axes.set_xlabel(box.under, size=14)
    axes.set(xticks=[], yticks=[])
    if box.down:
        _tokens(axes, scene)
    if box.along:
        for number, column in enumerate(scene.shown()):
            if column in scene.word:
                axes.add_patch(Rectangle((number - 0.5, -0.5), 1, len(box.matrix), fill=False, color=WORD, lw=3))
    if box.across:
        axes.axhline(scene.index, color=PLACE, lw=2.5)


def _tokens(axes: "Axes", scene: Scene, more: Sequence[str] = ()) -> None:
    """One row a token that is shown, and some `more`; the word's are blue."""
    shown = scene.shown()
    labels = [*(plain(scene.labels[column]) for column in shown), *more]
    axes.set_yticks(range(len(labels)), labels, size=min(14, 170 / len(labels)))
    for text, column in zip(axes.get_yticklabels(), shown, strict=False):
        if column in scene.word:
            text.set(color=WORD, weight="bold")


def _marked_picture(axes: "Axes", scene: Scene) -> None:
    """The picture under the grid of places, one of them marked."""
    height, width = scene.at.height, scene.at.width
    axes.imshow(scene.picture, extent=(0, width, height, 0), interpolation="bilinear")
    if max(height, width) <= 32:
        axes.vlines(range(width + 1), 0, height, color="#888", lw=0.3)
        axes.hlines(range(height + 1), 0, width, color="#888", lw=0.3)
    _mark(axes, scene)


def _mark(axes: "Axes", scene: Scene) -> None:
    from matplotlib.patches import Rectangle

    side = max(1.0, max(scene.at.height, scene.at.width) / 20)  # of a fine grid's places one is hard to find
    top, left = (each + 0.5 - side / 2 for each in scene.place)
    for colour, width in (("white", 6), (PLACE, 3)):
        axes.add_patch(Rectangle((left, top), side, side, fill=False, color=colour, lw=width, clip_on=False))
    axes.set(xticks=[], yticks=[])


def _numbers(page: "Figure", scene: Scene) -> None:
    """The marked place alone: similarities, shares, where else the word is looked at, and how much is added."""
    here, shown, low, high = scene.index, scene.shown(), 0.06, 0.3
    scores = similarity(scene.look.q, scene.look.k)[0, scene.head, here].numpy()
    shares = scene.of("probs")[here]
    left = page.add_axes((0.07, low, 0.17, high))
    _bars(left, scene, [(float(scores[n]), f"{scores[n]:.2f}") for n in shown], "③ its $q \\cdot k/\\sqrt{d}$")
    bars = [(float(shares[n]), f"{shares[n]:.1%}") for n in shown]
    if len(shown) < len(shares):
        rest = max(float(1 - shares[shown].sum()), 0.0)
        bars.append((rest, f"{rest:.1%}"))
    _bars(page.add_axes((0.33, low, 0.17, high)), scene, bars, "④ its shares")
    where = page.add_axes((0.54, low, 0.17, high))
    _map(where, scene, scene.of("probs")[:, list(scene.word)].mean(1), "inferno")
    mean = f"(mean of {len(scene.word)} tokens)" if len(scene.word) > 1 else ""
    where.set_title(f"④ every place's share\nfor “{scene.name}” {mean}", size=16)
    added, before = (np.linalg.norm(getattr(scene.look, part)[0].numpy(), axis=1) for part in ("added", "before"))
    much = page.add_axes((0.78, low, 0.17, high))
    _map(much, scene, added / np.maximum(before, 1e-12), "viridis")
    much.set_title(
        f"⑦ residual: {added[here]:.3g} is added to {before[here]:.3g}\n(lengths; map: their ratio)", size=16
    )


def _bars(axes: "Axes", scene: Scene, bars: Sequence[tuple[float, str]], title: str) -> None:
    """One bar a token, with its number; after those of the tokens that are shown perhaps one for all others."""
    rows, lengths = range(len(bars)), [length for length, _ in bars]
    _tokens(axes, scene, ["all others"] * (len(bars) - len(scene.shown())))
    blue = [number < len(scene.shown()) and scene.shown()[number] in scene.word for number in rows]
    axes.barh(rows, lengths, color=[WORD if each else "#bbb" for each in blue])
    for row, (length, text) in enumerate(bars):
        axes.annotate(text, (max(length, 0), row), xytext=(4, 0), textcoords="offset points", va="center",
                      size=min(13, 170 / len(bars)))  # fmt: skip
    axes.invert_yaxis()
    axes.margins(x=0.2, y=0.02)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.axvline(0, color="#333", lw=1)
    axes.set_title(title, size=18)


def _map(axes: "Axes", scene: Scene, values: Float[np.ndarray, " places"], cmap: str) -> None:
    """Numbers of all places where they are, the marked one framed; a scale beside it."""
    grid = values.reshape(scene.at.height, scene.at.width)
    image = axes.imshow(grid, cmap=cmap, extent=(0, scene.at.width, scene.at.height, 0), interpolation="nearest")
    _mark(axes, scene)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0, 0.05, 1)))  # as high as the map


def plain(text: str) -> str:
    """Text that the font has, in which nothing is a formula."""
    return "".join(
        each if each < "\u0530" or each in "\u2018\u2019“”\u2039\u203a" else "\u25a1" for each in text
    ).replace("$", r"\$")
