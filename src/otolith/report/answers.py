"""Answers of a comparison in sentences: who is best, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from otolith.metrics import paired_difference
from otolith.report.groups import Group, Line
from otolith.report.names import percent
from otolith.report.sections import cells, mean_by_subject

SURE = 0.05
"""Largest p of the test by subject at which a difference is called clear; its 95 % interval leaves out zero besides."""


def answer(group: Group) -> str:
    """Return who has the highest mean macro F1 in a group, how far it is from the next, and how sure that is.

    The difference is that of `metrics.paired_difference`: over test subjects, on the seeds, folds and draws that both
    have. Fewer than five subjects have no interval, and nothing is called clear on them.

    Args:
        group: methods that may be compared; macro F1 as fractions.

    >>> from otolith.report.groups import group
    >>> from otolith.rows import Row
    >>> key = {"dataset": "watch", "split": "holdout", "method": "dynamic", "seed": 0}
    >>> (found,) = group([Row(key, {"macro_f1": 0.9}), Row(key | {"method": "random"}, {"macro_f1": 0.7})])
    >>> answer(found)[:76]
    'Dynamic temperature has the highest mean macro F1, 90.0 % (1 run); the next,'
    """
    best, *others = sorted(group.lines, key=_mean, reverse=True)
    name, score = group.label(best), f"{percent(_mean(best))} %"
    if not others:
        return f"{name} has a mean macro F1 of {score} ({_runs(best)}); there is nothing to hold it against."
    second = others[0]
    nxt = f"{group.label(second)} {percent(_mean(second))} %"
    ahead = f"{name} has the highest mean macro F1, {score} ({_runs(best)}); the next, {nxt} ({_runs(second)})."
    return f"{ahead} {_sure(best, second)}"


def answers(groups: Sequence[Group], most: int = 8) -> list[tuple[str, str]]:
    """Return title and answer of each group that compares methods; of groups of one method each, those.

    Args:
        most: groups that are answered; the others are counted.

    >>> answers([])
    []
    """
    chosen = [each for each in groups if len(each.lines) > 1] or list(groups)
    found = [(each.title, answer(each)) for each in chosen[:most]]
    left = len(chosen) - len(found)
    return [*found, *([("More", f"{left} further comparisons stand below.")] if left else [])]


def _sure(best: Line, second: Line) -> str:
    ours, theirs = cells(best), cells(second)
    shared = sorted(ours.keys() & theirs.keys(), key=str)
    first, other = (mean_by_subject([each[cell] for cell in shared]) for each in (ours, theirs))
    if not first.keys() & other.keys():
        return "Which is better is not known: no test subject was scored with both under one seed, fold and draw."
    tested = paired_difference(first, other)
    n = tested["n_subjects"]
    by = f"by test subject {_points(tested['difference'])} points"
    if tested["low"] is None:
        return f"Whether it is better is open: {by}, with {n} {'subject' if n == 1 else 'subjects'} too few to tell."
    interval = f"95 % interval {_points(tested['low'])} to {_points(tested['high'])}"
    figures = f"{by}, {interval}, p {tested['p']:.3f}, {n} subjects"
    if tested["low"] > 0 and tested["p"] <= SURE:
        return f"It is clearly better: {figures}."
    return f"The difference is not clear: {figures}."


def _mean(line: Line) -> float:
    return float(line.spread["mean"])


def _runs(line: Line) -> str:
    return f"{len(line.rows)} {'run' if len(line.rows) == 1 else 'runs'}"


def _points(fraction: float) -> str:
    return f"{'+' if fraction >= 0 else '−'}{percent(abs(fraction))}"
