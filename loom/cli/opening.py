"""One command's way to a profile: attached to its running node, else unlocked for this command.

With `--on` the node is on another machine: then a command attaches, and opens nothing here.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeVar

from loom.api.client import Client
from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.profiles import NodeOptions, Profiles
from loom.api.view import View
from loom.cli import logs
from loom.cli.given import Options
from loom.cli.output import Output
from loom.config import (
    Home,
    Settings,
    check_profile_name,
    choose_profile,
    home_of,
    paths_of,
    read_settings,
)
from loom.errors import (
    CannotUnlock,
    ExtraMissing,
    InvalidInput,
    LocalOnly,
    NodeNotRunning,
    ProfileInUse,
)

if TYPE_CHECKING:
    import typer

V = TypeVar("V", bound=View)

OFFLINE = NodeOptions(online=False, serve=False)
"""A command that only reads or queues; another one waits its turn for the moment it takes."""
SLOWLY = " (slow on purpose, to resist guessing)"
_ATTACHING: Final = (
    *("send", "history", "search", "export", "delete", "edit", "edits", "react", "typing"),
    *("pin", "unpin", "pins", "bookmark", "bookmarks", "forward", "mentions"),
    *("send-file", "open", "files", "files list", "files accept", "files decline"),
    *("files cancel", "files pause", "files resume", "files save", "files remove"),
    *("files rules",),
    *("listen", "watch", "plain", "verify", "verify-first", "timer", "farewell", "profile"),
    "identity show",
    *("mute", "notify", "archive", "unarchive", "favourite", "mark"),
    *("contacts", "contacts list", "contacts show", "contacts rename", "contacts remove"),
    *("contacts block", "contacts unblock", "token export", "token import"),
    *("pair", "invite", "invites", "invites list", "invites revoke"),
    *("room new", "room list", "room show", "room invite", "room members", "room send"),
    *("room history", "room leave", "room remove", "room ban", "room unban", "room appoint"),
    *("room rename", "room policy", "room channel", "room edit", "room delete", "room react"),
    *("room pin", "room unpin", "room offered", "room confirm", "room dismiss"),
    *("requests", "requests list", "requests accept", "requests reject", "requests block"),
    *("status", "stop", "connect", "peers", "doctor", "anchors", "bundle export", "bundle import"),
)
ATTACHING: Final = frozenset({"loom", *(f"loom {one}" for one in _ATTACHING)})
"""What `--on` works with: commands that only attach. Every other one is refused."""
TURN_PAUSE_S = 0.1
TURN_PAUSES_MAX = 50
"""How often a command looks again while the same process has the profile."""


def open_profiles(settings: Settings) -> Profiles:
    """The real profiles; imported here because a command that fails early needs none of it."""
    from loom.app import open_profiles as open_

    profiles: Profiles = open_(settings)
    return profiles


class ByWay(NamedTuple):
    """A profile is unlocked without its passphrase: by `keyring` or `fido2`."""

    name: str


class Caller:
    """The caller of a command: options, settings, and the way to the profile that was meant."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.output = Output(options.json)
        self.opened_here = False
        """Whether this command holds the profile itself: no node was running."""
        self.host = options.on
        """The machine with the node, if it is not this one."""
        if self.host is not None:
            _check_remote(options)
        self.settings = read_settings(
            os.environ,
            home=options.home,
            profile=options.profile,
            passphrase_file=options.passphrase_file,
            passphrase_fd=options.passphrase_fd,
        )

    @classmethod
    def of(cls, context: "typer.Context") -> Self:
        """The caller of this invocation. Raises LocalOnly: `--on` does not work with it."""
        from loom.cli.options import options_of

        options = options_of(context)
        if options.on is not None and context.command_path not in ATTACHING:
            raise LocalOnly(what=f"`{context.command_path}`")
        return cls(options)

    @cached_property
    def home(self) -> Home:
        """Where the profiles live."""
        return home_of(self.settings)

    @cached_property
    def profiles(self) -> Profiles:
        """All of them; those of another machine can only be attached to."""
        if self.host is not None:
            from loom.app.remote import RemoteProfiles

            command = self.options.remote_command or self.settings.remote_command
            return RemoteProfiles(self.host, command)
        return open_profiles(self.settings)

    @cached_property
    def profile(self) -> str:
        """The profile that was named, or the only one; from here on its log is written.

        On another machine it is the one named here, or "": that machine has its own default.
        """
        if self.host is not None:
            logs.start(self.home.log, self.options.verbose)
            return self.options.profile or ""
        existing = [info.profile for info in self.profiles.list_profiles()]
        profile = choose_profile(self.settings, existing)
        logs.start(paths_of(self.home, profile).log, self.options.verbose)
        return profile

    def show(self, command: Command[V], words: Callable[[V], str]) -> None:
        """Send one command and print its answer, for people in these words."""

        async def work() -> None:
            async with self.client() as client:
                view = await client.send(command)
            self.output.put(view, words(view))

        self.run(work())

    @property
    def profile_folder(self) -> Path | None:
        """Where the profile is; None: on another machine."""
        return None if self.host is not None else paths_of(self.home, self.profile).folder

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Run a command to its end; SIGTERM ends it after the current commit, exit code 143."""
        asyncio.run(_until_terminated(work))

    @asynccontextmanager
    async def client(self, options: NodeOptions = OFFLINE) -> AsyncIterator[Client]:
        """The profile's client: the running node's, else one opened with `options`."""
        client: Client
        try:
            client = await self.profiles.attach(self.profile)
            if self.host is not None:
                client = self._resuming(client, self.host)
        except NodeNotRunning:
            if self.host is not None:
                raise
            client = await self.unlock(self.secret(), options)
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def attached(self) -> AsyncIterator[Client]:
        """The running node's client. Raises NodeNotRunning."""
        client = await self.profiles.attach(self.profile)
        try:
            yield client
        finally:
            await client.close()

    async def is_running(self) -> bool:
        """Whether a node serves the profile."""
        try:
            async with self.attached():
                return True
        except NodeNotRunning:
            return False

    def _resuming(self, client: Client, host: str) -> Client:
        from loom.control.resuming import ResumingClient

        def tell(is_back: bool) -> None:
            words = f"Connected to {host} again." if is_back else f"Reconnecting to {host} ..."
            self.output.note(words)

        return ResumingClient(client, lambda: self.profiles.attach(self.profile), tell)

    def secret(self) -> "str | ByWay":
        """What unlocks: the passphrase that is given, else another way, else what is typed."""
        from loom.cli.passphrase import has_source, read_passphrase

        if not has_source(self.settings):
            for way in self.profiles.unlocks(self.profile):
                return ByWay(way)
        return read_passphrase(self.settings)

    async def unlock(
        self, secret: "str | ByWay", options: NodeOptions, *, attach: bool = True
    ) -> Client:
        """Unlock; while other commands have their turns, wait for them or attach to one.

        Where another way fails, the passphrase is asked for.

        Raises:
            ProfileInUse: one of them keeps the profile, and cannot be attached to.
        """
        holder, pauses = "", 0
        while True:
            try:
                client = await self._opened(secret, options)
                self.opened_here = True
                return client
            except (CannotUnlock, ExtraMissing) as error:
                from loom.cli.passphrase import read_passphrase
                from loom.front.sentences import on_command_line

                self.output.note(on_command_line(error)[0])
                secret = read_passphrase(self.settings)
            except ProfileInUse:
                if attach:
                    with suppress(NodeNotRunning):
                        return await self.profiles.attach(self.profile)
                elif await self.is_running():
                    raise
                before, holder = holder, self._holder()
                pauses = pauses + 1 if holder == before else 0
                if pauses > TURN_PAUSES_MAX:
                    raise
                await asyncio.sleep(TURN_PAUSE_S)

    async def _opened(self, secret: "str | ByWay", options: NodeOptions) -> Client:
        if isinstance(secret, ByWay):
            from loom.cli.asking import OnTerminal

            return await self.profiles.unlock_by(self.profile, secret.name, OnTerminal(), options)
        with self.slowly("Unlocking"):
            return await self.profiles.unlock(self.profile, secret, options)

    def slowly(self, what: str) -> AbstractContextManager[None]:
        """Tell a user who has just typed a passphrase why nothing happens yet."""
        from loom.cli.passphrase import has_source

        return nullcontext() if has_source(self.settings) else self.output.waiting(what + SLOWLY)

    def _holder(self) -> str:
        """Which process has the profile, as its lock file says."""
        try:
            return paths_of(self.home, self.profile).lock.read_text()
        except OSError:
            return ""

    def online(self) -> NodeOptions:
        """Options of a node that meets the network for as long as the command runs."""
        return NodeOptions(mdns_interface=self.settings.mdns_interface)


@asynccontextmanager
async def following(client: Client, after: int | None) -> AsyncIterator[AsyncIterator[AnyEvent]]:
    """The client's events, closed at the end."""
    events = client.events(after)
    try:
        yield events
    finally:
        if close := getattr(events, "aclose", None):
            await close()


def _check_remote(options: Options) -> None:
    """Raises InvalidInput: not a host, not a profile's name, or a passphrase, which stays there."""
    from loom.control.ssh import check_host

    check_host(options.on or "")
    if options.profile is not None:
        check_profile_name(options.profile)
    if options.passphrase_file is not None or options.passphrase_fd is not None:
        raise InvalidInput(what="No passphrase goes to another machine: leave it out with --on")


async def _until_terminated(work: Coroutine[None, None, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work, name="command")
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        await task
    except asyncio.CancelledError:
        if terminated:
            from typer import Exit

            raise Exit(128 + signal.SIGTERM) from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
