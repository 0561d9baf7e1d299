"""Families of hand-made features: their names, definitions and sources, and the constants that define them."""

from __future__ import annotations

from dataclasses import dataclass

BANDS = ((0.3, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 8.0), (8.0, 12.0), (12.0, 20.0))
"""Bands of the spectrum in Hz; those that begin above half the sampling rate are left out."""
LAGS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Lags of the autocorrelation in seconds, rounded to whole steps; those that repeat one, are none, or are beyond half a
window are left out."""
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the samples that lie below a quantile: from the least to the greatest."""
HIGHEST = 20.0
"""Hz: the end of the spectrum, since people's movements are slower (Bouten et al. 1997)."""
NOISE = 0.05
"""m/s² or rad/s: what sensors at rest do. A crossing leads from so much below the mean to so much above it."""
SMALL = 1e-4
"""Variance, in squared units, that is added where a variance divides: a window at rest has no shape and no rhythm."""


@dataclass(frozen=True)
class Family:
    """Features of one kind.

    Args:
        title: what they measure.
        patterns: their names as regular expressions; `SIGNAL` stands for a signal, `SENSOR` for a sensor of three axes.
        definition: the formula, or its words.
        source: publications that used it for activities; empty for one of our own.
    """

    title: str
    patterns: tuple[str, ...]
    definition: str
    source: str


BAO = "Bao and Intille 2004"
ANGUITA = "Anguita et al. 2013"
FIGO = "Figo et al. 2010"

FAMILIES = (
    Family("level", ("SIGNAL_mean",), "mean", BAO),
    Family("spread", ("SIGNAL_std",), "standard deviation", "Ravi et al. 2005"),
    Family("shape", ("SIGNAL_skewness",), "third central moment over the deviation cubed", ANGUITA),
    Family("trend", ("SIGNAL_slope",), "slope of the least-squares line, per second", ""),
    Family(
        "quantiles", (r"SIGNAL_q\d+",), "least, quartiles and greatest, linear between samples", f"{FIGO}; {ANGUITA}"
    ),
    Family(
        "differences",
        ("SIGNAL_diff_(mean|max)",),
        "mean and greatest size of the change between samples, per second",
        f"{FIGO}; {ANGUITA} (jerk)",
    ),
    Family(
        "crossings",
        ("SIGNAL_crossings",),
        "crossings of the mean, per second: half the way of deviations that are cut at 0.05",
        "Maurer et al. 2006",
    ),
    Family(
        "bands",
        ("SIGNAL_power_.*hz",),
        "logarithm of the power in a band of the spectrum",
        "Huynh and Schiele 2005; Anguita et al. 2013",
    ),
    Family("dominant frequency", ("SIGNAL_peak_hz",), "frequency, weighted by the fourth power of the power", FIGO),
    Family("spectral entropy", ("SIGNAL_entropy",), "entropy of the shares of the power, over its maximum", BAO),
    Family(
        "rhythm",
        ("SIGNAL_autocorr_.*s",),
        "autocorrelation at a lag in seconds",
        "Moe-Nilssen and Helbostad 2004",
    ),
    Family("axes", ("SENSOR_corr_(xy|xz|yz)",), "correlation between two axes", f"{BAO}; Ravi et al. 2005"),
    Family(
        "magnitude area", ("SENSOR_sma",), "sum over axes of the mean size of the deviation", "Karantonis et al. 2006"
    ),
    Family("jerk", ("SENSOR_jerk_(mean|std)",), "mean and deviation of the length of the change, per second", ANGUITA),
    Family(
        "posture",
        ("acc_gravity_[xyz]",),
        "direction of the mean acceleration: cosines of the tilt",
        "Karantonis et al. 2006; Anguita et al. 2013 (angles)",
    ),
    Family("turn", ("acc_turned",), "length of the change of mean acceleration from half to half, in g", ""),
    Family("intensity", ("acc_enmo",), "mean of what the magnitude exceeds 1 g by (ENMO)", "van Hees et al. 2013"),
    Family(
        "sensors", ("acc_gyro_corr_(mag|[xyz])",), "correlation of the two sensors' magnitudes, and of their axes", ""
    ),
)
"""All families, in the order of the table in docs/features.md."""

SOURCES = {
    "Anguita et al. 2013": "A Public Domain Dataset for Human Activity Recognition Using Smartphones. ESANN",
    "Bao and Intille 2004": "Activity Recognition from User-Annotated Acceleration Data. Pervasive Computing",
    "Bouten et al. 1997": "A Triaxial Accelerometer and Portable Data Processing Unit for the Assessment of Daily "
    "Physical Activity. IEEE Transactions on Biomedical Engineering",
    "Figo et al. 2010": "Preprocessing Techniques for Context Recognition from Accelerometer Data. Personal and "
    "Ubiquitous Computing",
    "Huynh and Schiele 2005": "Analyzing Features for Activity Recognition. sOc-EUSAI",
    "Karantonis et al. 2006": "Implementation of a Real-Time Human Movement Classifier Using a Triaxial Accelerometer "
    "for Ambulatory Monitoring. IEEE Transactions on Information Technology in Biomedicine",
    "Maurer et al. 2006": "Activity Recognition and Monitoring Using Multiple Sensors on Different Body Positions. BSN",
    "Mizell 2003": "Using Gravity to Estimate Accelerometer Orientation. ISWC",
    "Moe-Nilssen and Helbostad 2004": "Estimation of Gait Cycle Characteristics by Trunk Accelerometry. Journal of "
    "Biomechanics",
    "Ravi et al. 2005": "Activity Recognition from Accelerometer Data. IAAI",
    "van Hees et al. 2013": "Separating Movement and Gravity Components in an Acceleration Signal and Implications for "
    "the Assessment of Human Daily Physical Activity. PLoS ONE",
}
"""Titles and places of the publications."""
