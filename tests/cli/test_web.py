"""The app in a browser: who is let in, and that nothing is fetched from elsewhere."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import ClientSession, WSMsgType
from typer.testing import Result

from loom.cli import web as web_command
from loom.cli.web_server import WebServer
from loom.model import Address
from tests.cli.conftest import Loom, objects
from tests.cli.on_terminal import ROOT
from tests.fakes import FakeProfiles

LIMIT_S = 60.0
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
"""The last one keeps the browser's own errands on this machine, whatever it wants to look up."""
# Speaks as textual's web driver does: says what it was given, ends when asked to.
APP = r"""
import json, os, sys
def put(kind, data):
    sys.stdout.buffer.write(kind + len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()
sys.stdout.write("__GANGLION__\n")
sys.stdout.flush()
put(b"D", f"{os.environ['COLUMNS']}x{os.environ['ROWS']} {sys.argv[1]}".encode())
put(b"M", json.dumps({"type": "open_url", "url": "http://192.0.2.1/", "new_tab": True}).encode())
while kind := sys.stdin.buffer.read(1):
    data = sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4), "big"))
    if kind == b"M" and json.loads(data)["type"] == "quit" or data == b"\x11":
        put(b"M", b'{"type": "exit"}')
        break
    if data == b"\x0c":
        sys.stdout.buffer.write(b"__GANGLION__\n")
        sys.stdout.buffer.flush()
        continue
    put(b"D", kind + data)
"""
HOSTILE_ARGUMENT = "$(exit 1); `exit 1` | & 'x"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server over a small app; the files are textual-serve's own."""
    server = WebServer(
        Address("127.0.0.1", 0),
        statics=web_command._statics(),
        command=(sys.executable, "-c", APP, HOSTILE_ARGUMENT),
        folder=tmp_path,
        environment={},
        note=lambda _: None,
    )
    async with server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    """Keeps cookies, also those of an address."""
    async with ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def page_of(server: WebServer) -> str:
    return server.link.partition("?")[0]


def socket_of(server: WebServer) -> str:
    return page_of(server) + "socket?width=100&height=30"


async def status(browser: ClientSession, url: str, **headers: str) -> int:
    async with browser.get(url, headers=headers, allow_redirects=False) as response:
        return response.status


