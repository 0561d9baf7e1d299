"""Models for others: one ONNX file that onnxruntime alone can run, files for phones, C, the Hugging Face Hub.

`export_onnx` writes scaler, network, calibrated softmax and everything that a user has to know (`graph`), quantises to
int8 where that is asked for (`quantise`), and holds the file against PyTorch (`check`) on the windows of a `Trial`
before it appears. A file may take samples at other rates (`rate`) and smooth (both `around` the network); `vectors`
writes what a port is checked by. `export_mobile` (`mobile`) writes for ExecuTorch (`pte`), whose runtime runs the file,
and for Core ML (`mlpackage`), whose operations are evaluated (`mil`). `export_c` (`c`) writes a header of C, whose
whole numbers (`integers`) a student's int8 file has, too. `publish` pushes to the Hub. Packages of extras are imported
when they are needed.
"""

from otolith.export.c import Header, export_c
from otolith.export.check import MAX_DIFFERENCE, Agreement
from otolith.export.mobile import export_mobile
from otolith.export.trial import Trial
from otolith.export.vectors import write_vectors
from otolith.export.write import Exported, export_onnx

__all__ = [
    "MAX_DIFFERENCE",
    "Agreement",
    "Exported",
    "Header",
    "Trial",
    "export_c",
    "export_mobile",
    "export_onnx",
    "write_vectors",
]
