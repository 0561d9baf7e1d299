"""Pictures of a page and their captions, which say whose windows, which split, seeds and interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure

from otolith.report import figures, names
from otolith.report.folder import RunFolder, Tsne, cell_name
from otolith.report.groups import Group, conditions
from otolith.report.names import interval_text
from otolith.report.style import WIDTH, data_uri
from otolith.rows import Row


@dataclass(frozen=True)
class Picture:
    """A figure on the page, the text for readers who cannot see it, and its caption.

    Attributes:
        small: it is for a page with many figures, and let go of once it has become text; `figure` is then None.
    """

    figure: Figure | None
    alt: str
    caption: str
    small: bool = False

    def __post_init__(self) -> None:
        if self.small and self.uri:
            object.__setattr__(self, "figure", None)

    @cached_property
    def uri(self) -> str:
        """The figure as a data URI; see `data_uri`."""
        assert self.figure is not None
        return data_uri(self.figure, self.small)

    @property
    def wide(self) -> bool:
        """True for a figure wider than an ordinary one, which keeps its size on a phone and moves sideways."""
        return self.figure is not None and float(self.figure.get_figwidth()) > 1.1 * WIDTH


def picture(figure: Figure, alt: str, caption: str, small: bool = False) -> Picture:
    """Return a figure with its words; see `data_uri`."""
    return Picture(figure, alt, caption, small)


def condition(row: Row) -> str:
    """Return the words that belong into every caption of a score: data set, split, seed and interval."""
    result, key = row.result, row.key
    parts = [names.dataset_title(str(key.get("dataset", "?"))), names.split_title(str(key.get("split", "?")))]
    parts += [f"{name} {key[name]}" for name in ("fold", "seed") if key.get(name) is not None]
    parts += [conditions(key)] if conditions(key) else []
    if result.get("interval"):
        subjects = result["interval"].get("n_subjects", "the")
        parts.append(f"95 % interval {interval_text(result)} over {subjects} subjects")
    else:
        parts.append("no interval")
    return "; ".join(parts)


def scores(row: Row) -> Iterator[Picture]:
    """Draw the confusion matrix and the F1 of each activity."""
    result, where = row.result, condition(row)
    if "confusion" in result:
        yield picture(
            figures.confusion(result["confusion"], result["activities"]),
            "Confusion matrix",
            "Confusion matrix: each row is a true activity, each column a recognised one. The large number is "
            "the share of "
            f"the row's test windows in percent, the small one their count. {where}.",
        )
    if result.get("per_class_f1"):
        title = "F1 score of each activity"
        yield picture(figures.per_class(result["per_class_f1"], result.get("support", {})), title, f"{title}. {where}.")


def subjects(row: Row) -> Picture | None:
    """Draw the macro F1 within each test subject; None where the row has none."""
    result = row.result
    if not result.get("per_subject"):
        return None
    band = " (shaded: its 95 % interval)" if result.get("interval") else ""
    return picture(
        figures.per_subject(result["per_subject"], result["macro_f1"], result.get("interval")),
        "Macro F1 of each test subject",
        f"Macro F1 within each test subject; the line is the score over all{band}. {condition(row)}.",
    )


def curves(run: RunFolder) -> Iterator[Picture]:
    """Draw the loss of each stage, and the validation score where there is one."""
    order = list(names.STAGES)
    for stage in sorted(run.curves, key=lambda name: (order.index(name) if name in order else len(order), name)):
        points = run.curves[stage]
        title = names.stage_title(stage)
        parts = ["1 epoch" if len(points) == 1 else f"{len(points)} epochs"]
        seconds = [p["seconds"] for p in points if isinstance(p.get("seconds"), int | float)]
        parts += [f"{sum(seconds) / len(seconds):.2g} s each"] if seconds else []
        scaled = [p["scaled_share"] for p in points if isinstance(p.get("scaled_share"), int | float)]
        parts += [f"LARC scaled {names.percent(sum(scaled) / len(scaled))} % of the tensors"] if scaled else []
        caption = f"{title}: mean loss of each epoch ({', '.join(parts)})"
        if any(point.get("val_macro_f1") is not None for point in points):
            caption += "; below, the macro F1 on the validation windows, by which the epoch is chosen"
        yield picture(figures.training_curve(stage, points), f"Training curve: {title}", f"{caption}.")


def embeddings(run: RunFolder) -> Iterator[Picture]:
    """Draw t-SNE before and after pre-training, coloured by activity, and after it coloured by person."""
    if run.tsne is None:
        return
    tsne, what = run.tsne, f"t-SNE of the encoder's features of {len(run.tsne.y):,} windows"
    if tsne.before is not None:
        yield picture(
            figures.embedding(figures.Panel("Before training", tsne.before, tsne.y, run.activities)),
            "t-SNE before training",
            f"{what}, untrained: what the signals give by themselves. Labels only colour the points.",
        )
    title, trained = ("Features", "") if tsne.before is None else ("After training", ", trained")
    yield picture(
        figures.embedding(figures.Panel(title, tsne.after, tsne.y, run.activities)),
        f"t-SNE {title.lower()}" if trained else "t-SNE of features",
        f"{what}{trained}. The closer one activity keeps together, the fewer labels a head needs.",
    )
    if tsne.subject is not None:
        by_person = "The same points coloured by person"
        yield picture(
            figures.subjects_embedding(f"{title}, by person", tsne.after, tsne.subject),
            by_person,
            f"{by_person}: where colours mix, the features depend on the activity and not on who moves.",
        )


def teacher(run: RunFolder) -> Iterator[Picture]:
    """Draw the frozen teacher's similarity of pairs of one activity beside that of pairs of two."""
    found = run.teacher
    if found is None:
        return
    pairs = sum(found["histogram"]["same"]) + sum(found["histogram"]["different"])
    yield picture(
        figures.teacher(found),
        "Similarity of pairs of windows under the frozen teacher",
        f"Similarity of {pairs:,} pairs of windows under the frozen teacher. Dynamic temperature assumes that "
        "pairs of one activity are more similar than pairs of two. The area under the ROC curve is 1 if they "
        "always are, "
        "and 0.5 if similarity does not depend on the activity.",
    )
    if found["auc_per_activity"]:
        yield picture(
            figures.teacher_per_activity(found),
            "Area under the ROC curve for each activity",
            "The same area over the pairs that involve each activity: where it is low, the teacher's temperatures "
            "tell little.",
        )


