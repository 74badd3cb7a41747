"""The page and the socket of `loom web`, for one browser of one person.

Other users of this machine and every web page can reach a port on loopback, so neither address
nor port is a secret. What lets a browser in is a key that works once and comes with the link; it
becomes a cookie. Cookies know no ports, so everything lies under a path nobody can guess and the
cookie is bound to it: another server on this host is never sent it. Host and Origin are checked
because a name can be made to point here (DNS rebinding), and because sockets know no same-origin
rule. textual-serve's own server does none of this; only its files are used.
"""

import asyncio
import errno
import hmac
import secrets
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import msgspec
from aiohttp import WSMsgType, web

from loom.errors import InvalidAddress, PortInUse, PortNotAllowed
from loom.model import Address

COOKIE: Final = "loom"
SECRET_BYTES: Final = 32
FROM_PAGE_MAX_BYTES: Final = 7 << 20
"""A paste of 1 MiB, each byte escaped as six, fits."""
FROM_APP_MAX_BYTES: Final = 1 << 24
HEARTBEAT_S: Final = 15.0
END_TIMEOUT_S: Final = 5.0
CELLS_MAX: Final = 1_000
READY: Final = b"__GANGLION__\n"
"""What textual's web driver writes before its first packet."""
READY_LINES_MAX: Final = 10

