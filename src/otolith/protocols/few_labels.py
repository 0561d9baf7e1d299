"""Few labels (Section V-B, Fig. 6): k labelled windows of each activity, drawn several times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from otolith.errors import DataError
from otolith.protocols.spec import ProtocolSpec, scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from otolith.progress import Progress
    from otolith.protocols.cells.study import Study
    from otolith.protocols.cells.unit import Key, Unit
    from otolith.report.sections import Section
    from otolith.rows import Row
    from otolith.splits import Split


@dataclass(frozen=True)
class Draws:
    """Options of few labels.

    Attributes:
        k: Labelled windows of each activity; give it several times.
        draws: How often k windows are drawn.
        stop: last (after a fixed number of steps, without a label of a validation subject) or paper (the best of 50
            epochs on all labels of the validation subjects, scored every fifth).
    """

    k: tuple[int, ...] = (1, 2, 5, 10, 25, 50, 100)
    draws: int = 10
    stop: Literal["last", "paper"] = "last"

    def __post_init__(self) -> None:
        if not self.k or min(self.k) < 1 or self.draws < 1:
            raise DataError(
                f"every k and the number of draws have to be 1 or more; got k {list(self.k)} and {self.draws} draws"
            )


def units(study: Study, methods: Sequence[str], seeds: int, options: Draws) -> Iterator[Unit]:
    """Yield each method with each seed, on the same draws of labels of the training subjects.

    The encoder's features are computed once, and the heads train side by side. Where the encoder is trained too
    (`finetune.encoder`, or a method that trains end to end), each draw starts from the same encoder.

    Raises:
        DataError: an activity has fewer than k training windows.
    """
    from otolith import splits

    split = splits.default(study.w, study.info)
    y = study.w.y[split.train]
    names = study.w.meta.activities
    drawn = {
        (k, draw): split.train[splits.k_per_class(y, k, draw, names=names)]
        for k in options.k
        for draw in range(options.draws)
    }
    for seed in range(seeds):
        for method in methods:
            yield _unit(study, split, method, seed, drawn, options.stop)


def _unit(
    study: Study,
    split: Split,
    method: str,
    seed: int,
    drawn: dict[tuple[int, int], NDArray[np.int64]],
    stop: Literal["last", "paper"],
) -> Unit:
    from otolith import methods
    from otolith.model import Chosen
    from otolith.pipeline.finetuning import end_to_end
    from otolith.protocols.cells import learners
    from otolith.protocols.cells.unit import Unit
    from otolith.recipes.choices import by_rule
    from otolith.rows import Row

    keys = {(k, draw): study.key(SPEC.in_rows, split, method, seed, k=k, draw=draw, stop=stop) for k, draw in drawn}

    def run(missing: Sequence[Key], progress: Progress) -> Iterator[Row]:
        wanted = {(int(key["k"]), int(key["draw"])) for key in missing}
        encoder = study.encoder(split, method, seed, progress=progress)
        spec = methods.spec(method)
        ways: dict[str, learners.Heads | learners.Fitted | learners.Networks | learners.Votes] = {}
        for k in dict.fromkeys(k for k, _ in drawn):
            way, settings = "", None
            if not (spec.end_to_end or spec.own_head):
                way, settings = by_rule(study.recipe.candidates(k))
            if way not in ways:
                ways.clear()  # their features
                ways[way] = learners.learner(
                    study, split, encoder, *end_to_end(spec, study.recipe, settings), stop, progress
                )
            learner = ways[way]
            told = {"choice": asdict(Chosen(way, "labels", k))} if way else {}
            chosen = [draw for number, draw in drawn if number == k]
            if learner.alone:
                chosen = [draw for draw in chosen if (k, draw) in wanted]
            if not any((k, draw) in wanted for draw in chosen):
                continue
            with progress.stage(f"{method}, seed {seed}, k = {k}", len(chosen), "heads") as bar:
                for group in [[draw] for draw in chosen] if learner.alone else [chosen]:
                    began = time.perf_counter()
                    found = learner.logits([drawn[k, draw] for draw in group], group, bar.advance)
                    meta = study.meta(split, {"finetune": (time.perf_counter() - began) / len(group)}, []) | told
                    for draw, logits in zip(group, found, strict=True):
                        result = study.keep(keys[k, draw], learners.answers(study, split, logits))
                        yield Row(keys[k, draw], result, meta)

    return Unit(f"{method}, seed {seed}: {len(keys)} draws", tuple(keys.values()), run)


Points = dict[str, dict[int, dict[str, Any]]]
"""{method: {k: {mean, low, high, n}}}: macro F1 over draws, each averaged over the seeds."""


def sections(rows: Sequence[Row]) -> list[Section]:
    """Return a table and a picture over k (Fig. 6) of what shares everything else, then the tables of each k."""
    from otolith.report.groups import conditions, group
    from otolith.report.names import dataset_title, split_title

    found: dict[str, list[Row]] = {}
    for each in group(row for row in rows if "macro_f1" in row.result):
        for row in each.rows:
            if isinstance(row.key.get("k"), int):
                rest = conditions({name: value for name, value in row.key.items() if name != "k"})
                parts = [dataset_title(each.dataset), split_title(each.split)]
                parts += [f"{each.recipe_name} recipe"] if each.recipe_name else []
                found.setdefault(", ".join([*parts, *([rest] if rest else [])]), []).append(row)
    of_each_k = scores(rows, only_details=True)
    return [*(_over_k(title, each) for title, each in found.items()), *of_each_k]


def _over_k(title: str, rows: Sequence[Row]) -> Section:
    from otolith.report import sections as report

    points = _points(rows)
    counts = sorted({point["n"] for by_k in points.values() for point in by_k.values()})

    def draw() -> Any:
        from otolith.report import figures
        from otolith.report.pictures import picture

        caption = (
            "Macro F1 on the test subjects over the number of labelled windows of each activity: mean and 95 % "
            f"interval over {' or '.join(str(n) for n in counts)} draws of labels. {title}."
        )
        return [picture(figures.learning_curves(points), "Macro F1 over the number of labels", caption)]

    words = report.Words("Mean and half of the 95 % interval over draws of labels.")
    blocks = [report.Pictures(draw), words, _table(points)]
    return report.Section(f"Few labels: {title}", rows, blocks, rank=0)


def _points(rows: Sequence[Row]) -> Points:
    from otolith.metrics import mean_interval
    from otolith.report.names import method_order

    found: dict[str, dict[int, dict[int, list[float]]]] = {}
    for row in rows:
        by_k = found.setdefault(str(row.key.get("method")), {})
        by_k.setdefault(row.key["k"], {}).setdefault(int(row.key.get("draw") or 0), []).append(row.result["macro_f1"])
    return {
        method: {
            k: mean_interval(sum(scores) / len(scores) for scores in by_draw.values())
            for k, by_draw in sorted(by_k.items())
        }
        for method, by_k in sorted(found.items(), key=lambda item: method_order(item[0]))
    }


def _table(points: Points) -> Any:
    """`71.2 ± 3.1` for each method and k: the mean and half of its 95 % interval, in percent."""
    from otolith.report.names import method_title, percent
    from otolith.report.sections import Table

    def cell(point: Mapping[str, Any] | None) -> str:
        if point is None:
            return "–"
        half = "" if point["low"] is None else f" ± {percent((point['high'] - point['low']) / 2)}"
        return f"{percent(point['mean'])}{half}"

    ks = sorted({k for by_k in points.values() for k in by_k})
    lines = []
    for method, by_k in points.items():
        counts = sorted({point["n"] for point in by_k.values()})
        shown = "–".join(str(n) for n in (counts[0], *counts[1:][-1:]))
        lines.append([method_title(method), *(cell(by_k.get(k)) for k in ks), shown])
    return Table(["Method", *(f"k = {k}" for k in ks), "Draws"], lines)


SPEC = ProtocolSpec(
    name="few-labels",
    title="Few labels",
    line="a head or network from k labelled windows of each activity",
    section="Section V-B, Fig. 6",
    units=units,
    options=Draws,
    row_name="few labels",
    fields=("draw", "stop"),
    identity=("stop",),
    sections=sections,
)
