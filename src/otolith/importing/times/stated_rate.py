"""Rates that lines above a table state, for tables without a column of time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from otolith.importing.naming.words import unaccented
from otolith.importing.times.clock import usual_rate

LONGEST = 120
"""Characters of the longest line that may state a rate."""
_RATE = re.compile(
    r"(?:(?:sensor|data|imu|output data|nominal) )?(?:"
    r"sampl(?:e|ing) ?(?:rate|freq|frequency)|odr|output data rate|data rate|fs|f s|(?P<bare>rate|frequency|freq)|"
    r"abtastrate|abtastfrequenz|messrate|frequenz|frequence d echantillonnage|taux d echantillonnage|"
    r"frecuencia de muestreo|tasa de muestreo|frequenza di campionamento|frequencia de amostragem|"
    r"taxa de amostragem|bemonsteringsfrequentie|czestotliwosc probkowania|частота дискретизации|采样率|采样频率|"
    r"サンプリング周波数|サンプリングレート|샘플링 레이트"
    r")(?: (?P<in>hz|hertz|khz))? (?P<number>\d{1,7}(?:\.\d{1,9})?)(?: ?(?P<unit>hz|hertz|khz|sps|samples s))?"
)
_PERIOD = re.compile(
    r"(?:sampl(?:e|ing) (?:period|interval|time)|dt|delta t|abtastintervall|abtastperiode)"
    r"(?: (?P<in>s|sec|seconds|ms|us))? (?P<number>\d{1,7}(?:\.\d{1,9})?)(?: ?(?P<unit>s|sec|seconds|ms|us))?"
)
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6}


def stated_rate(lines: Sequence[str]) -> tuple[float, str] | None:
    """Return the rate in Hz that lines above a table state, and the line; None where they state none or several.

    >>> stated_rate(["Device: 7", "Sampling rate: 50 Hz"]), stated_rate(["Sample period (ms);20"])
    ((50.0, 'Sampling rate: 50 Hz'), (50.0, 'Sample period (ms);20'))
    >>> stated_rate(["fs = 50", "Sample rate: 100"]), stated_rate(["Sample period: 20"])
    (None, None)
    """
    found = [(rate, line) for line in lines if (rate := _rate_of(line)) is not None]
    return found[0] if len({rate for rate, _ in found}) == 1 else None


def _rate_of(line: str) -> float | None:
    if len(line) > LONGEST:
        return None
    plain = re.sub(r"(?<=\d),(?=\d)", ".", unaccented(line.lower()))
    plain = " ".join(re.sub(r"(?<!\d)\.|\.(?!\d)|[^\w.]|_", " ", plain).split())
    if match := _RATE.fullmatch(plain):
        if match["bare"] and not (match["in"] or match["unit"]):  # of anything, such as of the heart
            return None
        thousands = "khz" in (match["in"], match["unit"])
        return usual_rate(str(float(match["number"]) * (1000 if thousands else 1)))
    match = _PERIOD.fullmatch(plain)
    unit = None if match is None else match["unit"] or match["in"]
    if match is None or unit is None or float(match["number"]) == 0:
        return None
    return usual_rate(str(round(1 / (float(match["number"]) * _SECONDS[unit]), 9)))