def comparison(group: Group) -> Iterator[Picture]:
    """Draw every run of a group with its means and the paper's figures, and the subjects under each method."""
    series = [
        figures.Series(
            line.method,
            group.label(line),
            tuple(row.result["macro_f1"] for row in line.rows),
            tuple(p.macro_f1 for p in line.published),
        )
        for line in group.lines
    ]
    where = f"{group.title}. {'; '.join(f'{group.label(line)}: {line.seeds}' for line in group.lines)}."
    paper = " An open diamond is the paper's figure." if any(line.published for line in group.lines) else ""
    yield picture(
        figures.comparison(series),
        "Comparison of methods",
        f"Macro F1 of every run (points) and its mean (bar).{paper} {where}",
    )
    # Names of methods carry their colours; labels are needed where one method stands under two recipes.
    distinct = len({line.method for line in group.lines}) == len(group.lines)
    table = {
        line.method if distinct else group.label(line): line.per_subject for line in group.lines if line.per_subject
    }
    if table:
        yield picture(
            figures.subjects_by_method(table),
            "Macro F1 of each test subject under each method",
            f"Macro F1 within each test subject, mean over the runs. {where}",
        )


def grid(runs: Sequence[RunFolder]) -> Iterator[Picture]:
    """Draw the features of each method on a data set that several have pictures of (Fig. 5 and more).

    Of several seeds the lowest that all methods of the data set have is shown, else the lowest of each.
    """
    found: dict[str, dict[str, dict[str, tuple[Tsne, list[str]]]]] = {}
    for run in runs:
        for row in run.rows:
            tsne = run.cells.get(cell_name(row.key)) or (run.tsne if len(run.rows) == 1 else None)
            if tsne is not None:
                of_method = found.setdefault(str(row.key.get("dataset")), {}).setdefault(str(row.key.get("method")), {})
                of_method.setdefault(str(row.key.get("seed")), (tsne, run.activities))
    for dataset, by_method in sorted(found.items()):
        if len(by_method) < 2:
            continue
        shared = set.intersection(*(set(seeds) for seeds in by_method.values()))
        for method in sorted(by_method, key=names.method_order, reverse=True):  # the paper's last, as in Fig. 5
            seed = min(shared or set(by_method[method]), key=names.natural)
            tsne, activities = by_method[method][seed]
            title = f"{names.dataset_title(dataset)}, {names.method_short(method)}, seed {seed}"
            yield picture(
                figures.embedding(figures.Panel(title, tsne.after, tsne.y, activities)),
                f"t-SNE, {title}",
                f"t-SNE of the encoder's features of {len(tsne.y):,} test windows: {names.method_title(method)}. "
                "Labels only colour the points.",
            )
