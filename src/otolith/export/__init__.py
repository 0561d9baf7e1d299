"""Models as one ONNX file that onnxruntime alone can run, checked on the spot against PyTorch."""

from otolith.export.check import MAX_DIFFERENCE, Agreement
from otolith.export.write import Exported, Trial, export_onnx

__all__ = ["MAX_DIFFERENCE", "Agreement", "Exported", "Trial", "export_onnx"]
