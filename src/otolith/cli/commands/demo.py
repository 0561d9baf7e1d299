"""`otolith demo`: a timeline of a real recording that comes with otolith, in the browser."""

from __future__ import annotations

from pathlib import Path

from otolith.cli.shared import Flag, Folder


def demo(
    *,
    out: Folder = Path("otolith-demo"),
    no_browser: Flag = False,
) -> None:
    """Recognise what somebody did with a phone in the pocket, and show it on a page in the browser.

    The recording, two minutes of a person on whom no model here was trained, comes with otolith, as does the model.

    Args:
        out: Folder to write.
        no_browser: Leave the page where it is.
    """
    import webbrowser

    from otolith.cli.commands.predict import predict
    from otolith.datasets.demo import FOLDER
    from otolith.model.place import DEFAULT

    predict(DEFAULT, str(FOLDER), out=out)
    page = (out / "timeline.html").resolve()
    if not no_browser:
        webbrowser.open(page.as_uri())
