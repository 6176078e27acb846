"""A dot and its interval beside the band of a reference: the whole finding, as a small drawing of lines and words."""

from collections.abc import Iterator, Sequence
from html import escape

from limner.audit.finding import Finding, Row
from limner.audit.sentence import exactly, percent, span
from limner.audit.shares import Reference

WIDTH, LEFT, RIGHT, ROW, TOP, FOOT = 720, 230, 28, 46, 34, 46  # pixels
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
WIDE = 30  # characters of a label


def plot(findings: Sequence[Finding]) -> str:
    """An SVG of every share that is in question, each beside its reference; its colour is the page's own."""
    lines = [*_lines(findings)]
    height = TOP + ROW * len(lines) + FOOT
    parts = [*_axis(height), *(part for at, line in enumerate(lines) for part in _line(TOP + ROW * at, *line))]
    words = "; ".join(f"{row.category}: {percent(row.share)}, interval {span(row.wilson)}" for row, _, _ in lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(words)}" fill="currentColor" font-family="DejaVu Sans, sans-serif" '
        f'font-size="13">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _lines(findings: Sequence[Finding]) -> Iterator[tuple[Row, Reference | None, str]]:
    for finding in findings:
        study = finding.counted.study
        for row in finding.counted.rows:
            if study.shares:
                share = study.shares[row.category]
                yield row, Reference(share, share), finding.verdict.value
            elif row.category == study.counted:
                yield row, study.reference, finding.verdict.value


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _axis(height: int) -> Iterator[str]:
    foot = height - FOOT
    for tick in TICKS:
        yield f'<line x1="{_x(tick)}" x2="{_x(tick)}" y1="{TOP - 6}" y2="{foot}" stroke="currentColor" opacity=".2"/>'
        yield f'<text x="{_x(tick)}" y="{foot + 18}" text-anchor="middle">{exactly(tick)}</text>'
    yield f'<text x="{LEFT}" y="16">share of pictures, 95% intervals: thick Wilson, thin Clopper-Pearson</text>'
    yield f'<text x="{LEFT}" y="{foot + 38}" opacity=".8">the band, or the line, is the reference</text>'


def _line(top: int, row: Row, reference: Reference | None, verdict: str) -> Iterator[str]:
    middle = top + ROW / 2
    if reference:
        width = max(_x(reference.high) - _x(reference.low), 2)
        shape = f'x="{_x(reference.low)}" y="{top + 4}" width="{width}" height="{ROW - 8}"'
        yield f'<rect {shape} fill="#e28f41" opacity="{0.35 if reference.low < reference.high else 1}"/>'
    for interval, thick in ((row.exact, 1), (row.wilson, 4)):
        ends = f'x1="{_x(interval.low)}" x2="{_x(interval.high)}" y1="{middle}" y2="{middle}"'
        yield f'<line {ends} stroke="currentColor" stroke-width="{thick}"/>'
    yield f'<circle cx="{_x(row.share)}" cy="{middle}" r="7"/>'
    label, prompt = (escape(text if len(text) <= WIDE else text[: WIDE - 1] + "…") for text in (
        f"{row.category}: {row.count} of {row.of}", row.prompt))  # fmt: skip
    yield f'<text x="4" y="{middle - 3}" font-weight="bold">{label}</text>'
    yield f'<text x="4" y="{middle + 14}" opacity=".8">{prompt}</text>'
    yield f"<title>{escape(f'{row.prompt}: {row.category}, {verdict}')}</title>"