async def test_the_link_becomes_a_cookie_once(server: WebServer, browser: ClientSession) -> None:
    async with browser.get(server.link, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (
            303,
            urlsplit(page_of(server)).path,
        )
        cookie = response.headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Strict", f"Path={urlsplit(page_of(server)).path}"):
        assert word in cookie
    key = server.link.partition("key=")[2]
    assert key not in cookie
    assert await status(browser, page_of(server)) == 200
    assert await status(browser, server.link) == 303, "one's own reload of the link goes on"
    async with ClientSession() as stranger:
        assert await status(stranger, server.link) == 403, "used"


@pytest.mark.parametrize(
    "path", ["", "socket", "textual.js", "xterm.css", "mono.ttf", "download/x"]
)
async def test_without_the_cookie_there_is_nothing(
    server: WebServer, browser: ClientSession, path: str
) -> None:
    url = page_of(server) + path
    assert await status(browser, url) == 403
    assert await status(browser, url, Cookie="loom=wrong") == 403
    assert await status(browser, url, Cookie="loom=gr\u00fc\u00dfe") == 403
    assert await status(browser, url + "?key=wrong") == 403
    assert await status(browser, url + "?key=") == 403
    assert await status(browser, server.origin + "/") == 403
    assert await status(browser, server.link) == 303, "wrong keys do not use the right one up"


@pytest.mark.parametrize("path", ["", "socket", "textual.js", "download/x"])
async def test_another_host_or_origin_is_refused_cookie_or_not(
    server: WebServer, browser: ClientSession, path: str
) -> None:
    port = urlsplit(server.origin).port
    for host in ("evil.example", f"evil.example:{port}", f"localhost:{port}", "127.0.0.1"):
        assert await status(browser, server.link, Host=host) == 421
    for origin in ("http://evil.example", "null", f"http://localhost:{port}", "http://127.0.0.1:1"):
        assert await status(browser, server.link, Origin=origin) == 403
    assert await status(browser, server.link) == 303
    url = page_of(server) + path
    assert await status(browser, url, Host="evil.example") == 421
    assert await status(browser, url, Origin="http://evil.example") == 403


async def test_a_socket_without_its_own_origin_is_refused(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    for headers in ({}, {"Origin": "http://evil.example"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.ws_connect(socket_of(server), headers=headers)
        assert refused.value.status == 403


async def test_one_session_at_a_time_and_the_next_when_it_has_ended(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    for _ in range(2):
        async with browser.ws_connect(socket_of(server), origin=server.origin) as socket:
            assert await socket.receive_bytes() == f"100x30 {HOSTILE_ARGUMENT}".encode()
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.ws_connect(socket_of(server), origin=server.origin)
            assert refused.value.status == 409
            await socket.send_json(["stdin", "\x11"])
            assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSING)


async def test_keys_sizes_and_focus_reach_the_app_and_nonsense_ends_it(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    async with browser.ws_connect(socket_of(server), origin=server.origin) as socket:
        await socket.receive_bytes()
        for said, heard in (
            (["stdin", "grüße"], "Dgrüße".encode()),
            (
                ["resize", {"width": 10**9, "height": 0}],
                b'M{"type":"resize","width":1000,"height":80}',
            ),
            (["focus"], b'M{"type":"focus"}'),
        ):
            await socket.send_json(said)
            got = await socket.receive_bytes()
            assert got == heard or b'"height":24' in got
        await socket.send_json(["unheard", 1])
        await socket.send_json(["ping", "1"])
        assert await socket.receive_json() == ["pong", "1"]
        await socket.send_str("[" * 5_000)
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSING)


async def test_a_locked_app_goes_on_as_the_next_one_in_its_size(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    async with browser.ws_connect(socket_of(server), origin=server.origin) as socket:
        await socket.receive_bytes()
        await socket.send_json(["stdin", "\x0c"])
        assert await socket.receive_bytes() == b'M{"type":"resize","width":100,"height":30}'


async def test_the_page_names_no_other_host_and_says_so_to_the_browser(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    async with browser.get(page_of(server)) as response:
        text, headers = await response.text(), response.headers
    assert text.count("://") == 1
    assert f"ws://{urlsplit(server.origin).netloc}/" in text
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    for name in ("textual.js", "xterm.css", "mono.ttf"):
        async with browser.get(page_of(server) + name) as response:
            assert response.status == 200
            assert len(await response.read()) > 1_000
    for name in ("download/x", "..%2fserver.py", "static/", "%2e%2e/templates/app_index.html"):
        assert await status(browser, page_of(server) + name) in (403, 404)


async def test_the_end_of_the_server_ends_the_app(
    server: WebServer, browser: ClientSession
) -> None:
    await status(browser, server.link)
    async with browser.ws_connect(socket_of(server), origin=server.origin) as socket:
        await socket.receive_bytes()
        async with asyncio.timeout(LIMIT_S):
            leaving = asyncio.create_task(server.__aexit__())
            while (await socket.receive()).type is WSMsgType.TEXT:
                pass
            await leaving


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "localhost:0", "evil.example:0", "[::ffff:8.8.8.8]:1"],
)
def test_it_listens_on_loopback_only(loom: Loom, profiles: FakeProfiles, listen: str) -> None:
    profiles.add()
    done = loom("web", "--listen", listen)
    assert done.exit_code == 2
    assert "this machine only" in done.stderr


def test_json_gives_the_link_as_an_object(loom: Loom, profiles: FakeProfiles) -> None:
    profiles.add(running=True).closed = True  # so that it ends at once
    done = loom("web", "--json")
    (ready,) = objects(done)
    assert ready["type"] == "web.ready"
    assert urlsplit(ready["link"]).hostname == "127.0.0.1"


def test_without_the_extra_it_says_what_to_install(
    loom: Loom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_command, "PACKAGES", ("aiohttp", "not_there_at_all"))
    done: Result = loom("web")
    assert done.exit_code == 2
    assert "pipx install --force '.[web]'" in done.stderr


# --- a real browser, a real profile -------------------------------------------------------------


class Page:
    """A page of headless Chromium, over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.asked: list[str] = []

    async def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            said = await self._socket.receive_json()
            if said.get("id") == self._number:
                return said["result"]
            match said.get("method"):
                case "Network.requestWillBeSent":
                    self.asked.append(said["params"]["request"]["url"])
                case "Network.webSocketCreated":
                    self.asked.append(said["params"]["url"])

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while True:
                got = await self.ask("Runtime.evaluate", expression=expression)
                if got["result"].get("value"):
                    return
                await asyncio.sleep(0.05)


@pytest.mark.skipif(
    CHROMIUM is None,
    reason="chromium is not installed (Debian: apt install chromium): no browser shows the app",
)
async def test_a_real_browser_shows_the_app_and_asks_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    monkeypatch.setenv("LOOM_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setenv("LOOM_MDNS_INTERFACE", "127.0.0.1")
    loom = (sys.executable, "-m", "loom")
    creating = await asyncio.create_subprocess_exec(
        *(*loom, "init", "--name", "Me", "--show-phrase", "--argon2-memory-mib", "64"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    assert await creating.wait() == 0
    serving = await asyncio.create_subprocess_exec(
        *loom, "web", cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert CHROMIUM is not None
    data = tmp_path / "chromium"
    try:
        assert serving.stdout is not None
        link = (await asyncio.wait_for(serving.stdout.readline(), LIMIT_S)).decode().strip()
        chromium = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={data}",
            "about:blank",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"HOME": str(tmp_path), "PATH": os.defpath},
        )
        try:
            assert chromium.stderr is not None
            port = await _debugging_port(chromium.stderr)
            asked = await _look(port, link)
        finally:
            chromium.terminate()
            await chromium.communicate()
    finally:
        serving.terminate()
        await serving.wait()
    assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert any(url.startswith("ws://") for url in asked)
    assert any(url.endswith("mono.ttf") for url in asked)


async def _debugging_port(stderr: asyncio.StreamReader) -> str:
    while line := (await asyncio.wait_for(stderr.readline(), LIMIT_S)).decode():
        if line.startswith("DevTools listening on ws://"):
            return line.split("/")[2]
    raise AssertionError("chromium did not start")


async def _look(host: str, link: str) -> list[str]:
    """Open the link, see the app paint, type into it, and return what the page asked for."""
    async with ClientSession() as session:
        async with session.put(f"http://{host}/json/new?about:blank") as response:
            target = await response.json(content_type=None)
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            await page.ask("Network.enable")
            await page.ask("Runtime.enable")
            await page.ask("Page.enable")
            await page.ask("Page.navigate", url=link)
            await page.until("document.body && document.body.classList.contains('-first-byte')")
            await page.until("document.fonts.status === 'loaded'")
            await page.ask("Input.insertText", text="hello")
            assert (await page.ask("Runtime.evaluate", expression="document.cookie"))["result"][
                "value"
            ] == ""
            await page.ask("Page.reload")
            await page.until("!document.body.classList.contains('-closed')")
            await page.until("document.body.classList.contains('-first-byte')")
            return page.asked
