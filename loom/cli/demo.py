"""`loom demo`: two throwaway profiles on this machine, real TCP between them, and Ada answers.

With `--anchor`, an anchor runs beside them: Ada goes offline, and comes back to what waits there.
With `--room`, there are four of them in a room.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from loom.api.anchor_commands import AnchorStatus, PairAnchor, UseAnchor
from loom.api.client import Client
from loom.api.contact_commands import Connect, ExportToken, ImportToken
from loom.api.conversation_commands import MarkRead
from loom.api.events import (
    AnyEvent,
    MessageDelivered,
    MessageReceived,
    MessageSent,
    PeerOffline,
    PeerOnline,
)
from loom.api.invite_commands import MakeInvite
from loom.api.message_commands import SendText
from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions, Profiles
from loom.cli import demo_room, opening, tui
from loom.cli.ada import GOING_OFFLINE, answer
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.output import DemoReady
from loom.cli.plain.talk import Talk
from loom.cli.terminal import can_show_app
from loom.cli.typed_lines import typed_lines
from loom.config import Settings
from loom.model import Address

PANEL = "Profiles"
HOST = "127.0.0.1"
ARGON2_MEMORY_MIB = 64
"""The least there is: these profiles live for minutes behind a random passphrase."""
ANSWER_TIMEOUT_S = 30.0
AWAY_S: Final = 3.0
"""How long Ada stays away once something waits for her: long enough to look at it."""
OPTIONS: Final = NodeOptions(listen=Address(HOST, 0), mdns=False, serve=False)
GREETING = "Ada is a program on this machine: write her something, and Enter sends it."
GREETING_WITH_ANCHOR = f"{GREETING} Then she goes offline: write again."


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        (
            "demo",
            demo,
            "Try Loom with Ada: two temporary profiles on this machine.",
        ),
    )


def demo(
    context: typer.Context,
    plain: Annotated[bool, typer.Option("--plain", help="Line by line.")] = False,
    anchor: Annotated[
        bool,
        typer.Option("--anchor", help="Ada goes offline, and an anchor keeps what you write."),
    ] = False,
    room: Annotated[bool, typer.Option("--room", help="A room with Ada, Ben and Cleo.")] = False,
) -> None:
    caller = Caller.of(context)
    if anchor and room:
        raise typer.BadParameter("--anchor and --room exclude each other")
    in_app = not (plain or caller.options.json) and can_show_app()
    with TemporaryDirectory(prefix="loom-demo-", ignore_cleanup_errors=True) as folder:
        if room:
            caller.run(_demo_room(caller, Path(folder), in_app=in_app))
        else:
            caller.run(_demo(caller, Path(folder), in_app=in_app, anchor=anchor))


async def _demo(caller: Caller, folder: Path, *, in_app: bool, anchor: bool) -> None:
    note = caller.output.note
    beside = " and an anchor" if anchor else ""
    note(f"Setting up two throwaway profiles, yours and Ada's{beside} ...")
    async with _pair(folder, with_anchor=anchor) as (you, ada):
        address = Address(HOST, (await ada.client.send(Status())).port)
        note(f"Linked over TCP on {address}, encrypted end to end. /quit or Ctrl-D ends.")
        if anchor:
            note("You use the anchor, and Ada came by an invite of yours.")
        if caller.options.json:
            caller.output.json(DemoReady(contact="Ada", address=str(address)))
        work = ada.answer_and_go(you) if anchor else ada.answer()
        answering = asyncio.create_task(work, name="Ada")
        try:
            if in_app:
                greeting = GREETING_WITH_ANCHOR if anchor else GREETING
                await tui.show(you, profile="demo", config=folder / "config", greeting=greeting)
            else:
                answer_timeout_s = None if sys.stdin.isatty() else ANSWER_TIMEOUT_S
                lines = ada.lines_around(typed_lines()) if anchor else None
                await Talk(caller, you, answer_timeout_s=answer_timeout_s).run("Ada", lines)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
    note("Both profiles are gone.")


async def _demo_room(caller: Caller, folder: Path, *, in_app: bool) -> None:
    note = caller.output.note
    note("Setting up four throwaway profiles, yours, Ada's, Ben's and Cleo's ...")
    profiles = opening.open_profiles(Settings(home=folder))
    names = (demo_room.YOU, *demo_room.GUESTS)
    async with AsyncExitStack() as stack:
        opened = [_open(profiles, name.lower(), name, secrets.token_urlsafe(24)) for name in names]
        you, *others = await asyncio.gather(*opened)
        for client in (you, *others):
            stack.push_async_callback(client.close)
        guests = dict(zip(demo_room.GUESTS, others, strict=True))
        await demo_room.meet(you, guests)
        address = Address(HOST, (await you.send(Status())).port)
        note(f"{demo_room.GREETING} /quit or Ctrl-D ends.")
        if caller.options.json:
            caller.output.json(DemoReady(contact="Ada", address=str(address), room=demo_room.ROOM))
        answering = asyncio.create_task(demo_room.live(guests), name="guests")
        try:
            if in_app:
                await demo_room.welcome(you, guests)
                await tui.show(you, profile="demo", config=folder / "config")
            else:
                answer_timeout_s = None if sys.stdin.isatty() else ANSWER_TIMEOUT_S
                await demo_room.RoomTalk(caller, you, answer_timeout_s=answer_timeout_s).run()
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
    note("All four profiles are gone.")


class _Ada:
    """Her node, which may close and open again, and what she says."""

    def __init__(self, profiles: Profiles, client: Client, passphrase: str) -> None:
        self.client = client
        self._profiles = profiles
        self._passphrase = passphrase
        self._settled = asyncio.Event()
        """Set but while she leaves."""
        self._settled.set()
        self._seen = 0
        self._turn = 0

    async def answer(self, *, last_words: str = "") -> None:
        """Answer each message; with last words, until they have arrived behind an answer."""
        last_id = ""
        async with following(self.client, self._seen) as events:
            async for event in events:
                self._seen = max(self._seen, event.seq)
                match event:
                    case MessageReceived():
                        await self.client.send(MarkRead(contact="You", row_id=event.row_id))
                        now = datetime.now().astimezone()
                        words = answer(event.body, turn=self._turn, now=now)
                        self._turn += 1
                        if last_words and not last_id:
                            words = f"{words} {last_words}"
                            self._settled.clear()
                        sent = await self.client.send(SendText(contact="You", body=words))
                        last_id = last_id or sent.message_id
                    case MessageDelivered() if last_words and event.message_id == last_id:
                        return

    async def answer_and_go(self, you: Client) -> None:
        """Answer once, go offline until something waits at the anchor, then come back to it."""
        waits = asyncio.create_task(_until(you, _WrittenAgain()), name="mail for Ada")
        gone = asyncio.create_task(_until(you, _is_offline), name="Ada leaves")
        try:
            await self.answer(last_words=GOING_OFFLINE)
            await self.client.close()
            await gone
            self._settled.set()
            await waits
        finally:
            waits.cancel()
            gone.cancel()
        await asyncio.sleep(AWAY_S)
        self.client = await self._profiles.unlock("ada", self._passphrase, OPTIONS)
        await self.answer()

    async def lines_around(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same lines, none while she leaves: it would reach her just so."""
        async for line in lines:
            await self._settled.wait()
            yield line

    async def close(self) -> None:
        """Close her node."""
        await self.client.close()


