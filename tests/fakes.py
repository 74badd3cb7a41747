"""A node and profiles in memory, for tests of what stands above them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from loom.api.anchor_commands import ListAnchors
from loom.api.anchor_views import Anchors
from loom.api.backup_commands import (
    DropUnsent,
    ListUnsent,
    MakeBackup,
    SendUnsent,
    ShowBackupSchedule,
)
from loom.api.backup_views import (
    BackupRestored,
    BackupVerified,
    BackupView,
    LostRows,
    ScheduleView,
    Unsent,
)
from loom.api.client import Client
from loom.api.command import Command
from loom.api.contact_commands import (
    BlockContact,
    Connect,
    ExportToken,
    ImportToken,
    ListContacts,
    ListPeers,
    RemoveContact,
    RenameContact,
    ShowContact,
    VerifyContact,
)
from loom.api.contact_views import (
    Contacts,
    ContactView,
    Peers,
    PeerView,
    ReachView,
    SafetyNumberView,
    TokenView,
)
from loom.api.conversation_commands import ListArrivals, ListMentions, MarkRead, NoteLeaving
from loom.api.conversation_views import Arrival, Arrivals, RoomArrival
from loom.api.events import (
    AnyEvent,
    MessageDelivered,
    MessageQueued,
    MessageReceived,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
)
from loom.api.identity_commands import RotateIdentity, ShowIdentity
from loom.api.identity_views import IdentityView
from loom.api.invite_commands import ListInvites, ListRequests, MakeInvite
from loom.api.invite_views import Invites, InviteView, Requests
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.machine_views import MachineView
from loom.api.message_commands import DeleteMessages, FindMessage, History, Search, SendText
from loom.api.message_views import Messages, MessageView
from loom.api.move_views import (
    MoveListening,
    MoveProgress,
    MoveReceived,
    MoveSent,
    MoveWords,
)
from loom.api.moving import Front, Where
from loom.api.pairing_commands import (
    AnswerWords,
    DialPeer,
    PickPeer,
    ShowPairing,
    StartPairing,
    StopPairing,
)
from loom.api.pairing_views import PairingPeer, PairingView
from loom.api.profile_commands import Diagnose, SetProfile, ShowProfile, Status, Stop
from loom.api.profile_views import Check, Destroyed, Diagnosis, OwnProfileView, StatusView
from loom.api.profiles import Asking, Moved, NodeOptions, ProfileInfo, nothing_moved
from loom.api.room_commands import (
    ListRoomBookmarks,
    ListRoomDrafts,
    ListRoomMentions,
    ListRooms,
    SearchPosts,
    ShowRoom,
)
from loom.api.room_views import Posts, RoomDrafts, Rooms
from loom.api.view import Done
from loom.config import Home, paths_of
from loom.control.client import attach
from loom.control.server import ControlServer
from loom.errors import (
    CannotUnlock,
    ContactNotFound,
    IdentityChanged,
    InvalidText,
    InvalidToken,
    LoomError,
    MemberNotFound,
    MessageNotFound,
    NameTaken,
    NodeNotRunning,
    NoMessageYet,
    ProfileExists,
    RoomNotFound,
    WordsDiffer,
    WrongPassphrase,
)

R = TypeVar("R")
TOKEN = "LOOM-" + "A" * 111
NOW_MS = 1_795_000_000_000


ALIAS = "maple-river"
WORDS = ["judge", "pulse", "among"]


class FakeNode:
    """A Client whose contacts answer by themselves when `delivers` is on."""

    def __init__(self, profile: str = "work", *, delivers: bool = True) -> None:
        self.profile = profile
        self.delivers = delivers
        self.contacts: dict[str, ContactView] = {}
        self.messages: list[MessageView] = []
        self.stored: list[AnyEvent] = []
        self.sent: list[Command[Any]] = []
        self.pairing = PairingView()
        self.arrivals: list[Arrival] = []
        self.last_open_id: int | None = None
        self.unsent = Unsent(contacts=[])
        self.identity = IdentityView(number=0, fingerprint="ab" * 32, token=TOKEN)
        self.machine = MachineView(state="alone", contacts=[])
        self.schedule = ScheduleView(folder="", keep=0, opens_with="", last_ms=1)
        self.room_arrivals: list[RoomArrival] = []
        self.last_room: tuple[str | None, str] = (None, "")
        self.own = OwnProfileView(
            name="Me", status="", away=False, invisible=False, fingerprint="ab" * 32
        )
        self.closed = False
        self.passphrase = "correct horse"
        self.on_text: Callable[[str], str | None] = lambda _: None
        self.gate: Callable[[], Awaitable[None]] | None = None
        self.on_close: Callable[[], Awaitable[None]] | None = None
        self._changed = asyncio.Event()

    async def send(self, command: Command[R]) -> R:
        self.sent.append(command)
        if self.gate is not None:
            await self.gate()
        return cast("R", self._answer(command))

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        position = len(self.stored) if after is None else after
        while True:
            while position < len(self.stored):
                position += 1
                yield self.stored[position - 1]
            if self.closed:
                return
            await self._changed.wait()

    async def close(self) -> None:
        self.closed = True
        self._changed.set()
        if self.on_close is not None:
            await self.on_close()

    def add(self, name: str, **facts: Any) -> ContactView:
        view = ContactView(
            contact=name,
            contact_id=len(self.contacts) + 1,
            fingerprint="ab" * 32,
            display_name=name,
            verified=False,
            blocked=False,
            identity_changed=False,
            online=True,
            session="confirmed",
            unread=0,
            queued=0,
            last_message_at_ms=None,
            created_at_ms=NOW_MS,
        )
        view = msgspec.structs.replace(view, **facts)
        if view.online and "reach" not in facts:
            view = msgspec.structs.replace(view, reach=ReachView(how="direct"))
        self.contacts[name] = view
        return view

    def receive(self, name: str, body: str) -> MessageView:
        message = self._store(name, body, "in", "delivered")
        self._tell(MessageReceived, message)
        return message

    def near(self, *aliases: str) -> None:
        """These pair on the network."""
        peers = [PairingPeer(alias=one, address="127.0.0.1:4071") for one in aliases]
        self.pairing = msgspec.structs.replace(self.pairing, peers=peers)
        self._event(PairingPeers(peers=peers))

    def show_words(self) -> None:
        """Somebody is met."""
        changed = {"meeting": 1, "words": WORDS, "answered": False}
        self.pairing = msgspec.structs.replace(self.pairing, **changed)
        self._event(PairingWords(meeting=1, words=WORDS))

    def end_meeting(self, error: LoomError) -> None:
        """It failed."""
        changed = {"meeting": 0, "words": [], "answered": False}
        self.pairing = msgspec.structs.replace(self.pairing, **changed)
        self._event(PairingFailed(meeting=1, code=error.code, facts=error.facts))

    def end_pairing(self, reason: str) -> None:
        """It is over."""
        self.pairing = PairingView()
        self._event(PairingStopped(reason=reason))

    def pair_with(self, name: str) -> ContactView:
        """Both said the same."""
        view = self.add(name, verified=True)
        self._event(PairingDone(contact=name, contact_id=view.contact_id, is_new=True))
        self.end_pairing("paired")
        return view

    def _contact(self, name: str) -> ContactView:
        for view in self.contacts.values():
            if name.lower() == view.contact.lower() or name == f"#{view.contact_id}":
                return view
        raise ContactNotFound(name=name)

    def _store(self, name: str, body: str, direction: str, state: str) -> MessageView:
        row = len(self.messages) + 1
        message = MessageView(
            message_id=f"{row:032x}",
            contact=name,
            contact_id=self._contact(name).contact_id,
            direction=direction,
            body=body,
            state=state,
            sent_at_ms=NOW_MS + row * 1_000,
            stored_at_ms=NOW_MS + row * 1_000,
            row_id=row,
        )
        self.messages.append(message)
        return message

    def _tell(self, kind: type[MessageQueued | MessageReceived], message: MessageView) -> None:
        facts = msgspec.structs.asdict(message)
        facts = {name: facts[name] for name in kind.__struct_fields__ if name in facts}
        self._event(kind(**facts))

    def _event(self, event: AnyEvent) -> None:
        self.stored.append(msgspec.structs.replace(event, seq=len(self.stored) + 1))
        self._changed.set()
        self._changed = asyncio.Event()

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case SendText():
                contact = self._contact(command.contact)
                if contact.identity_changed:
                    raise IdentityChanged(name=contact.contact)
                if not command.body:
                    raise InvalidText(reason="it is empty")
                message = self._store(contact.contact, command.body, "out", "queued")
                self._tell(MessageQueued, message)
                if self.delivers:
                    self._event(
                        MessageDelivered(
                            message_id=message.message_id,
                            contact=contact.contact,
                            contact_id=contact.contact_id,
                        )
                    )
                    if answer := self.on_text(command.body):
                        self.receive(contact.contact, answer)
                return message
            case MakeInvite():
                return InviteView(
                    invite_id=1,
                    text="LOOM-INVITE",
                    state="open",
                    is_address=False,
                    created_at_ms=NOW_MS,
                    expires_at_ms=NOW_MS + command.lifetime_s * 1_000,
                    used_by=None,
                    used_by_id=None,
                    reuse=False,
                    reached_at=[],
                )
            case ListAnchors():
                return Anchors(anchors=[], waiting=[])
            case ListInvites():
                return Invites(invites=[])
            case ListRequests():
                return Requests(requests=[])
            case ExportToken():
                return TokenView(token=TOKEN, fingerprint="ab" * 32)
            case ImportToken():
                if not command.token.strip().upper().startswith("LOOM-"):
                    raise InvalidToken(reason="it does not start with LOOM-")
                if command.name in self.contacts:
                    raise NameTaken(name=command.name)
                return self.add(command.name)
            case ListContacts():
                return Contacts(contacts=list(self.contacts.values()))
            case ShowContact():
                return self._contact(command.contact)
            case RenameContact():
                view = self._contact(command.contact)
                del self.contacts[view.contact]
                self.contacts[command.name] = msgspec.structs.replace(view, contact=command.name)
                return self.contacts[command.name]
            case RemoveContact():
                del self.contacts[self._contact(command.contact).contact]
                return Done()
            case BlockContact():
                view = self._contact(command.contact)
                self.contacts[view.contact] = msgspec.structs.replace(view, blocked=command.blocked)
                return self.contacts[view.contact]
            case VerifyContact():
                view = self._contact(command.contact)
                return SafetyNumberView(
                    contact=view.contact,
                    contact_id=view.contact_id,
                    groups=[f"{n:05}" for n in range(12)],
                    words=["abandon"] * 11 + ["about"],
                    verified=command.confirm or command.code is not None,
                )
            case History():
                name = self._contact(command.contact).contact
                found = [
                    m
                    for m in self.messages
                    if m.contact == name
                    and (command.before_ms is None or m.sent_at_ms < command.before_ms)
                    and (command.since_ms is None or m.sent_at_ms >= command.since_ms)
                    and (command.before_row is None or m.row_id < command.before_row)
                    and (command.after_row is None or m.row_id > command.after_row)
                ]
                few = slice(command.limit) if command.oldest else slice(-command.limit, None)
                return Messages(messages=found[few])
            case FindMessage():
                contact = self._contact(command.contact)
                way = {"last": "out", "theirs": "in"}.get(command.name)
                for message in reversed(self.messages):
                    names = (message.message_id, f"#{message.row_id}")
                    if message.contact_id == contact.contact_id and (
                        message.direction == way or command.name in names
                    ):
                        return message
                if way is not None:
                    raise NoMessageYet(whose="yours" if way == "out" else "theirs")
                raise MessageNotFound(message_id=command.name)
            case Search():
                for named in (command.contact, command.author):
                    if named not in (None, "me"):
                        self._contact(named or "")
                found = [
                    m
                    for m in reversed(self.messages)
                    if command.text in m.body
                    and (command.since_ms is None or m.sent_at_ms >= command.since_ms)
                    and (command.before_ms is None or m.sent_at_ms < command.before_ms)
                    and (
                        command.author is None or (m.direction == "out") == (command.author == "me")
                    )
                    and (command.before_row is None or m.row_id < command.before_row)
                ]
                return Messages(messages=found[: command.limit])
            case DeleteMessages():
                self._contact(command.contact)
                ids = {m.message_id for m in self.messages}
                for message_id in command.message_ids or []:
                    if message_id not in ids:
                        raise MessageNotFound(message_id=message_id)
                return Done()
            case ListPeers():
                return Peers(
                    peers=[
                        PeerView(
                            contact=view.contact,
                            contact_id=view.contact_id,
                            online=view.online,
                            address="127.0.0.1:4070",
                            direction="out",
                            connected_at_ms=NOW_MS,
                            known_addresses=["127.0.0.1:4070"],
                            last_error=None,
                            reach=view.reach,
                        )
                        for view in self.contacts.values()
                    ]
                )
            case Connect():
                self._contact(command.contact)
                return Done()
            case Status():
                return StatusView(
                    profile=self.profile,
                    name="Me",
                    fingerprint="ab" * 32,
                    port=4070,
                    addresses=["127.0.0.1:4070"],
                    pid=1,
                    started_at_ms=NOW_MS,
                    contacts=len(self.contacts),
                    online=len(self.contacts),
                    queued=0,
                    mdns="off",
                    machine=self.machine.state,
                    version="0.1.0",
                    started_seq=0,
                    last_seq=len(self.stored),
                )
            case Diagnose():
                return Diagnosis(checks=[Check(name="database", ok=True, found="intact")])
            case NoteLeaving():
                if command.contact is not None:
                    self.last_open_id = self._contact(command.contact).contact_id
                if command.room_id is not None:
                    self.last_room = command.room_id, command.channel
                return Done()
            case MarkRead():
                return Done()
            case ShowProfile():
                return self.own
            case SetProfile():
                asked = msgspec.structs.asdict(command)
                changes = {name: one for name, one in asked.items() if one is not None}
                self.own = msgspec.structs.replace(self.own, **changes)
                return self.own
            case ShowMachine():
                return self.machine
            case DecideMachine(stays=stays):
                self.machine = MachineView(state="alone" if stays else "closed", contacts=[])
                return self.machine
            case RotateIdentity():
                self.machine = MachineView(state="alone", contacts=[])
                self.identity = msgspec.structs.replace(self.identity, number=1)
                return self.identity
            case ShowIdentity():
                return self.identity
            case ListUnsent():
                return self.unsent
            case SendUnsent(contact=contact) | DropUnsent(contact=contact):
                left = [one for one in self.unsent.contacts if contact not in ("", one.contact)]
                self.unsent = Unsent(contacts=left)
                return self.unsent
            case MakeBackup():
                return msgspec.structs.replace(BACKUP, path=command.path)
            case ShowBackupSchedule():
                return self.schedule
            case ListArrivals():
                return Arrivals(
                    arrivals=self.arrivals,
                    last_open_id=self.last_open_id,
                    rooms=self.room_arrivals,
                    last_room_id=self.last_room[0],
                    last_channel=self.last_room[1],
                )
            case ListRooms():
                return Rooms(rooms=[])
            case ListRoomDrafts():
                return RoomDrafts(drafts=[])
            case ListMentions():
                found = [m for m in reversed(self.messages) if m.mention]
                return Messages(messages=found[: command.limit])
            case SearchPosts() | ListRoomBookmarks() | ListRoomMentions():
                author = command.author if isinstance(command, SearchPosts) else None
                known = {"me", *(one.contact.lower() for one in self.contacts.values())}
                if author is not None and author.lower() not in known:
                    raise MemberNotFound(name=author, room="your rooms")
                return Posts(posts=[])
            case ShowRoom():
                raise RoomNotFound(name=command.room)
            case StartPairing():
                if not self.pairing.on:
                    self.pairing = PairingView(
                        on=True,
                        alias=ALIAS,
                        port=4072,
                        addresses=["192.0.2.7:4072"],
                        mdns="on",
                        seconds_left=300,
                    )
                return self.pairing
            case ShowPairing():
                return self.pairing
            case StopPairing():
                self.pairing = PairingView()
                return Done()
            case PickPeer() | DialPeer():
                return Done()
            case AnswerWords():
                if command.same:
                    self.pairing = msgspec.structs.replace(self.pairing, answered=True)
                else:
                    self.end_meeting(WordsDiffer())
                return Done()
            case Stop():
                self.closed = True
                self._changed.set()
                return Done()
        raise AssertionError(command)


BACKUP = BackupView(
    path="",
    name="Ada",
    fingerprint="ab" * 32,
    made_at_ms=NOW_MS,
    opens_with="phrase",
    contacts_only=False,
    contacts=2,
    messages=3,
    rooms=0,
    posts=0,
    size_bytes=9,
)


class FakeProfiles:
    """Profiles in memory; `running` ones can be attached to."""

    def __init__(self) -> None:
        self.nodes: dict[str, FakeNode] = {}
        self.running: set[str] = set()
        self.unlocked: list[NodeOptions] = []
        self.numbers: list[int] = []
        """Of the identities that were restored."""
        self.created: list[tuple[str, str, str, int | None]] = []
        self.destroyed: list[tuple[str, bool]] = []
        self.ways: list[str] = []
        self.pins: list[str] = []
        self.duress: dict[str, str | None] = {}
        self.moves: list[tuple[str, Where]] = []
        self.lost: list[LostRows] = []
        """Of backups."""
        self.met = asyncio.Event()
        """The other machine of a move has come."""
        self.moved = asyncio.Event()

    def add(self, profile: str = "work", *, running: bool = False) -> FakeNode:
        self.nodes[profile] = node = FakeNode(profile)
        if running:
            self.running.add(profile)
        return node

    def list_profiles(self) -> list[ProfileInfo]:
        return [
            ProfileInfo(profile=name, path=Path("profiles") / name, running=name in self.running)
            for name in sorted(self.nodes)
        ]

    async def create(
        self, profile: str, name: str, passphrase: str, *, argon2_memory_mib: int | None = None
    ) -> str:
        if profile in self.nodes:
            raise ProfileExists(profile=profile)
        self.add(profile).passphrase = passphrase
        self.created.append((profile, name, passphrase, argon2_memory_mib))
        return " ".join(["abandon"] * 23 + ["art"])

    async def restore(
        self,
        profile: str,
        name: str,
        passphrase: str,
        phrase: str,
        *,
        number: int = 0,
        argon2_memory_mib: int | None = None,
    ) -> None:
        await self.create(profile, name, passphrase, argon2_memory_mib=argon2_memory_mib)
        self.created[-1] = (profile, name, phrase, argon2_memory_mib)
        self.numbers.append(number)

    async def change_passphrase(self, profile: str, old: str, new: str) -> None:
        if old != self.nodes[profile].passphrase:
            raise WrongPassphrase
        self.nodes[profile].passphrase = new

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        node = self.nodes[profile]
        if passphrase != node.passphrase:
            raise WrongPassphrase
        node.closed = False
        self.unlocked.append(options)
        return node

    async def set_duress(self, profile: str, passphrase: str, duress: str | None) -> None:
        if passphrase != self.nodes[profile].passphrase:
            raise WrongPassphrase
        self.duress[profile] = duress

    async def unlock_by(self, profile: str, way: str, ask: Asking, options: NodeOptions) -> Client:
        if way not in self.ways:
            raise CannotUnlock(what="No security key is plugged in")
        ask.touch()
        self.pins.append(ask.pin())
        return await self.unlock(profile, self.nodes[profile].passphrase, options)

    def unlocks(self, profile: str) -> list[str]:
        return self.ways

    async def add_unlock(self, profile: str, passphrase: str, way: str, ask: Asking) -> None:
        if passphrase != self.nodes[profile].passphrase:
            raise WrongPassphrase
        self.ways.append(way)

    async def remove_unlock(self, profile: str, way: str) -> None:
        if way not in self.ways:
            raise CannotUnlock(what=f"This profile is not unlocked by {way}")
        self.ways.remove(way)

    async def panic(self, profile: str, *, farewell: bool = True) -> Destroyed:
        self.destroyed.append((profile, farewell))
        return Destroyed(profile=profile, is_known=True, backups=["/media/stick"])

    def is_move_begun(self, profile: str) -> bool:
        return False

    async def move_away(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        has_files: bool = True,
        start_over: bool = False,
    ) -> MoveSent:
        await self._move(profile, where, front)
        return MoveSent(profile=profile, path=f"profiles/{profile}")

    async def move_here(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        start_over: bool = False,
        argon2_memory_mib: int | None = None,
    ) -> MoveReceived:
        await self._move(profile, where, front)
        self.add(profile).passphrase = passphrase
        return MoveReceived(profile=profile, backup=BACKUP)

    async def _move(self, profile: str, where: Where, front: Front) -> None:
        self.moves.append((profile, where))
        if where.dial is None:
            front.tell(MoveListening(addresses=["192.0.2.7:4070"]))
        await self.met.wait()
        front.tell(MoveWords(words=WORDS))
        if not await front.is_same():
            raise WordsDiffer
        front.tell(MoveProgress(done_bytes=1 << 20, size_bytes=5 << 20))
        await self.moved.wait()

    async def wipe_moved(self, profile: str, passphrase: str) -> None:
        del self.nodes[profile]

    async def backup_opens_with(self, path: Path) -> str:
        return BACKUP.opens_with

    async def verify_backup(
        self, path: Path, secret: str, moved: Moved = nothing_moved
    ) -> BackupVerified:
        return BackupVerified(backup=BACKUP, lost=self.lost)

    async def restore_backup(
        self,
        profile: str,
        path: Path,
        secret: str,
        passphrase: str,
        moved: Moved = nothing_moved,
        *,
        argon2_memory_mib: int | None = None,
    ) -> BackupRestored:
        self.add(profile).passphrase = passphrase
        return BackupRestored(profile=profile, backup=BACKUP, lost=self.lost, unsent=1)

    async def attach(self, profile: str) -> Client:
        if profile not in self.running:
            raise NodeNotRunning
        return self.nodes[profile]


class ServedProfiles(FakeProfiles):
    """One profile whose fake node other processes can reach over the real control socket."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.add("work").add("Bob")

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        node = self.nodes[profile]
        await super().unlock(profile, passphrase, options)
        if options.serve:
            server = ControlServer(node, paths_of(self.home, profile).socket, profile)
            await server.start()
            node.on_close = server.close
        return node

    async def attach(self, profile: str) -> Client:
        return await attach(paths_of(self.home, profile).socket)
