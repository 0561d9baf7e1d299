"""The commands and the Python of docs/deploy.md, executed in an empty folder, in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small recordings, and the run that the page speaks of."""
    from tests.helpers.commandline import SET, call, make_set

    folder = tmp_path_factory.mktemp("deploy")
    make_set(folder / "my-walks", n_subjects=4)
    run = folder / "runs" / "my-walks-dynamic-best-seed0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("otolith.report.write", lambda folders, out, sections: out)
        ended = call("run", folder / "my-walks", *SET, "--out", run)
    assert ended.code == 0, ended.err
    return folder


def test_the_commands_run_as_they_stand(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    from tests.helpers.commandline import call

    monkeypatch.chdir(place)
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 5
    for command in commands:
        program, *tokens = shlex.split(command)
        assert program == "otolith"
        ended = call(*tokens)
        assert ended.code == 0, f"{command}\n{ended.err}"
    table = PAGE[PAGE.index("| file |") : PAGE.index("```bash", PAGE.index("| file |"))]
    for name in re.findall(r"^\| `([a-z]+\.[a-z]+)`", table, re.MULTILINE):
        assert (place / "predictions" / name).is_file()
    for name in (
        "night/windows.parquet",
        "intervals.json",
        "careful/card.json",
        "model.onnx",
        "small.onnx",
        "raw.onnx",
    ):
        assert (place / name).is_file()


def test_the_python_runs(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(place)
    text = "\n".join(blocks("python")).replace("9.8", "0.0")  # the small recordings have no gravity
    exec(compile(text, "deploy.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8  # four seconds have seven windows, half overlapping, and the latency follows
    assert lines[-1].startswith("Latency(")


def test_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in target]
    assert targets
    assert [target for target in targets if not (Path(__file__).parents[2] / "docs" / target).exists()] == []
