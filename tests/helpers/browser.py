"""Headless Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.processes import Told


class Page:
    """One tab. `complaints` collects what the page logged as errors: exceptions, refused resources, broken policies."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.complaints: list[str] = []
        self._number = 0
        for domain in ("Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self.socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("method") == "Runtime.exceptionThrown" or (
                message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error"
            ):
                self.complaints.append(json.dumps(message["params"]))
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Value of an expression in the page; promises are awaited."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60.0) -> Any:
        """The expression's value, once it is true."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"{script} did not become true; {self.complaints}"
            time.sleep(0.03)
        return value

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


class Browser:
    """A running Chromium. Each tab is in a profile of its own, in memory, so that none sees what another left."""

    def __init__(self, address: str, socket: Any) -> None:
        self._address, self._socket = address, socket
        self._number = 0

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    @contextmanager
    def tab(self) -> Iterator[Page]:
        from websockets.sync.client import connect

        context = self._call("Target.createBrowserContext")["browserContextId"]
        try:
            asked = {"url": "about:blank", "browserContextId": context, "newWindow": True}
            target = self._call("Target.createTarget", **asked)["targetId"]
            with connect(f"ws://{self._address}/devtools/page/{target}", max_size=None) as socket:
                yield Page(socket)
        finally:
            self._call("Target.disposeBrowserContext", browserContextId=context)


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[Browser]:
    from websockets.sync.client import connect

    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
    process = subprocess.Popen(
        [program, *options, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = Told(process.stderr)
    try:
        found = told.find(r"DevTools listening on ws://([^/]+)(/\S+)")
        with connect(f"ws://{found[1]}{found[2]}", max_size=None) as socket:
            yield Browser(found[1], socket)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
        told.close()


def ready(page: Page, url: str) -> None:
    page.call("Page.navigate", url="about:blank")  # a fragment alone would load nothing anew
    page.open(url, 1280, 800)
    page.wait_for("document.querySelectorAll('#bars li').length")


def recognised(page: Page, first: dict[str, Any], pieces: list[tuple[Any, Any]] | None = None) -> list[dict[str, Any]]:
    """What the page finds in a replay, or in pieces (times, rows) of its own sensors."""
    ended = page.run(
        f"""(async () => {{
          const about = await (await fetch("about.json")).json();
          const {{ Local }} = await import("./local.js");
          const found = [];
          const reason = await new Promise((closed) => {{
            const local = new Local({json.dumps(first)}, {{ prediction: (one) => found.push(one), closed }}, about);
            const pieces = {json.dumps(pieces)};
            pieces?.forEach(([t, x]) => local.samples(t, x));
            if (pieces) setTimeout(function stop() {{ local.recogniser ? local.stop() : setTimeout(stop, 20); }}, 0);
          }});
          return {{ reason, found }};
        }})()"""
    )
    assert ended["reason"] is None
    found: list[dict[str, Any]] = ended["found"]
    return found
