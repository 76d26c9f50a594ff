"""Headless Chromium over its DevTools protocol, for tests that look at pages as a person would.

    with Browser.start() as page:
        page.open(url)
        page.run("document.title")
        page.press("Tab")
        page.complaints            # console errors, violations of the policy, failed requests

Only what the tests need: one tab, one command at a time, over aiohttp's websocket.
"""

import asyncio
import base64
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, " ": 32}
SECONDS = 30.0


def program() -> str | None:
    """Chromium's path, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: Any) -> None:
        self._loop, self._socket, self._number = loop, socket, 0
        self.complaints: list[str] = []
        self._loaded = False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        """One command and its result."""
        return self._loop.run_until_complete(self._ask(method, params))

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        wanted = self._number
        await self._socket.send_json({"id": wanted, "method": method, "params": params})
        async with asyncio.timeout(SECONDS):
            while True:
                told = await self._socket.receive_json()
                if told.get("id") == wanted:
                    assert "error" not in told, told["error"]
                    return told["result"]
                self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        method, params = told.get("method"), told.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("text")))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str(params["args"]))
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.complaints.append(params["errorText"])

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        self._loaded = False
        self.ask("Page.navigate", url=url)
        for _ in range(600):
            if self._loaded and self.run("document.readyState") == "complete":
                return
            self._loop.run_until_complete(asyncio.sleep(0.05))
            self.run("0")
        raise TimeoutError(f"{url} does not load")

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript (DevTools may, whatever the page's policy)."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """A key, as the keyboard sends it."""
        told = {"key": key, "code": "Space" if key == " " else key,
                "windowsVirtualKeyCode": KEYS[key]}  # fmt: skip
        self.ask("Input.dispatchKeyEvent", type="rawKeyDown", **told)
        if key in (" ", "Enter"):
            self.ask("Input.dispatchKeyEvent", type="char", text=" " if key == " " else "\r")
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def media(self, scheme: str) -> None:
        """Prefer light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def screenshot(self) -> bytes:
        """What is to be seen, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def start(width: int = 1100, height: int = 1400) -> Iterator[Page]:
    """A browser of its own for as long as the context."""
    found = program()
    assert found
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process = subprocess.Popen(
            [found, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             f"--window-size={width},{height}", f"--user-data-dir={home}",
             "--remote-debugging-port=0", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = loop.run_until_complete(_port(Path(home) / "DevToolsActivePort", process))
            session, socket = loop.run_until_complete(_connect(port))
            try:
                yield Page(loop, socket)
            finally:
                loop.run_until_complete(socket.close())
                loop.run_until_complete(session.close())
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            loop.close()


async def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(int(SECONDS * 20)):
        assert process.poll() is None, "Chromium does not start"
        if file.is_file() and "\n" in file.read_text():
            return int(file.read_text().splitlines()[0])
        await asyncio.sleep(0.05)
    raise TimeoutError("Chromium tells no port")


async def _connect(port: int) -> tuple[Any, Any]:
    session = aiohttp.ClientSession()
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = await answer.json()
    address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    return session, await session.ws_connect(address, max_msg_size=64 << 20)
