"""The node: run, status, stop, connect, peers."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated

import typer

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.contact_commands import Connect, ListPeers
from loom.api.contact_views import PeerView
from loom.api.events import AnyEvent, NodeReady, NodeStopped, Warned
from loom.api.profile_commands import Status, Stop
from loom.api.profile_views import StatusView
from loom.api.profiles import NodeOptions
from loom.cli.background import in_background
from loom.cli.events import event_words, put_event
from loom.cli.opening import ByWay, Caller, following
from loom.cli.options import Contact, add_commands
from loom.cli.output import sign
from loom.config import PROXY_EXAMPLE, parse_proxy
from loom.errors import ControlError, OutputFailed, ProfileInUse, RemoteLost
from loom.front.moments import when
from loom.front.plain_copies import sweep
from loom.front.reach import queued_words, reach_words
from loom.printable import printable

PANEL = "Node"
STOP_TIMEOUT_S = 30.0

_log = logging.getLogger(__name__)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("daemon", daemon, "Run the node, which sends and receives messages."),
        ("status", status, "Show the running node."),
        ("stop", stop, "Stop the running node after its current commit."),
        ("connect", connect, "Connect to a contact at an address, and remember it."),
        ("peers", peers, "Show who is online, and their addresses."),
    )


def daemon(
    context: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Listen on this address only."),
    ] = None,
    no_mdns: Annotated[
        bool, typer.Option("--no-mdns", help="Do not find contacts on the local network.")
    ] = False,
    mdns_interface: Annotated[
        str | None,
        typer.Option(
            "--mdns-interface",
            metavar="INTERFACE",
            help="Find contacts only through this interface: an address of it, or its name.",
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="URL",
            help="Dial all but this machine's own networks through this SOCKS 5 proxy, for example "
            f"{PROXY_EXAMPLE} for Tor (else LOOM_PROXY, else the config file).",
        ),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Keep running after this command and after logout.")
    ] = False,
) -> None:
    caller = Caller.of(context)
    options = NodeOptions(
        listen=None if listen is None else parse_address(listen),
        mdns=not no_mdns,
        mdns_interface=mdns_interface or caller.settings.mdns_interface,
        proxy=None if proxy is None else parse_proxy(proxy, "--proxy"),
    )
    profile = caller.profile
    if asyncio.run(caller.is_running()):
        raise ProfileInUse(profile=profile)
    given = [caller.secret()]
    sweep()
    if background:
        ready = in_background(lambda tell: asyncio.run(_serve(caller, given, options, tell)))
        caller.output.put(ready, event_words(ready) or "")
    else:
        asyncio.run(_serve(caller, given, options, lambda event: _print(caller, event)))


def _print(caller: Caller, event: AnyEvent) -> None:
    """A node lives on when nobody reads what it says."""
    with suppress(OSError, OutputFailed):
        put_event(caller.output, event)


async def _serve(
    caller: Caller,
    given: list[str | ByWay],
    options: NodeOptions,
    tell: Callable[[AnyEvent], None],
) -> None:
    """Run the node until it is stopped, by `loom stop` or a signal.

    Args:
        given: the passphrase, taken out of here: the node runs for months and needs it once.
    """
    loop = asyncio.get_running_loop()
    signalled = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's wish
            loop.add_signal_handler(number, _settle, signalled, number)
    client = await caller.unlock(given.pop(), options, attach=False)
    try:
        status = await client.send(Status())
        tell(_ready(status))
        told = asyncio.create_task(_tell(client, tell, status.started_seq), name="daemon events")
        await asyncio.wait({signalled, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        await asyncio.gather(told, return_exceptions=True)
    finally:
        await client.close()
    if signalled.done() and signalled.result() == signal.SIGINT:
        raise typer.Exit(130)


def _settle(future: "asyncio.Future[int]", number: int) -> None:
    if not future.done():
        future.set_result(number)


async def _tell(client: Client, tell: Callable[[AnyEvent], None], after: int) -> None:
    """Print warnings and the end; messages do not belong in a daemon's output."""
    async with following(client, after) as events:
        async for event in events:
            _log.info("%s, seq %d", event.__struct_config__.tag, event.seq)
            if isinstance(event, Warned | NodeStopped):
                tell(event)


def _ready(status: StatusView) -> NodeReady:
    return NodeReady(
        profile=status.profile, port=status.port, addresses=status.addresses, pid=os.getpid()
    )


def status(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.attached() as client:
            view = await client.send(Status())
        caller.output.put(view, _status_words(view))

    caller.run(work())


def stop(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        try:
            async with caller.attached() as client, following(client, None) as events:
                done = await client.send(Stop())
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await _until_ended(caller, events)
        except TimeoutError as error:
            raise ControlError(what="it does not stop") from error
        caller.output.put(done, "The node is stopped.")

    caller.run(work())


async def _until_ended(caller: Caller, events: AsyncIterator[AnyEvent]) -> None:
    """Here its socket tells; over there its events, because each look would be another ssh."""
    if caller.host is not None:
        with suppress(RemoteLost):
            async for _ in events:
                pass
        return
    while await caller.is_running():  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.05)


def connect(
    context: typer.Context,
    contact: Contact,
    address: Annotated[
        str, typer.Argument(metavar="HOST:PORT", help="Where the contact's node listens.")
    ],
) -> None:
    caller = Caller.of(context)
    at = parse_address(address)

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            done = await client.send(Connect(contact=contact, host=at.host, port=at.port))
        caller.output.put(done, f"Connected to {printable(contact)} at {at}.")

    caller.run(work())


def peers(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListPeers())).peers
        headings = ("", "Contact", "Reached", "Address", "Since", "Last error")
        caller.output.listed(found, headings, _peer_cells)
        if caller.opened_here:
            caller.output.note("No node is running: these are remembered addresses.")

    caller.run(work())


def _peer_cells(view: PeerView) -> tuple[str, ...]:
    return (
        sign("online" if view.reach.is_online else "offline"),
        view.contact,
        reach_words(view.reach),
        view.address or ", ".join(view.known_addresses) or "-",
        when(view.connected_at_ms) if view.connected_at_ms else "-",
        view.last_error or "",
    )


def _status_words(view: StatusView) -> str:
    facts = [
        ("Profile", f"{view.profile} ({view.name})"),
        ("Fingerprint", view.fingerprint),
        ("Listens", f"port {view.port}, {', '.join(view.addresses) or 'nowhere'}"),
        ("Discovery", view.mdns),
        *([("Proxy", f"{view.proxy}, {view.proxy_state}")] if view.proxy else []),
        ("Contacts", f"{view.contacts}, {view.online} online"),
        ("Queued", queued_words(view.queued, view.in_mailboxes)),
        ("Running", f"process {view.pid} since {when(view.started_at_ms)}, Loom {view.version}"),
    ]
    return "\n".join(f"{name:<13} {printable(fact)}" for name, fact in facts)
