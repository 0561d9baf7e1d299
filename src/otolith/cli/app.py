"""The commands, and the text of `otolith --help`. Modules of commands import nothing heavy until one is called."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App, Parameter

from otolith import __version__
from otolith.cli.commands.calibrate import calibrate
from otolith.cli.commands.compare import compare
from otolith.cli.commands.data import data
from otolith.cli.commands.demo import demo
from otolith.cli.commands.distill import distill
from otolith.cli.commands.evaluate import evaluate
from otolith.cli.commands.export import export
from otolith.cli.commands.features import features
from otolith.cli.commands.finetune import finetune
from otolith.cli.commands.import_ import import_
from otolith.cli.commands.label import label
from otolith.cli.commands.live import live
from otolith.cli.commands.live_runtime import live_runtime
from otolith.cli.commands.models import models
from otolith.cli.commands.predict import predict
from otolith.cli.commands.pretrain import pretrain
from otolith.cli.commands.push import push
from otolith.cli.commands.report import report
from otolith.cli.commands.run import run
from otolith.cli.commands.score import score
from otolith.cli.commands.tune import tune
from otolith.cli.shared import PLUGIN

HELP = "From unlabelled accelerometer and gyroscope recordings to an activity recogniser that needs few labels."

EXAMPLES = """\
Examples:
  otolith demo                          a real recording, recognised, on a page in the browser
  otolith run                           real smartwatch recordings, no download
  otolith run --dry-run                 its plan, with time and memory
  otolith data                          data sets, and where they lie
  otolith data uci-har --fetch          download one and verify every file
  otolith import walk.zip --out walks   phone exports become a data set
  otolith label walks                   ten minutes of key presses make labels
  otolith run uci-har --method csshar --seed 1 --set pretrain.epochs=10
  otolith evaluate runs/watch-dynamic-best-seed0/model
  otolith models                        models that come with otolith
  otolith predict walk.zip              a timeline, by the one for phones
  otolith predict runs/watch-dynamic-best-seed0/model my-walks
  otolith live runs/watch-dynamic-best-seed0/model --replay watch
  otolith compare few-labels --method csshar --method dynamic
  otolith distill phone my-walks        a student of it, for small devices
  otolith push phone me/my-phone        a model for others, on the Hugging Face Hub
  otolith report runs/* --out comparison.html

Every command takes --plugin FILE: a Python file of yours with methods, augmentations, formats, metrics, ...
(docs/plugins.md); give it several times for several files.
"""


app = App(
    name="otolith",
    help=HELP,
    help_epilogue=EXAMPLES,
    help_format="plaintext",
    version=__version__,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
COMMANDS: tuple[Callable[..., int | None] | App, ...] = (
    run,
    data,
    import_,
    label,
    pretrain,
    finetune,
    evaluate,
    calibrate,
    distill,
    demo,
    models,
    predict,
    live,
    live_runtime,
    export,
    features,
    push,
    compare,
    report,
    score,
    tune,
)
for place, command in enumerate(COMMANDS):
    if isinstance(command, App):
        command.sort_key = place
        app.command(command)
        continue
    name = command.__name__.rstrip("_").replace("_", "-")
    app.command(command, name=name, sort_key=place, help_epilogue=PLUGIN, help_format="markdown")
