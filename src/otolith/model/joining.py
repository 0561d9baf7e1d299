"""Hand-made features beside those of an encoder, where a head asks for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from otolith.errors import DataError
from otolith.finetuning.settings import FinetuneSettings, HeadSettings
from otolith.model.values import PretrainedEncoder
from otolith.nets import Encoder, HandmadeFeatures, JoinedEncoder, Unscaled
from otolith.preprocessing.scaler import Scaler
from otolith.windows import WindowMeta


def handmade_features(meta: WindowMeta, scaler: Scaler) -> Unscaled:
    """Return the hand-made features of windows that `scaler` has scaled.

    Raises:
        DataError: the windows have too few steps, or too many.

    >>> import numpy as np
    >>> handmade_features(WindowMeta("own", ("still", "walk")), Scaler(np.zeros(6), np.ones(6))).handmade.names[:2]
    ('acc_x_mean', 'acc_x_std')
    """
    try:
        features = HandmadeFeatures(meta.channels, meta.n_steps, meta.rate_hz)
    except ValueError as error:
        raise DataError(
            f"windows of {meta.seconds:g} s at {meta.rate_hz:g} Hz have no hand-made features: {error}. Cut them to "
            "another length, or leave hand-made features out of the recipe."
        ) from None
    return Unscaled(features, scaler.shift, scaler.factor)


def joined(network: Encoder, meta: WindowMeta, scaler: Scaler) -> JoinedEncoder:
    """Return an encoder with the hand-made features of its windows beside its own.

    Args:
        network: (batch, channels, time) in z-score units -> features. One that is joined already is joined anew.
        meta, scaler: of its windows.

    Raises:
        DataError: the windows have too few steps, or too many.
    """
    handmade = handmade_features(meta, scaler)
    held = next(chain(network.parameters(), network.buffers()), None)
    return JoinedEncoder(learned(network), handmade if held is None else handmade.to(held.device))


def learned(network: Encoder) -> Encoder:
    """Return the learned part of an encoder: itself, where nothing is joined to it."""
    return network.learned if isinstance(network, JoinedEncoder) else network


def are_joined(settings: HeadSettings) -> bool:
    """Return True where a head of these settings sees hand-made features beside learned ones; in a vote, trees do."""
    return isinstance(settings, FinetuneSettings) and (settings.features == "joined" or settings.head == "vote")


def as_asked(encoder: PretrainedEncoder, settings: HeadSettings) -> PretrainedEncoder:
    """Return the encoder with the features that a head of these settings sees: learned ones alone, or joined ones.

    Raises:
        DataError: the windows have no hand-made features.
    """
    if are_joined(settings):
        return replace(encoder, network=joined(encoder.network, encoder.meta, encoder.scaler).eval())
    return alone(encoder)


def alone(encoder: PretrainedEncoder) -> PretrainedEncoder:
    """Return the encoder without hand-made features: what a folder keeps, and what is transferred."""
    if not isinstance(encoder.network, JoinedEncoder):
        return encoder
    return replace(encoder, network=encoder.network.learned)
