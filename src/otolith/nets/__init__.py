"""Networks: encoders, which turn windows of at least eight steps into features, and the heads on top of them.

Every encoder is an `Encoder` (`encoder.py`), which declares its sizes. `transformer.py` and `residual.py` hold the two
that most methods train, `cpc.py`, `tpn.py` and `autoencoder.py` those of single methods; `handmade.py` holds features
that need no training, whose kinds and sources are in `families.py`. `heads.py` holds the heads of pre-training and the
classifiers, `trees.py` decision trees as such a head; `conv.py` and `dropout.py` are layers that take a faster form on
a CPU (see `otolith.fast`).
"""

from otolith.nets.autoencoder import ConvAutoencoder
from otolith.nets.cpc import CPCEncoder
from otolith.nets.encoder import MIN_STEPS, Encoder
from otolith.nets.handmade import HandmadeFeatures
from otolith.nets.heads import PredictionMLP, ProjectionHead, StandardisedHead
from otolith.nets.kinds import ENCODERS, EncoderSpec
from otolith.nets.residual import ResidualEncoder
from otolith.nets.tpn import TPNEncoder
from otolith.nets.transformer import TransformerEncoder
from otolith.nets.trees import Tree, TreeEnsemble
from otolith.nets.unscaled import HandmadeTeacher, JoinedEncoder, Unscaled

__all__ = [
    "ENCODERS",
    "MIN_STEPS",
    "CPCEncoder",
    "ConvAutoencoder",
    "Encoder",
    "EncoderSpec",
    "HandmadeFeatures",
    "HandmadeTeacher",
    "JoinedEncoder",
    "PredictionMLP",
    "ProjectionHead",
    "ResidualEncoder",
    "StandardisedHead",
    "TPNEncoder",
    "TransformerEncoder",
    "Tree",
    "TreeEnsemble",
    "Unscaled",
]
