"""A headless Chromium, spoken to over a pipe by its DevTools protocol: for tests, and for the documentation's pictures.

https://chromedevtools.github.io/devtools-protocol/ has the commands. Messages are JSON objects that end in a zero byte, to
the browser on its file 3, from it on 4 (`--remote-debugging-pipe`).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
TIMEOUT_S = 300.0
FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none, nor has a container; it opens files of ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def program() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone afterwards."""
    path = program()
    if path is None:
        raise FileNotFoundError("there is no Chromium; scripts/chromium.sh installs one on Debian")
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]  # neither is 3 or 4 itself
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, high), *command],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (to_read, to_write, *high):
            os.close(end)
        try:
            yield Browser(read, write)
        finally:
            os.close(write)  # the browser leaves when nobody speaks to it
            os.close(read)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Browser:
    """The pipe to a browser."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def page(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A new, empty page."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, width, height, dark)

    def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Have a command done, and return what it gives."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self.wait(lambda found: found.get("id") == self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is wanted; events before it are kept."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            while b"\0" not in self._buffer:
                ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
                data = os.read(self._read, 1 << 20) if ready else b""
                if not data:
                    raise TimeoutError("the browser has left" if ready else "the browser does not answer")
                self._buffer += data
            text, _, self._buffer = self._buffer.partition(b"\0")
            message: dict[str, Any] = json.loads(text)
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message


class Page:
    """A page, and what was heard of it."""

    def __init__(self, browser: Browser, session: str, width: int, height: int, dark: bool) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self._send("Page.setLifecycleEventsEnabled", enabled=True)
        self.resize(width, height)
        self.prefer(dark=dark)

    def open(self, path: Path) -> None:
        """Open a file, and wait until it is loaded: it, and not the empty page before it; it may be before that is asked."""
        before = len(self._browser.events)
        loader = self._send("Page.navigate", url=path.resolve().as_uri())["loaderId"]

        def is_loaded(found: dict[str, Any]) -> bool:
            if found.get("sessionId") != self._session or found.get("method") != "Page.lifecycleEvent":
                return False
            return (found["params"]["name"], found["params"]["loaderId"]) == ("load", loader)

        if not any(map(is_loaded, self._browser.events[before:])):
            self._browser.wait(is_loaded)

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Give the window a size in CSS pixels."""
        self._send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def prefer(self, *, dark: bool = False, script: bool = True, media: str = "") -> None:
        """What the reader prefers."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "reduce"}
        self._send("Emulation.setEmulatedMedia", media=media, features=[scheme, motion])
        self._send("Emulation.setScriptExecutionDisabled", value=not script)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        found = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def settle(self) -> None:
        """Wait until the events that are under way have been handled, and the page is drawn."""
        self.ask("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self._send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key by its name in `KeyboardEvent.key`."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "/": 191, "+": 187}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        common = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        self._send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self._send("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, clip: tuple[float, float, float, float] | None = None) -> bytes:
        """A PNG of the window, or of a part of the page: left, top, width, height."""
        extra: dict[str, Any] = {}
        if clip:
            left, top, width, height = clip
            extra = {"clip": {"x": left, "y": top, "width": width, "height": height, "scale": 1}}
        found = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=bool(clip), **extra)
        return b64decode(found["data"])

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and exceptions."""
        self.ask("1")  # what came before this has been heard
        found = []
        for event in self._mine():
            match event["method"], event["params"]:
                case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                    found.append(str(details.get("exception", {}).get("description", details)))
                case "Runtime.consoleAPICalled", {"type": "error" | "warning" | "assert" as kind, "args": arguments}:
                    found.append(f"{kind}: {[each.get('value') for each in arguments]}")
                case "Log.entryAdded", {"entry": {"level": "error" | "warning", "text": text}}:
                    found.append(text)
        return found

    @property
    def requests(self) -> list[str]:
        """The URLs that were asked for."""
        self.ask("1")
        return [e["params"]["request"]["url"] for e in self._mine() if e["method"] == "Network.requestWillBeSent"]

    def _mine(self) -> list[dict[str, Any]]:
        return [event for event in self._browser.events if event.get("sessionId") == self._session]

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **parameters)
