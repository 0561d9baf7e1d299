"""docs/live.md: its commands run as they stand, what it promises is what the code says, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from otolith.live import protocol, runtime
from otolith.live.app import Live
from otolith.live.session import Limits
from otolith.live.track import USUAL, Bounds
from otolith.model import Model, bundle
from otolith.serving.serve import PORT
from tests.helpers.live import running_command, signal, write_walks

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "live.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("otolith live ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path / "home"))
    bundle.save(model, tmp_path / "runs" / "my-walks-dynamic-best-seed0" / "model")
    write_walks(tmp_path / "my-walks", {"walk": signal(300, 50.0)})
    options = shlex.split(command)[2:]
    saved = None if options[0].startswith("-") else options.pop(0)
    if "--lan" in options:  # a machine that runs tests may be in no network
        options += ["--address", "localhost"]
    with running_command(saved, *options, folder=tmp_path) as running:
        url = running.url
        if "--lan" not in options:
            with urllib.request.urlopen(url + "about.json", timeout=20) as about:
                assert b'"name":"walk"' in about.read()
        else:
            assert url.startswith("https://localhost:")


def test_the_runtime_is_fetched_as_it_stands(runtime_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.commandline import call

    monkeypatch.setenv("OTOLITH_HOME", str(runtime_home))
    (line,) = re.findall(r"^otolith (live-runtime.*)$", PAGE, re.MULTILINE)
    ended = call(*shlex.split(line))
    assert ended.code == 0, ended.err
    assert str(runtime_home) in ended.out
    assert {runtime.VERSION} == set(re.findall(r"\b\d+\.\d+\.\d+\b", PAGE))
    assert f"{runtime.n_bytes() / 1e6:.1f} MB of runtime" in PAGE


def test_numbers_are_those_of_the_code(model: Model) -> None:
    assert len(COMMANDS) == 3
    limits, live = Limits(), Live(model=model, title="")
    said = " ".join(PAGE.split())
    assert f"at most {protocol.MAX_BYTES // 1024} KiB, {protocol.MAX_SAMPLES} samples and 6 channels" in said
    assert f"At most {live.max_clients} clients" in said
    assert f"silent for {limits.idle_s:g} seconds, or does not read for {limits.send_s:g}" in said
    assert Bounds(4 << 30, 256 << 20, 12 * 3600.0, 10_000) == USUAL
    assert "after twelve hours, when the folder has 4 GB or 10,000 recordings, or when less than 256 MB" in said
    assert f"tcp:{PORT} tcp:{PORT}" in said


def test_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in target]
    assert targets
    assert [target for target in targets if not (DOCS / target).exists()] == []
