"""Model bundles, checkpoints, recipes and single settings of them."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tomli_w
import torch

from otolith import pipeline, splits
from otolith.augment import SignalSpec
from otolith.finetuning.classifier import train_classifier
from otolith.finetuning.heads import Labelled, build_head
from otolith.finetuning.settings import FinetuneSettings
from otolith.model import Model, bundle
from otolith.pipeline.calibration import calibrate
from otolith.preprocessing.scaler import Scaler
from otolith.recipes import load_recipe, parse_override
from otolith.recording import CHANNELS
from otolith.training import state
from otolith.training.checkpoint import CheckpointFolder, digest
from otolith.training.loop import train
from otolith.training.settings import TrainSettings
from otolith.training.window_source import Part, Source
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.helpers import tiny

SHAPES: tuple[Any, ...] = (
    [],
    [0],
    [1],
    [10**12],
    [2**62, 4],
    [-1, 3],
    [10**6] * 12,
    ["3"],
    [1.5],
    None,
    [2**31, 2**31],
)
SIGNAL = SignalSpec(CHANNELS, (0.0,) * 6, (1.0,) * 6, 12.0)
DTYPES = ("F64", "F16", "BF16", "I64", "I8", "BOOL", "F8_E4M3", "C64", "U64", "f32", "", None, 3)


def model_of(method: str = "random", **sizes: Any) -> Model:
    """One that is hardly trained."""
    torch.set_num_threads(1)
    w = tiny.windows(n_subjects=6)
    split = splits.holdout(w, 0)
    return pipeline.finetune(pipeline.pretrain(w, split, tiny.recipe(**sizes), method), w, split)


def safetensors_of(rng: random.Random, blob: bytes) -> bytes:
    """Header and body of a safetensors file changed apart."""
    size = struct.unpack("<Q", blob[:8])[0]
    header, body = json.loads(blob[8 : 8 + size]), blob[8 + size :]
    if rng.random() < 0.3:
        return fuzzmutate.bytes_of(rng, blob)
    for _ in range(rng.randint(1, 2)):
        name = rng.choice(sorted(header))
        entry, what = header[name], rng.randrange(8)
        if not isinstance(entry, dict):
            continue
        if what == 0:
            entry["shape"] = rng.choice(SHAPES)
        elif what == 1:
            entry["dtype"] = rng.choice(DTYPES)
        elif what == 2:
            entry["data_offsets"] = [rng.choice(fuzzmutate.INTS), rng.choice(fuzzmutate.INTS)]
        elif what == 3:
            header[rng.choice(fuzzmutate.TEXTS)] = header.pop(name)
        elif what == 4:
            del header[name]
        elif what == 5:
            header[rng.choice(("encoder.more", "head.0.weight", "x", "calibration.more"))] = copy.deepcopy(entry)
        elif what == 6:
            header[name] = fuzzmutate.value(rng)
        elif "shape" in entry and isinstance(entry["shape"], list):
            entry["shape"] = entry["shape"][::-1]
    text = json.dumps(header).encode()
    length = rng.choice(fuzzmutate.INTS) if rng.random() < 0.05 else len(text)
    if rng.random() < 0.3:  # numbers that are none, or huge
        at = rng.randrange(0, max(len(body) - 4, 1), 4)
        body = body[:at] + struct.pack("<f", rng.choice((float("nan"), float("inf"), 3e38, 1e-45))) + body[at + 4 :]
    return struct.pack("<Q", length % 2**64) + text + body


@register
class Bundle(Reader):
    """The card's checksum is made to fit in most examples, so that it hides nothing."""

    name, weight = "model-bundle", 12.0

    def valid(self) -> list[Files]:
        import tempfile

        model = model_of()
        w = tiny.windows(n_subjects=6)
        calibrated = calibrate(model, w, splits.holdout(w, 0))
        encoder = pipeline.pretrain(w, splits.holdout(w, 0), tiny.recipe(), "cpc")
        out = []
        forest, boosted = (model_of("classical", method__classical__model=kind) for kind in ("forest", "boosting"))
        for each in (model, calibrated, encoder, model_of(encoder__kind="conv"), forest, boosted):
            with tempfile.TemporaryDirectory() as folder:
                place = bundle.save(each, Path(folder, "model"))
                out.append({path.name: path.read_bytes() for path in place.iterdir()})
        self.x = tiny.windows(n_subjects=1).x[:4]
        return out

    def mutate(self, rng: random.Random, files: Files) -> Files:
        out = dict(files)
        which = rng.randrange(5)
        if which >= 3:
            out["weights.safetensors"] = safetensors_of(rng, out["weights.safetensors"])
        if rng.random() < 0.8:
            card = json.loads(out["card.json"])
            card["weights_sha256"] = hashlib.sha256(out["weights.safetensors"]).hexdigest()
            out["card.json"] = json.dumps(card).encode()
        if which <= 3:
            out["card.json"] = fuzzmutate.json_of(rng, out["card.json"])
        return out

    def read(self, box: Path, files: Files) -> None:
        if b'"kind": "encoder"' in files["card.json"]:
            encoder = bundle.load_encoder(box, "cpu")
            assert all(bool(p.isfinite().all()) for p in encoder.network.state_dict().values())
            return
        model = bundle.load_model(box, "cpu")
        meta = model.meta
        x = np.zeros((2, len(meta.channels), meta.n_steps), np.float32)
        x[:, : self.x.shape[1], : self.x.shape[2]] = self.x[:2, : x.shape[1], : x.shape[2]]
        found = model.assess(x)
        assert found.probabilities.shape == (2, len(model.activities))
        largest = max(float(t.abs().max()) for t in model.network().state_dict().values() if t.numel())
        odd = largest > 1e6 or np.abs(model.encoder.scaler.mean).max() > 1e6 or model.encoder.scaler.std.min() < 1e-6
        assert odd or np.isfinite(found.probabilities).all(), "probabilities are not finite"
        " ".join(model.activities).encode()


