"""Contrast of texts (WCAG 2.2), and the colours that style sheets give."""

from __future__ import annotations

import re
from collections.abc import Iterator

from otolith.prediction.colours import luminance

LEAST = 4.5


def ratio(one: str, other: str) -> float:
    """Contrast of two colours such as "#ffffff", from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def schemes(css: str) -> dict[str, dict[str, str]]:
    """The custom properties of a style sheet in the light and the dark scheme."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    for media, body in _roots(css):
        found = dict(re.findall(r"--([\w-]+):\s*([^;}]+)", body))
        (dark if "dark" in media else light).update({name: value.strip() for name, value in found.items()})
    return {"light": light, "dark": light | dark}


def rules(css: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Selectors and declarations, those within @media too."""
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        given = dict(re.findall(r"(?:^|[;\s])(color|background|opacity|fill)\s*:\s*([^;]+)", body))
        yield selector.strip(), {name: value.strip() for name, value in given.items()}


def faults(css: str) -> list[str]:
    """What is hard to read in a style sheet: colours that no scheme changes, and texts under 4.5 on their ground.

    A text whose rule names no ground may stand on any of the page's.
    """
    found = []
    both = schemes(css)
    for selector, given in rules(css):
        if float(given.get("opacity", 1)) not in (0, 1) and ":disabled" not in selector:
            found.append(f"{selector}: opacity fades a text")
        text = given.get("color", "inherit" if "background" not in given else "var(--ink)")
        if text in ("inherit", "var(--bar)"):  # a bar's colour is that of an area
            continue
        named = re.fullmatch(r"var\(--([\w-]+)\)", text)
        ground = re.fullmatch(r"var\(--([\w-]+)\)", given.get("background", ""))
        if named is None:
            found.append(f"{selector}: {text} is the same in both schemes")
            continue
        if ground and _is_area(ground[1]):
            continue
        for scheme, values in both.items():
            for name in [ground[1]] if ground else [g for g in ("paper", "page", "track") if g in values]:
                seen = ratio(values[named[1]], values[name])
                if seen < LEAST:
                    found.append(f"{selector}: {named[1]} on {name} has {seen:.2f} in the {scheme} scheme")
    return found


def _is_area(name: str) -> bool:
    """Whether a ground is a mark without text: a bar, a dot, an axis."""
    return name in ("bar", "x", "y", "z", "unknown", "good", "alert")


def _roots(css: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r"(@media[^{]*\{\s*)?:root\s*\{([^}]*)\}", css):
        yield found[1] or "", found[2]
