"""The switch of progress: on where a person looks, off in pipes, threads and by word; a notebook's lines."""

from __future__ import annotations

import io
import sys
import threading
import types
from typing import Any

import numpy as np
import pytest

import otolith
from otolith import progress
from otolith.progress import HERE, shown
from otolith.progress.notebook import NotebookProgress


class Screen(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


class Notebook:
    """The parts of IPython that are used: cells' outputs as lists of the lines drawn in one place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places: list[list[str]] = []
        shell = types.SimpleNamespace(kernel=object())
        display = types.SimpleNamespace(display=self.display, HTML=str)
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[misc]
        monkeypatch.setitem(sys.modules, "IPython.display", display)  # type: ignore[misc]

    def display(self, line: str, display_id: bool) -> Any:
        assert display_id
        self.places.append([line])
        return types.SimpleNamespace(update=self.places[-1].append)


@pytest.fixture(autouse=True)
def nobody_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_wanted", None)
    monkeypatch.delenv("OTOLITH_PROGRESS", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Return the terminal that stderr is from now on; not a fixture, since pytest sets stderr anew after those."""
    found = Screen()
    monkeypatch.setattr(sys, "stderr", found)
    return found


def work() -> None:
    """Make calls as a user does, without a word about progress."""
    w = otolith.Windows.from_arrays(np.ones((20, 6, 30)), np.arange(20) % 2, np.arange(20) // 5)
    otolith.pretrain(w, otolith.splits.holdout(w, 0), method="classical", device="cpu").features(w.x)


def test_a_terminal_shows_the_calls_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    monkeypatch.setattr(progress, "LEAST_S", 0.0)
    work()
    assert "features" in screen.getvalue()


def test_nothing_is_written_into_pipes(capfd: pytest.CaptureFixture[str]) -> None:
    assert not shown()
    work()
    assert capfd.readouterr() == ("", "")


def test_short_stages_leave_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with HERE.stage("short", 2):
        pass
    assert "✓" not in screen.getvalue()


@pytest.mark.parametrize("word", ["off", "0", "False"])
def test_the_variable_turns_it_off_and_show_on_again(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    assert shown()
    monkeypatch.setenv("OTOLITH_PROGRESS", word)
    assert not shown()
    otolith.progress.show()
    assert shown()
    otolith.progress.show(False)
    monkeypatch.setenv("OTOLITH_PROGRESS", "on")
    assert not shown()


def test_the_variable_turns_it_on_in_pipes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_PROGRESS", "on")
    HERE.say("a line")
    assert capsys.readouterr().err == "a line\n"


def test_an_unknown_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_PROGRESS", "loud")
    with pytest.raises(otolith.OtolithError, match="OTOLITH_PROGRESS is 'loud', expected on, off or auto"):
        work()


def test_threads_and_dumb_terminals_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(shown()))
    thread.start()
    thread.join()
    monkeypatch.setenv("TERM", "dumb")
    assert [*found, shown()] == [False, False]


def test_stages_within_a_stage_share_one_display(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    made: list[Any] = []
    display = progress._display
    monkeypatch.setattr(progress, "_display", lambda: made.append(display()) or made[-1])
    with HERE.stage("outer"), HERE.stage("inner"):
        HERE.say("between")
    with pytest.raises(KeyError), HERE.stage("next"):
        raise KeyError
    assert len(made) == 2
    assert screen.getvalue().index("between") < screen.getvalue().index("next: stopped")


def test_a_notebook_draws_one_line_a_stage_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    assert shown()
    clock = [0.0]
    with NotebookProgress(now=lambda: clock[0]).stage("<b>encoder</b>", 10, "windows") as bar:
        for _ in range(10):
            clock[0] += 1
            bar.advance(1, loss=0.5)
    [lines] = notebook.places
    assert len(lines) == 11
    assert '<progress value="0.100"' in lines[0]
    assert "loss 0.5" in lines[0]
    assert "&lt;b&gt;encoder&lt;/b&gt; ✓ 10 s" in lines[-1]
    assert "<progress" not in lines[-1]
    assert "<b>" not in "".join(lines)


def test_short_work_leaves_a_notebook_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(monkeypatch)
    work()
    assert notebook.places == []
    HERE.say("kept")
    assert notebook.places == [["<div>kept</div>"]]
