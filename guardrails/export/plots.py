"""Small pictures for the report, as SVG text: no library, no script, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 260
HEIGHT: Final = 120
_BEFORE, _AFTER, _INK = "var(--before)", "var(--after)", "var(--ink)"


def histogram(before: Sequence[int], after: Sequence[int], edges: Sequence[float], title: str) -> str:
    """Two distributions over the same bins: before filled, after as a line."""
    top = max(*before, *after, 1)
    step = WIDTH / len(before)
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{_y(n, top):.1f}" width="{step - 1:.1f}" height="{HEIGHT - _y(n, top):.1f}" '
        f'fill="{_BEFORE}"/>'
        for i, n in enumerate(before)
        if n
    )
    line = " ".join(f"{(i + 0.5) * step:.1f},{_y(n, top):.1f}" for i, n in enumerate(after))
    shape = f'<polyline points="{line}" fill="none" stroke="{_AFTER}" stroke-width="2"/>'
    ticks = _tick(0, "start", _short(edges[0])) + _tick(WIDTH, "end", _short(edges[1]))
    return _svg(bars + shape + ticks, title)


def pairs(labels: Sequence[str], before: Sequence[float], after: Sequence[float], title: str) -> str:
    """Two bars beside each other for each label."""
    top = max(*before, *after, 1e-9)
    step = WIDTH / max(len(labels), 1)
    wide = min(step / 2 - 2, 28)
    parts: list[str] = []
    for i, label in enumerate(labels):
        middle = (i + 0.5) * step
        for value, colour, left in ((before[i], _BEFORE, middle - wide - 0.5), (after[i], _AFTER, middle + 0.5)):
            y = _y(value, top)
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{HEIGHT - y:.1f}" fill="{colour}"/>'
            )
        parts.append(_tick(middle, "middle", label))
    return _svg("".join(parts), title)


def matrix(names: Sequence[str], values: Sequence[Sequence[float]], title: str) -> str:
    """Correlations as squares: full colour is 1, none is 0, hatched edge is negative."""
    n = len(names)
    cell = min(26, 190 // max(n, 1))
    parts: list[str] = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            colour = _AFTER if value >= 0 else _BEFORE
            parts.append(
                f'<rect x="{j * cell}" y="{i * cell}" width="{cell - 1}" height="{cell - 1}" fill="{colour}" '
                f'fill-opacity="{min(abs(value), 1):.2f}" stroke="var(--line)"><title>{escape(names[i])}, '
                f"{escape(names[j])}: {value:.2f}</title></rect>"
            )
        parts.append(
            f'<text x="{n * cell + 4}" y="{i * cell + cell * 0.7:.0f}" font-size="10" fill="{_INK}">'
            f"{escape(names[i][:18])}</text>"
        )
    height = n * cell + 4
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {n * cell + 120} {height}" '
        f'width="{n * cell + 120}" height="{height}" role="img">{"".join(parts)}</svg></figure>'
    )


def _y(value: float, top: float) -> float:
    return HEIGHT - value / top * (HEIGHT - 8)


def _tick(x: float, anchor: str, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{HEIGHT + 12}" text-anchor="{anchor}" font-size="10" fill="{_INK}">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    return f"{value:,.3g}" if abs(value) < 1e6 else f"{value:.2g}"


def _svg(body: str, title: str) -> str:
    line = f'<line x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}" stroke="var(--line)"/>'
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT + 16}" width="{WIDTH}" '
        f'height="{HEIGHT + 16}" role="img">{line}{body}</svg></figure>'
    )
