"""Write the release files, int8 ONNX and C of each model with activities that comes with otolith:
`python -m results.shipping.release FOLDER [DATA]`."""

from __future__ import annotations

import sys
from pathlib import Path

from otolith.cli import main
from otolith.model import bundle, place


def release(folder: Path, data: Path | None = None) -> int:
    """Write `NAME-int8.onnx` and `NAME.h` into a folder, and return 0 where all were right.

    Args:
        data: folder of the data sets that the models were trained on; None: where otolith looks for them.
    """
    where = [] if data is None else ["--data", str(data)]
    codes = [0]
    for name in place.names():
        card = bundle.read_card(name)
        if "activities" not in card:  # an encoder answers nothing by itself
            continue
        dataset = card["data"]["dataset"]
        codes.append(main(["export", name, str(folder / f"{name}-int8.onnx"), dataset, "--int8", *where]) or 0)
        codes.append(main(["export", name, str(folder / f"{name}.h"), dataset, *where]) or 0)
    return max(codes)


if __name__ == "__main__":
    sys.exit(release(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
