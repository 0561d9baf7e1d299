"""Short texts, and cards of HTML with small pictures of signals, by which values show themselves at a prompt.

Names may come from strangers: control characters are written as their numbers, HTML is escaped, long ones are cut. A
card takes the colours of the page around it, so that it is read on light and dark ones.
"""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["card", "command", "count", "duration", "line", "people", "plain", "signal"]

MOST_NAMED = 20
"""Names of a list that a card writes out."""
MOST_POINTS = 120
"""Points of each line of a picture."""
COLOURS = ("#d55e00", "#0072b2", "#009e73")
"""Colours of the axes x, y, z, told apart with any colour vision (Okabe and Ito), at least 3 : 1 on white and black."""
WIDTH, HEIGHT = 160, 40


def plain(text: object, most: int = 40) -> str:
    """Return a name of at most `most` characters on one line, all of them to be seen.

    >>> plain("walk\\n" + "x" * 50)
    'walk\\\\u000axxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'
    """
    found = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text)[: most + 1])
    return found if len(found) <= most else found[: most - 1] + "…"


def command(*words: object, **options: object) -> str:
    """Return a command of otolith as a shell takes it, names with spaces in quotes; options that are None are left out.

    >>> command("evaluate", "my model", split_seed=3, data=None)
    "otolith evaluate 'my model' --split-seed 3"
    """
    given = {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}
    return shlex.join(map(str, ["otolith", *words, *(part for pair in given.items() for part in pair)]))


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "person", "people"), count(5120, "window")
    ('1 person', '5,120 windows')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a length of time in the unit that suits it.

    >>> duration(2.5), duration(600), duration(9000)
    ('2.5 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{float(f'{seconds / 3600:.3g}'):,g} h"


def people(subject: NDArray[np.generic]) -> int:
    """Return the number of different subjects (n,), quickly where those of one follow each other.

    >>> people(np.array([1, 1, 2, 2, 1]))
    2
    """
    changes = subject[1:] != subject[:-1]
    return len(np.unique(np.concatenate([subject[:1], subject[1:][changes]])))


def line(kind: str, name: object, facts: Iterable[str]) -> str:
    """Return the short text of a value, with those of the facts that are not empty.

    >>> line("Windows", "watch", ["5,120 windows", "", "51 people"])
    "<Windows 'watch': 5,120 windows, 51 people>"
    """
    return f"<{kind} '{plain(name, 30)}': {', '.join(fact for fact in facts if fact)}>"


def card(kind: str, name: object, facts: Mapping[str, object], pictures: Iterable[str] = ()) -> str:
    """Return a card of HTML: a heading, a row for each fact that is not empty, and pictures below each other.

    A fact is a text or number, or a list of names, of which at most `MOST_NAMED` are written out.

    >>> card("Split", "<b>", {"train": "600 windows"}).count("&lt;b&gt;")
    1
    """
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;padding:0 1em 0 0;font-weight:normal">{_text(fact)}</th>'
        f'<td style="text-align:left;padding:0">{_text(value)}</td></tr>'
        for fact, value in facts.items()
        if value not in ("", None, (), [])
    )
    drawn = "".join(f"<div>{picture}</div>" for picture in pictures)
    return (
        '<div style="display:inline-block;padding:.5em .8em;border:1px solid #808080;border-radius:4px">'
        f"<strong>{_text(kind)} {_text(name)}</strong>"
        f'<table style="border:0;margin:.3em 0;background:none">{rows}</table>{drawn}</div>'
    )


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        names = [plain(each) for each in value[:MOST_NAMED]]
        left = [f"{len(value) - MOST_NAMED:,} more"] if len(value) > MOST_NAMED else []
        return html.escape(", ".join([*names, *left]))
    return html.escape(plain(value, 400))


def signal(values: ArrayLike, channels: Sequence[str], caption: str = "") -> str:
    """Return a picture of signals (channels, samples) as SVG, a panel a sensor; "" where there is nothing to draw.

    >>> signal(np.zeros((3, 50)), ("acc_x", "acc_y", "acc_z"), "walk").count("<polyline")
    3
    """
    x = np.asarray(values, np.float64)
    panels: dict[str, list[int]] = {}
    for row, channel in enumerate(channels):
        if np.isfinite(x[row]).any():
            panels.setdefault(channel.rpartition("_")[0] or channel, []).append(row)
    if not panels or x.shape[1] < 2:
        return ""
    drawn = "".join(_panel(x[rows], at * (WIDTH + 8)) for at, rows in enumerate(panels.values()))
    width = len(panels) * (WIDTH + 8)
    label = html.escape(", ".join(map(plain, [*([caption] if caption else []), *panels])), quote=True)
    text = f' <span style="font-size:85%">{_text(caption)}</span>' if caption else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{width}" height="{HEIGHT}" '
        f'viewBox="0 0 {width} {HEIGHT}" style="vertical-align:middle;max-width:100%">{drawn}</svg>{text}'
    )


def _panel(x: NDArray[np.float64], left: int) -> str:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    scale = (HEIGHT - 4) / (high - low) if high > low else 0.0
    at = np.unique(np.linspace(0, x.shape[1] - 1, MOST_POINTS).round().astype(np.int64))
    across = left + at / (x.shape[1] - 1) * WIDTH
    lines = ""
    for number, row in enumerate(x):
        down = HEIGHT - 2 - (row[at] - low) * scale
        points = " ".join(f"{a:.0f},{b:.1f}" for a, b in zip(across, down, strict=True) if np.isfinite(b))
        lines += f'<polyline fill="none" stroke="{COLOURS[number % 3]}" stroke-width="1" points="{points}"/>'
    return lines