@register
class Checkpoints(Reader):
    """The newest is damaged, with checksums that fit or not; a training goes on from what is left."""

    name, weight = "checkpoint", 6.0
    identity: ClassVar = {"recipe": "abc", "seed": 0}
    settings: ClassVar[Any] = TrainSettings(epochs=2, batch_size=16, lr=1e-3)

    def prepare(self) -> None:
        torch.set_num_threads(1)
        w = tiny.windows(n_subjects=2)
        self.source = Source([Part(w.x, np.arange(32))], Scaler.fit(w.x), torch.device("cpu"))

    def _train(self, folder: Path) -> None:
        from otolith import methods

        recipe, spec = tiny.recipe(), methods.spec("csshar")
        torch.manual_seed(0)
        encoder = spec.encoder(recipe, tiny.meta())
        assert spec.build is not None
        method = spec.build(recipe, recipe.settings_of("csshar"), encoder, SIGNAL)
        records = train(method, self.source, self.settings, 0, checkpoints=CheckpointFolder(folder, self.identity))
        assert len(records) == 2
        assert all(bool(p.isfinite().all()) for p in method.parameters())

    def valid(self) -> list[Files]:
        folder = Path("first")
        self._train(folder)
        return [{path.as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        out = dict(files)
        state, tensors = (f"first/epoch-00002/{name}" for name in ("state.json", "tensors.safetensors"))
        if rng.random() < 0.5:
            out[tensors] = safetensors_of(rng, out[tensors])
        card = json.loads(out[state])
        if rng.random() < 0.7:
            card = fuzzmutate.tree_of(rng, card)
        if isinstance(card, dict) and rng.random() < 0.8:
            card["sha256"] = hashlib.sha256(out[tensors]).hexdigest()
            card["card_sha256"] = digest(card)
        out[state] = json.dumps(card).encode()
        return out if rng.random() < 0.8 else out | {state: fuzzmutate.json_of(rng, files[state])}

    def read(self, box: Path, files: Files) -> None:
        self._train(box / "first")


@register
class ClassifierCheckpoints(Checkpoints):
    """The same of a classifier's."""

    name, weight = "classifier-checkpoint", 3.0
    settings: ClassVar[Any] = FinetuneSettings(epochs=2, batch_size=16, hidden=(8,))

    def prepare(self) -> None:
        torch.set_num_threads(1)
        state.EVERY_S = 0.0

    def _train(self, folder: Path) -> None:
        x, y = torch.randn(32, 12, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3
        network = build_head(12, 3, self.settings, 0)
        records = train_classifier(
            network,
            Labelled(x, y),
            Labelled(x, y),
            self.settings,
            0,
            n_classes=3,
            score=lambda true, found: float((true == found).float().mean()),
            checkpoints=CheckpointFolder(folder, self.identity),
        )
        assert [record["epoch"] for record in records] == [1, 2]
        assert all(bool(p.isfinite().all()) for p in network.parameters())


@register
class RecipeFile(Reader):
    name, weight = "recipe", 8.0

    def valid(self) -> list[Files]:
        trees = [load_recipe(name, "own").as_dict() for name in ("compact", "paper")]
        trees[0]["method"] = {"dynamic": {}, "supervised": {"epochs": 3}}
        return [{"r.toml": tomli_w.dumps(tree).encode()} for tree in trees]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        import tomllib

        if rng.random() < 0.3:
            return {"r.toml": fuzzmutate.bytes_of(rng, files["r.toml"])}
        if rng.random() < 0.3:
            lines = files["r.toml"].decode().split("\n")
            raw = rng.choice(("[" * 50_000, "9" * 5000, "nan", "-inf", "1979-05-27", "{}", "'x'", "0x1", '"\\u0000"'))
            at = rng.randrange(len(lines))
            lines[at] = f"{lines[at].partition('=')[0]}= {raw}"
            return {"r.toml": "\n".join(lines).encode()}
        tree = fuzzmutate.tree_of(rng, tomllib.loads(files["r.toml"].decode()))
        return {"r.toml": _toml(tree)}

    def read(self, box: Path, files: Files) -> None:
        found = load_recipe(box / "r.toml", "own")
        assert len(found.hash) == 12
        (box / "again.toml").write_text(found.to_toml(), "utf-8")
        assert load_recipe(box / "again.toml", "own") == found
        found.augmentation(SIGNAL)


def _toml(tree: Any) -> bytes:
    """As TOML, as far as that has such values."""

    def plain(node: Any) -> Any:
        if isinstance(node, dict):
            return {str(name): plain(value) for name, value in node.items() if value is not None}
        if isinstance(node, list | tuple):
            return [plain(value) for value in node if value is not None]
        return node

    made = plain(tree)
    try:
        return tomli_w.dumps(made if isinstance(made, dict) else {"a": made}).encode("utf-8", "surrogatepass")
    except ValueError:  # an integer of more digits than Python writes
        return b"pretrain = " + b"9" * 5000


@register
class Setting(Reader):
    """One `--set KEY=VALUE` on a shipped recipe."""

    name, weight = "set", 6.0

    def valid(self) -> list[Files]:
        texts = ("pretrain.epochs=5", "augment.0.probability=0.3", "windows.sensors=acc", "encoder.maps=[8, 16]")
        return [{"set.txt": text.encode()} for text in texts]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        key, _, old = files["set.txt"].decode().partition("=")
        parts = key.split(".")
        if rng.random() < 0.4:
            parts[rng.randrange(len(parts))] = rng.choice(
                (*fuzzmutate.TEXTS, "0", "99", "-1", "method", "windows", "²")
            )
        raw = rng.choice((*fuzzmutate.RAW, *fuzzmutate.TEXTS, old, "[1, 2", "{a=1}", "1\nb=2", "1979-05-27"))
        text = f"{'.'.join(parts)}={raw}"
        return {"set.txt": text.encode("utf-8", "surrogatepass")}

    def read(self, box: Path, files: Files) -> None:
        key, value = parse_override(files["set.txt"].decode("utf-8", "surrogatepass"))
        assert len(load_recipe("compact", "own", {key: value}).hash) == 12