_FILES: Final = {
    "textual.js": ("js/textual.js", "text/javascript"),
    "xterm.css": ("css/xterm.css", "text/css"),
    "mono.ttf": ("fonts/RobotoMono-VariableFont_wght.ttf", "font/ttf"),
}
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Loom</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="xterm.css">
<style>
@font-face {{ font-family: "Roboto Mono"; src: url("mono.ttf"); font-weight: 100 700; }}
body {{ background: #000; color: #ddd; font-family: "Roboto Mono", monospace; overflow: hidden; }}
.xterm-viewport {{ overflow: hidden !important; }}
#ended {{ display: none; position: absolute; inset: 0; z-index: 9; background: #000; }}
body.-closed #ended {{ display: grid; place-items: center; }}
</style>
<script src="textual.js"></script>
</head>
<body>
<div id="ended">Loom has ended here. Reload this page to open it again.</div>
<div class="textual-terminal" data-session-websocket-url="{socket}" data-font-size="16"></div>
</body>
</html>
"""


class WebServer:
    """Serves the app while entered; `link` lets one browser in."""

    def __init__(
        self,
        address: Address,
        *,
        statics: Path,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        note: Callable[[str], None],
    ) -> None:
        self._address = address
        self._statics = statics
        self._command = command
        self._folder = folder
        self._environment = environment
        self._note = note
        self._key = secrets.token_urlsafe(SECRET_BYTES)
        self._key_is_used = False
        self._cookie = secrets.token_urlsafe(SECRET_BYTES)
        self._path = f"/{secrets.token_urlsafe(SECRET_BYTES)}/"
        self._socket: web.WebSocketResponse | None = None
        self._size = (80, 24)
        app = web.Application(middlewares=[self._guard], client_max_size=0)
        app.router.add_get(self._path, self._page)
        app.router.add_get(f"{self._path}socket", self._talk)
        app.router.add_get(f"{self._path}{{name}}", self._file)
        app.on_response_prepare.append(self._harden)
        app.on_shutdown.append(self._hang_up)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=END_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        """Listen. Raises PortInUse, PortNotAllowed, InvalidAddress."""
        host, port = self._address.host, self._address.port
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host=host, port=port) from error
            if error.errno == errno.EACCES:
                raise PortNotAllowed(host=host, port=port) from error
            raise InvalidAddress(address=str(self._address)) from error
        self._address = Address(host, self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and end the app."""
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        """What every request must come from."""
        return f"http://{self._address}"

    @property
    def link(self) -> str:
        """What lets one browser in, once."""
        return f"{self.origin}{self._path}?key={self._key}"

    # --- access ---

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        origins = request.headers.getall("Origin", [])
        if hosts != [str(self._address)]:
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST, "This is not the address of the link.")
        if any(origin != self.origin for origin in origins):
            return _refusal(HTTPStatus.FORBIDDEN, "Another page asked for this.")
        if not _same(request.cookies.get(COOKIE, ""), self._cookie):
            return self._let_in(request)
        if "key" in request.query:
            return _see(self._path)
        return await handler(request)

    def _let_in(self, request: web.Request) -> web.Response:
        """Turn the link's key into the cookie, once."""
        if request.path != self._path or request.method != "GET":
            return _refusal(HTTPStatus.FORBIDDEN, "Open the link that `loom web` printed.")
        if not _same(request.query.get("key", ""), self._key):
            return _refusal(HTTPStatus.FORBIDDEN, "Open the link that `loom web` printed.")
        if self._key_is_used:
            return _refusal(
                HTTPStatus.FORBIDDEN, "This link was used already: start `loom web` again."
            )
        self._key_is_used = True
        response = _see(self._path)
        response.set_cookie(COOKIE, self._cookie, path=self._path, httponly=True, samesite="Strict")
        return response

    async def _harden(self, _: web.Request, response: web.StreamResponse) -> None:
        socket = f"ws://{self._address}"
        response.headers.update(
            {
                "Cache-Control": "no-store",
                "Content-Security-Policy": (
                    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                    f"font-src 'self'; img-src data:; connect-src {socket}; base-uri 'none'; "
                    "form-action 'none'; frame-ancestors 'none'"
                ),
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            }
        )

    # --- what there is ---

    async def _page(self, _: web.Request) -> web.Response:
        socket = f"ws://{self._address}{self._path}socket"
        return web.Response(text=_PAGE.format(socket=socket), content_type="text/html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        known = _FILES.get(request.match_info["name"])
        if known is None:
            return _refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        name, kind = known
        return web.FileResponse(self._statics / name, headers={"Content-Type": kind})

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        """The app's screen and keys, for one page at a time."""
        if request.headers.get("Origin") != self.origin:  # a browser always says it here
            return _refusal(HTTPStatus.FORBIDDEN, "Another page asked for this.")
        if self._socket is not None:
            return _refusal(HTTPStatus.CONFLICT, "Loom is open in another tab.")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=FROM_PAGE_MAX_BYTES)
        self._socket = socket
        try:
            await socket.prepare(request)
            query = request.query
            self._size = (_cells(query.get("width"), 80), _cells(query.get("height"), 24))
            size = {"COLUMNS": str(self._size[0]), "ROWS": str(self._size[1])}
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                cwd=self._folder,
                env={**self._environment, **size},
                start_new_session=True,  # Ctrl-C here ends the server, which ends the app
            )
            try:
                await self._pump(socket, process)
            finally:
                self._socket = None
                await _end(process)
        finally:
            if self._socket is socket:
                self._socket = None
            await socket.close()
        return socket

    async def _pump(self, socket: web.WebSocketResponse, process: Process) -> None:
        """Carry bytes both ways until either side closes."""
        tasks = [
            asyncio.create_task(self._to_app(socket, process), name="page to app"),
            asyncio.create_task(self._to_page(socket, process), name="app to page"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _to_page(self, socket: web.WebSocketResponse, process: Process) -> None:
        output = process.stdout
        if output is None or not await _is_ready(output):
            self._note("The app did not start; `loom doctor` may know why.")
            return
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind = await output.readexactly(1)
                if kind == READY[:1]:  # locked: the same process asks for the passphrase next
                    await output.readline()
                    await self._tell_size(process)
                    continue
                length = int.from_bytes(await output.readexactly(4), "big")
                if length > FROM_APP_MAX_BYTES:
                    return
                packet = await output.readexactly(length)
                if kind == b"D":  # the app offers no files and opens no links here
                    await socket.send_bytes(packet)

    async def _to_app(self, socket: web.WebSocketResponse, process: Process) -> None:
        with suppress(ConnectionError):
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                try:
                    said = msgspec.json.decode(message.data, type=list[object])
                except (msgspec.DecodeError, RecursionError):
                    return
                match said:
                    case ["stdin", str(text)]:
                        await _write(process, b"D", text.encode(errors="replace"))
                    case ["resize", {"width": int(width), "height": int(height)}]:
                        self._size = (_cells(width, 80), _cells(height, 24))
                        await self._tell_size(process)
                    case ["focus" | "blur" as kind, *_]:
                        await _tell(process, {"type": kind})
                    case ["ping", sent]:
                        await socket.send_str(msgspec.json.encode(["pong", sent]).decode())

    async def _tell_size(self, process: Process) -> None:
        width, height = self._size
        await _tell(process, {"type": "resize", "width": width, "height": height})

    async def _hang_up(self, _: web.Application) -> None:
        if self._socket is not None:
            await self._socket.close()


async def _is_ready(output: asyncio.StreamReader) -> bool:
    for _ in range(READY_LINES_MAX):
        line = await output.readline()
        if line in (b"", READY):
            return line == READY
    return False


async def _end(process: Process) -> None:
    """Ask the app to save drafts and end; kill it after a timeout."""
    with suppress(ConnectionError, RuntimeError):
        await _tell(process, {"type": "quit"})
    for insist in (process.terminate, process.kill):
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await process.communicate()
            return
        except TimeoutError:
            with suppress(ProcessLookupError):
                insist()
    await process.wait()


async def _tell(process: Process, meta: dict[str, object]) -> None:
    await _write(process, b"M", msgspec.json.encode(meta))


async def _write(process: Process, kind: bytes, packet: bytes) -> None:
    if process.stdin is not None:
        process.stdin.write(kind + len(packet).to_bytes(4, "big") + packet)
        await process.stdin.drain()


def _cells(given: str | int | None, otherwise: int) -> int:
    try:
        return min(max(int(given or otherwise), 1), CELLS_MAX)
    except ValueError:
        return otherwise


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _see(path: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})


def _refusal(status: HTTPStatus, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")