@asynccontextmanager
async def _pair(folder: Path, *, with_anchor: bool) -> AsyncIterator[tuple[Client, _Ada]]:
    """Two linked nodes that know each other as Ada and You."""
    settings = Settings(home=folder)
    profiles = opening.open_profiles(settings)
    secret_you, secret_ada = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    async with AsyncExitStack() as stack:
        you, hers = await asyncio.gather(
            _open(profiles, "you", "You", secret_you), _open(profiles, "ada", "Ada", secret_ada)
        )
        ada = _Ada(profiles, hers, secret_ada)
        box = await _open_anchor(settings) if with_anchor else None
        if box is not None:
            stack.push_async_callback(box.close)
        stack.push_async_callback(you.close)
        stack.push_async_callback(ada.close)
        if box is None:
            await _meet_by_tokens(you, hers)
        else:
            await _meet_by_invite(you, hers, box)
        yield you, ada


async def _meet_by_tokens(you: Client, ada: Client) -> None:
    token = await you.send(ExportToken())
    await ada.send(ImportToken(token=token.token, name="You"))
    token = await ada.send(ExportToken())
    await you.send(ImportToken(token=token.token, name="Ada"))
    await you.send(Connect(contact="Ada", host=HOST, port=(await ada.send(Status())).port))


async def _meet_by_invite(you: Client, ada: Client, anchor: Client) -> None:
    port = (await anchor.send(AnchorStatus())).port
    pairing = await anchor.send(PairAnchor(addresses=[(HOST, port)], expires_s=60))
    await you.send(UseAnchor(text=pairing.text))
    invite = await you.send(MakeInvite())
    met = asyncio.create_task(_until(you, _is_online), name="meeting")
    await ada.send(ImportToken(token=invite.text, name="You"))
    await met


async def _until(you: Client, holds: Callable[[AnyEvent], bool]) -> None:
    async with following(you, None) as events:
        async for event in events:
            if holds(event):
                return


def _is_online(event: AnyEvent) -> bool:
    return isinstance(event, PeerOnline)


def _is_offline(event: AnyEvent) -> bool:
    return isinstance(event, PeerOffline)


class _WrittenAgain:
    """True once a second message is in Ada's mailbox, or came to her while she was leaving."""

    def __init__(self) -> None:
        self._first = ""

    def __call__(self, event: AnyEvent) -> bool:
        if not isinstance(event, MessageSent | MessageDelivered):
            return False
        # The first may take the mailbox too, before the two are linked.
        self._first = self._first or event.message_id
        is_there = isinstance(event, MessageDelivered) or event.via == "mailbox"
        return is_there and event.message_id != self._first


async def _open(profiles: Profiles, profile: str, name: str, passphrase: str) -> Client:
    await profiles.create(profile, name, passphrase, argon2_memory_mib=ARGON2_MEMORY_MIB)
    return await profiles.unlock(profile, passphrase, OPTIONS)


async def _open_anchor(settings: Settings) -> Client:
    from loom.app.anchors import AnchorOptions, LocalAnchors

    anchors, passphrase = LocalAnchors(settings), secrets.token_urlsafe(24)
    await asyncio.to_thread(anchors.create, "anchor", passphrase, ARGON2_MEMORY_MIB)
    options = AnchorOptions(listen=Address(HOST, 0))
    return await anchors.open_anchor(anchors.choose("anchor"), passphrase, options)
