"""Colours, type and the SVG form of every figure: one family, on light and dark pages."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

INK, MUTED, GRID, PAPER = "#1d2733", "#64707d", "#dfe4ea", "#fffffe"
"""Text, secondary text, hairlines, background: `svg` makes them variables that follow the reader's theme."""

ACCENT, WARM = "#0072b2", "#d55e00"
"""The two colours of pairs: ours against theirs, same against different (Okabe and Ito)."""

MANY = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
    "#8a5fb8", "#7f8a12", "#a8502e", "#00a3a3", "#e0529c", "#4a5fd0",
)  # fmt: skip
"""Twelve categories, activities above all (`report.colours`): the same on every page and in both schemes
(`--c0` to `--c11` of the local pages). The first six are told apart with any colour vision (Okabe and Ito); figures
that use more also label directly and change the marker after the sixth."""

UNKNOWN = "#5b636c"
"""The state "unknown": darker than the pink of the palette, which many men see as grey."""

AXES = (INK, "#b0122b", "#8a94a0")
"""Signals along x, y and z: colours that no activity has (`--x`, `--y`, `--z` of all pages)."""

SAID = {ACCENT: "#0067a3", WARM: "#a84300"}
"""Texts about what the two colours of pairs show: legible on the page in both schemes, which lines need not be."""

WIDTH = 4.7
"""Inches of an ordinary figure: two fit side by side on a laptop, one fills a phone and stays legible."""

COLOURS = 32
"""Colours of dots on pages with many figures."""
MARKERS = "osD^vP"
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}

_THEME = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    AXES[1]: "y",
    SAID[ACCENT]: "accent",
    SAID[WARM]: "warm",
}

_CSS = (
    ":root{--ink:#1d2733;--muted:#64707d;--grid:#dfe4ea;--paper:#ffffff;--y:#b0122b;"
    "--accent:#0067a3;--warm:#a84300}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--muted:#9aa5b1;--grid:#333d49;--paper:#171c23;--y:#ff6b7a;"
    "--accent:#6db9ea;--warm:#ff9552}}"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}"
)

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.edgecolor": GRID,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "otolith",
    "text.parse_math": False,
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """The house style for what is drawn or saved inside; matplotlib's own settings come back afterwards."""
    with matplotlib.rc_context(_RC), warnings.catch_warnings():
        # A name in a script that this font lacks is drawn by the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches that fits its parts by itself; use inside `styled`."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.09))


def palette(n: int) -> Sequence[str]:
    """The first n colours of `MANY`, repeated past twelve, where labels must tell categories apart."""
    return [MANY[i % len(MANY)] for i in range(n)]


def bare(axes: Axes, *sides: str) -> None:
    """Remove the spines of `sides` and all tick marks, leaving their labels."""
    for side in sides:
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def short(name: object, most: int = 18) -> str:
    """A name that fits beside an axis."""
    shown = "".join(c if c.isprintable() else " " for c in str(name).replace("_", " "))
    text = " ".join(shown.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def percent_axis(axes: Axes, lowest: float) -> None:
    """The x axis in percent, from a round number below `lowest`, or zero where that is low, to 100."""
    start = 0.0 if lowest < 40 else 10 * np.floor((lowest - 5) / 10)
    axes.set_xlim(start, 100.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")
    bare(axes, "left", "bottom")


def bands(axes: Axes, spans: Sequence[tuple[float, float]], color: str, **how: Any) -> None:
    """Shade stretches (start, stop) of the x axis over its whole height: one shape of all, however many they are."""
    shapes = [[(start, 0.0), (start, 1.0), (stop, 1.0), (stop, 0.0)] for start, stop in spans]
    each = PolyCollection(shapes, transform=axes.get_xaxis_transform(), facecolor=color, linewidth=0, **how)
    axes.add_collection(each, autolim=False)


def time_axis(axes: Axes, start_s: float, stop_s: float) -> str:
    """Set the ticks of an x axis in seconds to round numbers of the unit that fits its length; returns the unit."""
    length = stop_s - start_s
    size, unit = (1, "seconds") if length <= 600 else (60, "minutes") if length <= 10_800 else (3600, "hours")
    steps = [1, 2, 3, 4, 6, 10] if unit == "hours" else [1, 2, 5, 10]
    ticks = np.asarray(MaxNLocator(8, steps=steps).tick_values(start_s / size, stop_s / size))
    inside = [tick for tick in ticks.tolist() if start_s / size <= tick <= stop_s / size]
    axes.set_xticks([tick * size for tick in inside], [f"{tick:g}" for tick in inside])
    return unit


def in_rows(handles: Sequence[Any], ncols: int) -> list[Any]:
    """Handles in the order in which a legend of `ncols` columns, which fills columns first, shows them row by row."""
    return [handle for column in range(ncols) for handle in handles[column::ncols]]


def svg(figure: Figure, dpi: float = 200) -> str:
    """The figure as a stand-alone SVG document that follows the reader's light or dark theme.

    Args:
        dpi: dots per inch of the parts that are drawn as dots, since they have too many lines.
    """
    buffer = io.StringIO()
    with styled():
        figure.dpi = dpi
        # As `savefig` does, which draws a figure that has a layout twice.
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    for colour, name in _THEME.items():
        text = text.replace(colour, f"var(--{name})")
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # The family is the reader's own; matplotlib names it by itself or, in older versions, in the `font` shorthand.
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: (?:(\d+) )?([\d.]+px) [^;\"]*", r"font-size: \2; font-weight: \1", text)
    text = re.sub(r"; font-weight: (?=[;\"])", "", text)
    return re.sub(r"(<svg [^>]*>)", lambda found: f"{found[1]}\n<style>{_CSS}</style>", text, count=1)


def data_uri(figure: Figure, small: bool = False) -> str:
    """`svg` as a data URI for an <img>, where no script can run and identifiers clash with no other's.

    Args:
        small: parts of dots have half the usual density and few colours, for pages with many figures.
    """
    if not small:
        return "data:image/svg+xml;base64," + base64.b64encode(svg(figure).encode()).decode()
    text = re.sub(r"(?<=data:image/png;base64,)[^\"]+", lambda found: _few_colours(found[0]), svg(figure, dpi=100))
    return "data:image/svg+xml," + quote(text, safe=" :/;,+(){}@!*~")  # what is base64 already grows no more


def _few_colours(png: str) -> str:
    """Return a PNG with at most `COLOURS` colours; base64, as it came."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        few = image.convert("RGBA").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def save_png(figure: Figure, path: Path | str, dpi: float = 200) -> Path:
    """The figure as a PNG on white, at twice the usual density."""
    path = Path(path)
    with styled():
        figure.savefig(path, format="png", dpi=dpi)
    return path
