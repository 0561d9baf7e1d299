"""The running server: its places and tokens, a real WebSocket over TLS, Ctrl-C, and the command's own refusals."""

from __future__ import annotations

import json
import re
import signal
import ssl
import sys
import urllib.request
from pathlib import Path

import pytest

from otolith.errors import DataError, RecipeError
from otolith.model import Model, bundle
from otolith.serving import serve
from tests.helpers.live import running_command


@pytest.fixture(scope="module")
def saved(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.save(model, tmp_path_factory.mktemp("live") / "model")


def test_ctrl_c_ends_it_cleanly_with_a_client_connected(saved: Path) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with running_command(saved) as command:
        url = command.url
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=20) as page:
            assert b"otolith" in page.read()
        with connect(url.replace("http", "ws") + "stream", origin=url.rstrip("/")) as socket:  # type: ignore[arg-type]
            socket.send(json.dumps({"v": 1, "type": "ping", "sent": 3}))
            assert json.loads(socket.recv(timeout=20))["sent"] == 3
            command.process.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=20)
        out, err = command.ended()
        assert command.process.returncode == 0, err
        assert err == ""
        assert out.endswith("Stopped.\n")


def test_over_the_network_it_is_encrypted_and_asks_for_its_token(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    monkeypatch.setenv("OTOLITH_HOME", str(tmp_path))
    with running_command(saved, "--lan", "--address", "localhost") as command:
        url = command.url
        found = re.fullmatch(r"(https://localhost:\d+)/([\w-]{22})/", url)
        assert found is not None
        trusting = ssl.create_default_context(cafile=str(tmp_path / "live" / "certificate.pem"))
        with urllib.request.urlopen(url, timeout=20, context=trusting) as page:
            assert page.status == 200
        with urllib.request.urlopen(url + "certificate.crt", timeout=20, context=trusting) as public:
            assert b"PRIVATE" not in public.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(found[1] + "/", timeout=20, context=trusting)
        address = url.replace("https", "wss") + "stream"
        with connect(address, origin=found[1], ssl=trusting) as socket:  # type: ignore[arg-type]
            socket.send(" " * 70_000)
            with pytest.raises(ConnectionClosed, match=r"1009|4413"):
                socket.recv(timeout=20)
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect(address.replace(found[2], "x" * 22), origin=found[1], ssl=trusting),  # type: ignore[arg-type]
        ):
            pass


def test_without_a_model_the_one_for_phones_recognises_and_records(tmp_path: Path) -> None:
    with running_command(None, "--record", str(tmp_path / "sessions"), "--own-labels") as command:
        with urllib.request.urlopen(command.url, timeout=20) as page:
            assert b"otolith" in page.read()
        command.process.send_signal(signal.SIGINT)
        out, err = command.ended()
    assert (command.process.returncode, err) == (0, "")
    said = " ".join(out.split())
    assert said.startswith("phone, live until Ctrl-C")
    assert "phone, which comes with otolith: no model was named" in said
    assert "sessions whose people agree" in said


def test_places() -> None:
    with serve.listen(0).listening as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        with pytest.raises(DataError, match="choose another: --port"):
            serve.listen(listening.getsockname()[1])
    places = [serve.listen(0, lan=True, address="10.0.0.7") for _ in range(2)]
    for place in places:
        place.listening.close()
        assert place.scheme == "https"
        assert place.token is not None
        assert len(place.token) >= 22
        assert f"10.0.0.7:{place.hosts[0].rpartition(':')[2]}" in place.hosts
    assert places[0].token != places[1].token
    assert serve.names_of(places[0]) == ["10.0.0.7", "localhost", "127.0.0.1"]


def test_without_a_network_there_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(self: object, address: object) -> None:
        raise OSError("no route")

    class Socket(serve.socket.socket):
        connect = nowhere  # type: ignore[assignment]

    monkeypatch.setattr(serve.socket, "socket", Socket)
    with pytest.raises(DataError, match="--address"):
        serve.lan_address()


def test_the_code_is_printable() -> None:
    text = serve.qr_code("https://192.168.1.20:8765/abcdefghijklmnopqrstuv/")
    assert len(text.splitlines()) > 10


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(RecipeError, match="otolith live needs uvicorn") as caught:
        serve.need_extra("otolith live")
    assert 'python -m pip install "otolith[live]"' in str(caught.value)


def test_the_command_refuses_what_it_cannot_serve(saved: Path, tmp_path: Path) -> None:
    from tests.helpers.commandline import refused

    assert "is not a model folder" in refused("live", tmp_path)
    assert "is neither a file or folder nor the name of a data set" in refused("live", saved, "--replay", "nowhere")
