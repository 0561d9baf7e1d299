"""The spec of a method: a description, read from the text of its file, and the code, imported when asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from otolith.errors import RecipeError
from otolith.system.registry import specs_of

if TYPE_CHECKING:
    from otolith.augment import SignalSpec
    from otolith.methods.base import SharedSettings
    from otolith.nets.encoder import Encoder
    from otolith.training.pretext import Method
    from otolith.training.settings import TrainSettings
    from otolith.windows import WindowMeta


class Paper(NamedTuple):
    """The publication that a method is taken from, or is nearest to.

    >>> str(Paper("Grill et al.", 2020, "Bootstrap Your Own Latent", "NeurIPS"))
    'Grill et al. 2020'
    """

    authors: str
    year: int
    title: str
    venue: str

    def __str__(self) -> str:
        return f"{self.authors} {self.year}"


DYNAMIC_TEMPERATURE = Paper(
    "Khaertdinov et al.",
    2022,
    "Dynamic Temperature Scaling in Contrastive Self-Supervised Learning for Sensor-Based Human Activity Recognition",
    "IEEE Transactions on Biometrics, Behavior, and Identity Science",
)
"""The paper that this library began with; sections, equations and figures without a name are its own."""


def _shared(name: str) -> Any:
    return getattr(import_module("otolith.methods.base"), name)


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodSpec:
    """A method, as its file declares it: `SPEC = MethodSpec(name="my-method", ...)`.

    `otolith.methods` reads all but the last four values from the file's text, so that names and titles cost no import
    of torch: they must be literals. The others are imported with the file when one of them is first asked for.

    Args:
        name: its name in recipes, commands and rows; lower case, digits and hyphens.
        title: full title, with what sets it apart in brackets.
        label: title in tables and reports.
        short: title in figures and narrow columns.
        summary: the source that it learns from, in one line.
        paper: its publication: `Paper(...)`, or `DYNAMIC_TEMPERATURE`; None for an idea of your own.
        section: its section there, if it is not the whole paper.
        needs: further needs beside windows.
        also: names under which others know it, in lower case: whoever asks for one is told its own.
        order: its place in tables; the smallest comes first.
        colour: its colour in pictures, as `#rrggbb`; empty for the next one of the palette.
        own_encoder: its encoder, in words, where it is not the recipe's, so that `encoder.kind` means nothing to it.
        made_by: the command that makes its models, where no run can; such a method is not listed.
        story: sentences for the page of a run on how its encoder is pre-trained; may be empty.
        pretrained: whether an encoder is pre-trained at all.
        end_to_end: whether fine-tuning trains the encoder too, by `settings`, a `FinetuneSettings`.
        own_head: whether its settings, a `TreeSettings`, say how its head is fitted, in place of `finetune`.
        scaled: whether windows reach the network in z-score units; False: in m/s² and rad/s.
        settings: frozen dataclass of the recipe's `[method.NAME]` table; its defaults hold where there is none.
        encoder: (shared, meta) -> untrained encoder for windows of that `WindowMeta`; also how a saved one is rebuilt.
        build: (shared, settings, encoder, signal) -> the pretext task around that encoder; None where nothing is
            pre-trained.
        train: (shared, settings) -> how the pretext task is trained.
    """

    name: str
    title: str
    label: str
    short: str
    summary: str
    paper: Paper | None
    section: str = ""
    needs: tuple[Literal["teacher", "labels", "both sensors"], ...] = ()
    also: tuple[str, ...] = ()
    order: int = 1000
    colour: str = ""
    own_encoder: str = ""
    made_by: str = ""
    story: str = ""
    pretrained: bool = True
    end_to_end: bool = False
    own_head: bool = False
    scaled: bool = True
    settings: type[Any] = field(default_factory=lambda: _shared("Settings"), repr=False)
    encoder: Callable[[SharedSettings, WindowMeta], Encoder] = field(
        default_factory=lambda: _shared("shared_encoder"), repr=False
    )
    build: Callable[[SharedSettings, Any, Any, SignalSpec], Method] | None = field(
        default_factory=lambda: None, repr=False
    )
    train: Callable[[SharedSettings, Any], TrainSettings] = field(
        default_factory=lambda: _shared("shared_training"), repr=False
    )

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Import the file of a method that was read from its text, and take over the settings and code there."""
            if name not in _CODE or "_load" not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            whole = vars(self)["_load"]().SPEC
            vars(self).update({each: getattr(whole, each) for each in _CODE})
            return vars(self)[name]


_CODE = {"settings", "encoder", "build", "train"}
_KINDS: dict[str, Any] = {"paper": Paper | None, "needs": tuple, "also": tuple, "order": int}
_KINDS |= dict.fromkeys(("pretrained", "end_to_end", "own_head", "scaled"), bool)
"""Types of the parts of a description that are not texts."""
_DESCRIBED = {each.name: each.default for each in fields(MethodSpec) if each.name not in _CODE}


def read_spec(load: Callable[[], ModuleType], path: Path) -> Iterable[MethodSpec]:
    """Return the `SPEC` of a method's file without importing it; nothing where the file declares none.

    A file that declares `SPEC` or `SPECS` in another way than by calling `MethodSpec` is imported.

    Args:
        load: imports the file.
        path: the file.

    Raises:
        RecipeError: a part of the description is missing, or is not a literal of its kind.
    """
    declared = [value for name, value in _assigned(ast.parse(path.read_bytes())) if name in ("SPEC", "SPECS")]
    if not declared:
        return ()
    call = declared[-1]
    if len(declared) > 1 or not (isinstance(call, ast.Call) and _name(call.func) == "MethodSpec"):
        return specs_of(load, path)
    found = dict(_DESCRIBED)
    for given in call.keywords:
        if given.arg in found:
            try:
                found[given.arg] = _literal(given.value)
                if not isinstance(found[given.arg], _KINDS.get(given.arg, str)):
                    raise ValueError
            except (ValueError, TypeError):
                raise RecipeError(
                    f"{given.arg} of the SPEC in {path} is {ast.unparse(given.value)!r}; write it as a literal of its "
                    "type, since it is read without importing the file"
                ) from None
    missing = [name for name, value in found.items() if value is MISSING]
    if missing:
        raise RecipeError(f"the SPEC in {path} lacks {', '.join(missing)}; give each as a keyword argument")
    spec = object.__new__(MethodSpec)
    vars(spec).update(found, _load=load)
    return [spec]


def _assigned(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each name that a module gives a value at its top level, and the value."""
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and _name(node.func) == "Paper":
        named = {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}
        return Paper(*map(ast.literal_eval, node.args), **named)
    return DYNAMIC_TEMPERATURE if _name(node) == "DYNAMIC_TEMPERATURE" else ast.literal_eval(node)
