"""An anchor on this machine: made, run, given to people."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loom.addresses import parse_address
from loom.api.anchor_commands import (
    AnchorStatus,
    DrainAnchor,
    ListAccounts,
    PairAnchor,
    RemoveAccount,
)
from loom.api.anchor_views import AccountView, AnchorStatusView
from loom.api.client import Client
from loom.api.events import AnchorReady, AnyEvent
from loom.api.profile_commands import Stop
from loom.cli import logs
from loom.cli.background import in_background
from loom.cli.events import event_words
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import AnchorCreated
from loom.cli.passphrase import read_new_passphrase, read_passphrase
from loom.cli.profiles import Memory
from loom.cli.qr import print_qr_code
from loom.config import Paths, check_profile_name, profile_name_for
from loom.errors import AnchorNotRunning, ControlError, InvalidInput, OutputFailed, ProfileInUse
from loom.front.durations import parse_duration
from loom.front.invite_words import narrow_words
from loom.front.moments import when
from loom.front.private_file import write_private
from loom.model import Address
from loom.printable import printable

if TYPE_CHECKING:
    from loom.app.anchors import LocalAnchors

PANEL = "Run one on this machine"
EXPORT_MAX_BYTES = 64 << 20
STOP_TIMEOUT_S = 30.0

File = Annotated[Path, typer.Argument(metavar="FILE")]
Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="What you call this anchor on this machine.")
]


def add_service_to(group: typer.Typer) -> None:
    """The commands of this file, beside those of a profile that uses an anchor."""
    add_commands(
        group,
        PANEL,
        ("init", init, "Make an anchor on this machine."),
        ("serve", serve, "Run it: keep mail for people until they come."),
        ("pair", pair, "Print a text by which one person takes it into use."),
        ("status", status, "Show the running anchor."),
        ("stop", stop, "Stop the running anchor."),
        ("drain", drain, "Take nothing new, hand out what lies there, then end."),
        ("export", export, "Write accounts and queues to a file, to move to another machine."),
        ("import", import_, "Make an anchor of such a file."),
    )
    accounts = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        accounts,
        "",
        ("list", list_accounts, "List who uses the anchor, by number, and how much."),
        ("remove", remove_account, "Remove an account with all that lies in its queues."),
    )
    group.add_typer(accounts, name="accounts", help="Who uses the anchor.", rich_help_panel=PANEL)


class AnchorCaller(Caller):
    """A caller whose profile is an anchor of this machine."""

    @cached_property
    def anchors(self) -> "LocalAnchors":
        """All of them."""
        from loom.app.anchors import LocalAnchors

        return LocalAnchors(self.settings)

    @cached_property
    def place(self) -> Paths:
        """The anchor that was named, or the only one; from here on its log is written."""
        paths = self.anchors.choose(self.options.profile)
        logs.start(paths.log, self.options.verbose)
        return paths

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Client]:
        """The client of the running anchor. Raises AnchorNotRunning."""
        client = await self.anchors.attach(self.place)
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def anchor(self) -> AsyncIterator[Client]:
        """The client of the anchor, running or opened for this command."""
        from loom.app.anchors import AnchorOptions

        try:
            client = await self.anchors.attach(self.place)
        except AnchorNotRunning:
            passphrase = read_passphrase(self.settings)
            with self.slowly("Unlocking"):
                client = await self.anchors.open_anchor(
                    self.place, passphrase, AnchorOptions(is_online=False)
                )
        try:
            yield client
        finally:
            await client.close()


def init(context: typer.Context, name: Name, argon2_memory_mib: Memory = None) -> None:
    caller = AnchorCaller.of(context)
    anchor = caller.options.profile or profile_name_for(name)
    check_profile_name(anchor)
    passphrase = read_new_passphrase(caller.settings)
    with caller.slowly("Creating its keys"):
        caller.anchors.create(anchor, passphrase, argon2_memory_mib)
    caller.output.put(AnchorCreated(anchor=anchor), f"The anchor {anchor} is ready.")
    caller.output.note("Next: `loom anchor serve`, then `loom anchor pair` for each person.")


def serve(
    context: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Listen on this address only."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Keep running after this command and after logout.")
    ] = False,
) -> None:
    caller = AnchorCaller.of(context)
    address = None if listen is None else parse_address(listen)
    place = caller.place
    if asyncio.run(_is_running(caller)):
        raise ProfileInUse(profile=place.profile)
    given = [read_passphrase(caller.settings)]
    if background:
        ready = in_background(lambda tell: asyncio.run(_serve(caller, given, address, tell)))
        caller.output.put(ready, event_words(ready) or "")
    else:
        asyncio.run(_serve(caller, given, address, lambda event: _print(caller, event)))


async def _serve(
    caller: AnchorCaller,
    given: list[str],
    listen: Address | None,
    tell: Callable[[AnyEvent], None],
) -> None:
    """Run the anchor until it is stopped, drained, or ended by a signal.

    Args:
        given: the passphrase, taken out of here: the anchor runs for months and needs it once.
    """
    from loom.app.anchors import AnchorOptions

    loop = asyncio.get_running_loop()
    signalled = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
            loop.add_signal_handler(number, _settle, signalled, number)
    with caller.slowly("Unlocking"):
        opened = await caller.anchors.open_anchor(
            caller.place, given.pop(), AnchorOptions(listen=listen)
        )
    try:
        anchor = opened.anchor
        tell(
            AnchorReady(
                anchor=caller.place.profile,
                port=anchor.port,
                addresses=anchor.addresses,
                pid=os.getpid(),
            )
        )
        stopped = asyncio.create_task(anchor.wants_stop.wait(), name="stop")
        await asyncio.wait({signalled, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
    finally:
        await opened.close()
    if signalled.done() and signalled.result() == signal.SIGINT:
        raise typer.Exit(130)


def pair(
    context: typer.Context,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="Where people reach it; may be given several times, and is remembered.",
        ),
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long the text serves: 30m, 1h.")
    ] = "1h",
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code too.")] = False,
) -> None:
    caller = AnchorCaller.of(context)
    at = [parse_address(one) for one in address or ()]
    command = PairAnchor(
        addresses=[(one.host, one.port) for one in at], expires_s=parse_duration(expires)
    )

    async def work() -> None:
        async with caller.anchor() as client:
            view = await client.send(command)
        caller.output.put(view, view.text)
        if qr and not caller.options.json:
            print_qr_code(caller.output, view.text)
        caller.output.note(
            f"For one person, until {when(view.expires_s * 1_000)}: `loom anchor use TEXT`. "
            f"It names {', '.join(view.addresses)}."
        )
        if narrow := narrow_words(view.addresses):
            caller.output.note(f"{narrow} --address says where others reach it.")

    caller.run(work())


def status(context: typer.Context) -> None:
    caller = AnchorCaller.of(context)

    async def work() -> None:
        async with caller.running() as client:
            view = await client.send(AnchorStatus())
        caller.output.put(view, _status_words(view))

    caller.run(work())


def stop(context: typer.Context) -> None:
    caller = AnchorCaller.of(context)

    async def work() -> None:
        async with caller.running() as client:
            done = await client.send(Stop())
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                while await _is_running(caller):  # noqa: ASYNC110 - another process sets no event
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ControlError(what="it does not stop") from error
        caller.output.put(done, "The anchor is stopped.")

    caller.run(work())


def drain(
    context: typer.Context,
    off: Annotated[bool, typer.Option("--off", help="Take new mail again.")] = False,
) -> None:
    caller = AnchorCaller.of(context)

    async def work() -> None:
        async with caller.anchor() as client:
            view = await client.send(DrainAnchor(on=not off))
        words = f"It takes nothing new, and ends once {view.blobs} blobs are fetched or too old."
        caller.output.put(view, "It takes new mail again." if off else words)

    caller.run(work())


def list_accounts(context: typer.Context) -> None:
    caller = AnchorCaller.of(context)

    async def work() -> None:
        async with caller.anchor() as client:
            found = (await client.send(ListAccounts())).accounts
        caller.output.listed(
            found,
            ("Account", "Since", "Queues", "Blobs", "Size", "Files"),
            _row,
            none="Nobody uses it yet: `loom anchor pair` prints a text for one.",
        )

    caller.run(work())


def remove_account(
    context: typer.Context,
    account: Annotated[
        int, typer.Argument(metavar="ACCOUNT", min=1, help="Its number in the list.")
    ],
) -> None:
    caller = AnchorCaller.of(context)

    async def work() -> None:
        async with caller.anchor() as client:
            done = await client.send(RemoveAccount(account=account))
        caller.output.put(done, f"Account {account} is removed, with all that lay in its queues.")

    caller.run(work())


def export(context: typer.Context, file: File) -> None:
    caller = AnchorCaller.of(context)
    place = caller.place
    with caller.slowly("Unlocking"):
        data = caller.anchors.export(place, read_passphrase(caller.settings))
    write_private(file, data)
    caller.output.note(
        f"The accounts and queues are in {file}. Over there: `loom anchor import`, with this "
        "anchor's passphrase. Then stop this one: two of them would share the mail."
    )


def import_(context: typer.Context, file: File, name: Name) -> None:
    caller = AnchorCaller.of(context)
    anchor = caller.options.profile or profile_name_for(name)
    check_profile_name(anchor)
    try:
        with file.open("rb") as stream:
            data = stream.read(EXPORT_MAX_BYTES)
    except OSError as error:
        raise InvalidInput(what=f"{file} cannot be read: {error.strerror}") from error
    with caller.slowly("Unlocking"):
        caller.anchors.import_(anchor, data, read_passphrase(caller.settings))
    caller.output.put(AnchorCreated(anchor=anchor), f"The anchor {anchor} is ready.")


async def _is_running(caller: AnchorCaller) -> bool:
    try:
        async with caller.running():
            return True
    except AnchorNotRunning:
        return False


def _settle(future: "asyncio.Future[int]", number: int) -> None:
    if not future.done():
        future.set_result(number)


def _print(caller: Caller, event: AnyEvent) -> None:
    """An anchor lives on when nobody reads what it says."""
    with suppress(OSError, OutputFailed):
        caller.output.put(event, event_words(event) or "")


def _status_words(view: AnchorStatusView) -> str:
    held = f"{view.blobs} blobs, {_size(view.size_bytes)} of {_size(view.room_bytes)}"
    if view.bulk_bytes:
        held += f", {_size(view.bulk_bytes)} of it pieces of files"
    facts = [
        ("Anchor", view.anchor + (" (draining)" if view.draining else "")),
        ("Listens", f"port {view.port}, {', '.join(view.addresses) or 'nowhere'}"),
        ("Accounts", f"{view.accounts}, with {view.queues} queues"),
        ("Holds", held),
        ("Links", f"{view.links}, {view.guest_links} of them guests"),
        ("Running", f"process {view.pid} since {when(view.started_at_ms)}, Loom {view.version}"),
    ]
    return "\n".join(f"{name:<9} {printable(fact)}" for name, fact in facts)


def _row(view: AccountView) -> tuple[str, ...]:
    return (
        str(view.account),
        when(view.paired_at_s * 1_000),
        str(view.queues),
        str(view.blobs),
        _size(view.size_bytes),
        _size(view.bulk_bytes),
    )


def _size(size_bytes: int) -> str:
    for unit, step in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= step:
            return f"{size_bytes / step:.1f} {unit}"
    return f"{size_bytes} B"
