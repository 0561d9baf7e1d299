"""What comes over the WebSocket of `otolith live`: single messages, whole conversations, and bytes on the real server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from otolith.live import protocol
from otolith.live.app import Live, build
from otolith.live.recordings import Playable
from otolith.live.session import Limits
from otolith.recording import CHANNELS, Recording, Stream
from otolith.serving import serve
from tests.fuzz import fuzzmutate
from tests.fuzz.fuzzreader import Files, Reader, register
from tests.fuzz.reading_models import model_of

HOST = "127.0.0.1:8765"
CODES = (1000, protocol.MALFORMED, protocol.TOO_LARGE, protocol.REFUSED, protocol.CROWDED)
SIGNAL = np.random.default_rng(0).normal(0, 1, (6, 50)) + np.array([0, 0, 9.81, 9, 12, 15])[:, None]
START = {"v": 1, "type": "start", "channels": list(CHANNELS), "rate_hz": 50.0}
TALKS: tuple[list[dict[str, Any]], ...] = (
    [
        START,
        *(
            {"v": 1, "type": "samples", "t": (np.arange(50) / 50 + at).tolist(), "x": SIGNAL.round(3).tolist()}
            for at in range(3)
        ),
        {"v": 1, "type": "ping", "sent": 1.5},
        {"v": 1, "type": "stop"},
    ],
    [{"v": 1, "type": "replay", "recording": "walk", "speed": 100.0, "recognise": True}, {"v": 1, "type": "stop"}],
    [{"v": 1, "type": "replay", "recording": "walk"}, {"v": 1, "type": "ping", "sent": 0}, {"v": 1, "type": "stop"}],
)


def message_of(rng: random.Random, blob: bytes) -> bytes:
    tree = json.loads(blob)
    if rng.random() < 0.4:
        return fuzzmutate.json_of(rng, blob)
    for key in rng.sample(sorted(tree), 1):
        if isinstance(tree[key], list) and tree[key] and rng.random() < 0.7:
            at = rng.randrange(len(tree[key]))
            tree[key][at] = rng.choice((fuzzmutate.value(rng), rng.uniform(-1e9, 1e9), tree[key][-1], tree[key][0]))
        else:
            tree[key] = fuzzmutate.value(rng)
    return json.dumps(tree).encode()


@register
class Messages(Reader):
    name, weight = "live-message", 14.0
    refusals = (protocol.Closed,)

    def valid(self) -> list[Files]:
        return [{"0.txt": json.dumps(message).encode()} for message in (*TALKS[0], TALKS[1][0])]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {rng.choice(("0.txt", "0.bin")): message_of(rng, files["0.txt"])}

    def read(self, box: Path, files: Files) -> None:
        for name, content in files.items():
            text = content if name.endswith("bin") else content.decode("utf-8", "surrogateescape")
            found = protocol.parse(text)
            if isinstance(found, protocol.Samples):
                assert np.isfinite(np.array(found.x)).all()
                assert len(found.t) <= protocol.MAX_SAMPLES


class Served(Reader):
    """An application with a model and a recording."""

    def prepare(self) -> None:
        model = model_of()
        walk = Recording("walk", 1, (Stream(CHANNELS, np.tile(SIGNAL, 3), 50.0),))
        known = {"walk": Playable.of(walk, model)}
        self.live = Live(model=model, title="T", recordings=known, hosts=(HOST,), limits=Limits(idle_s=3.0, send_s=1.0))

    def valid(self) -> list[Files]:
        return [{f"{i:03d}.txt": json.dumps(m).encode() for i, m in enumerate(talk)} for talk in TALKS]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        talk = [files[name] for name in sorted(files)]
        for _ in range(rng.randint(1, 3)):
            at, what = rng.randrange(len(talk)), rng.randrange(6)
            if what <= 2:
                with contextlib.suppress(ValueError):
                    talk[at] = message_of(rng, talk[at])
            elif what == 3 and len(talk) > 1:
                del talk[at]
            elif what == 4:
                talk[at:at] = [talk[at]] * rng.choice((1, 1, 60))
            else:
                rng.shuffle(talk)
        odd = rng.randrange(len(talk)) if rng.random() < 0.05 else -1
        return {f"{i:03d}.{'bin' if i == odd else 'txt'}": content for i, content in enumerate(talk)}


@register
class Sessions(Served):
    """Whole conversations with the application, without a network."""

    name, weight = "live-session", 3.0

    def read(self, box: Path, files: Files) -> None:
        out = asyncio.run(asyncio.wait_for(self._talk([files[n] for n in sorted(files)], sorted(files)), 20))
        said = [message for message in out if message["type"] == "websocket.send"]
        for message in said:
            json.loads(message["text"], parse_constant=_refuse)
            message["text"].encode()
        closed = [message for message in out if message["type"] == "websocket.close"]
        assert len(closed) <= 1
        assert not closed or closed[0]["code"] in CODES, closed

    async def _talk(self, talk: list[bytes], names: list[str]) -> list[dict[str, Any]]:
        lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        lines.put_nowait({"type": "websocket.connect"})
        for content, name in zip(talk, names, strict=True):
            kind = "bytes" if name.endswith("bin") else "text"
            value = content if kind == "bytes" else content.decode("utf-8", "replace")
            lines.put_nowait({"type": "websocket.receive", kind: value})
        lines.put_nowait({"type": "websocket.receive", "text": '{"v": 1, "type": "stop"}'})
        out: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            out.append(message)
            if "end" in message.get("text", "")[:20]:
                lines.put_nowait({"type": "websocket.disconnect", "code": 1000})

        headers = [(b"host", HOST.encode()), (b"origin", f"http://{HOST}".encode())]
        scope = {"type": "websocket", "path": "/stream", "raw_path": b"/stream", "query_string": b"", "scheme": "ws"}
        scope |= {"headers": headers, "subprotocols": [], "root_path": "", "extensions": {}}
        await build(self.live)(scope, lines.get, send)  # type: ignore[arg-type]
        return out


def _refuse(name: str) -> None:
    raise AssertionError(f"the server says {name}")


@register
class Server(Served):
    """Bytes on the socket of the real server: requests, handshakes and frames. It answers the next client as before."""

    name, weight = "live-server", 1.2

    def prepare(self) -> None:
        import dataclasses
        import logging

        super().prepare()
        self.place = serve.listen(0)
        live = dataclasses.replace(self.live, hosts=self.place.hosts)
        self.complaints: list[str] = []
        keep = logging.Handler()
        keep.emit = lambda record: self.complaints.append(record.getMessage())  # type: ignore[method-assign]
        keep.setLevel(logging.ERROR)
        threading.Thread(target=serve.run, args=(build(live), self.place, protocol.MAX_BYTES), daemon=True).start()
        time.sleep(1.0)
        logging.getLogger("uvicorn.error").addHandler(keep)

    def valid(self) -> list[Files]:
        host = self.place.hosts[0]
        ask = f"GET /about.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        key = base64.b64encode(bytes(16)).decode()
        hello = (
            f"GET /stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        talk = b"".join(frame(json.dumps(message).encode()) for message in TALKS[0])
        return [{"sent": ask}, {"sent": hello + talk}, {"sent": hello + frame(b"x" * 300, 2) + frame(b"", 8)}]

    def mutate(self, rng: random.Random, files: Files) -> Files:
        return {"sent": fuzzmutate.bytes_of(rng, files["sent"])}

    def read(self, box: Path, files: Files) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError), self._connected() as line:
            line.sendall(files["sent"])
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_WR)
            line.settimeout(0.02)
            while line.recv(65536):
                pass
        with self._connected() as line:
            line.settimeout(5)
            line.sendall(self.valid()[0]["sent"])
            answer = b""
            while piece := line.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        assert not self.complaints, self.complaints.pop()

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.place.port), timeout=5)


def frame(content: bytes, opcode: int = 1) -> bytes:
    """A masked WebSocket frame; the mask is zero."""
    n = len(content)
    size = bytes([0x80 | n]) if n < 126 else bytes([0x80 | 126]) + n.to_bytes(2, "big")
    if n >= 2**16:
        size = bytes([0x80 | 127]) + n.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + content
