"""Networks, each for any number of channels and any window of at least eight steps."""

from otolith.nets.autoencoder import ConvAutoencoder
from otolith.nets.cpc import CPCEncoder
from otolith.nets.encoder import MIN_STEPS, Encoder
from otolith.nets.heads import PredictionMLP, ProjectionHead
from otolith.nets.tpn import TPNEncoder
from otolith.nets.transformer import TransformerEncoder

__all__ = [
    "MIN_STEPS",
    "CPCEncoder",
    "ConvAutoencoder",
    "Encoder",
    "PredictionMLP",
    "ProjectionHead",
    "TPNEncoder",
    "TransformerEncoder",
]
