"""Beginnings of real recordings, and untrained models for them."""

from __future__ import annotations

from dataclasses import replace

import torch

from otolith import datasets, pipeline
from otolith.finetuning.heads import build_head
from otolith.model import Model, PretrainedEncoder
from otolith.preprocessing.scaler import Scaler
from otolith.recording import Recording, Segment
from otolith.windows import WindowMeta, cut
from tests.helpers import tiny


def model_for(recording: Recording, info: datasets.DatasetInfo) -> Model:
    """Return an untrained model with the scaler of one recording; its predictions vary, which is enough."""
    torch.set_num_threads(1)
    meta = WindowMeta.of(info)
    recipe = tiny.recipe()
    w = cut([recording], meta)
    network = pipeline.build_encoder("random", recipe, meta, 0).eval()
    encoder = PretrainedEncoder(network, Scaler.fit(w.x), meta, recipe, "random", 0)
    head = build_head(network.n_features, len(meta.activities), recipe.finetune, 0, network.flattened).eval()
    return Model(encoder, head, meta.activities, tuple(range(len(meta.activities))), recipe.finetune, 0, 0.0)


def beginning(recording: Recording, seconds: float = 30.0) -> Recording:
    """Return its first seconds as one labelled segment."""
    streams = []
    for each in recording.streams:
        times = None if each.times is None else each.times[each.times < each.times[0] + seconds]
        n = round(seconds * each.rate_hz) if times is None else len(times)
        streams.append(replace(each, values=each.values[:, :n], times=times))
    return replace(recording, streams=tuple(streams), segments=(Segment(-1e9, None, recording.segments[0].activity),))
