"""Carries out what front ends ask: one method a command, found by the command's type."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar, cast

from loom.api.command import Command
from loom.config import Paths
from loom.errors import InvalidInput, ProfileClosed
from loom.node.backups import Backups
from loom.node.commands.anchors import AnchorCommands
from loom.node.commands.backups import BackupCommands
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.deletion import DeletionCommands
from loom.node.commands.farewells import FarewellCommands
from loom.node.commands.files import FileCommands
from loom.node.commands.identity import IdentityCommands
from loom.node.commands.invites import InviteCommands
from loom.node.commands.machine import MachineCommands
from loom.node.commands.mail_files import MailFileCommands
from loom.node.commands.messages import MessageCommands
from loom.node.commands.network import NetworkCommands
from loom.node.commands.pairing import PairingCommands
from loom.node.commands.panic import PanicCommands
from loom.node.commands.preferences import PreferenceCommands
from loom.node.commands.profile import ProfileCommands
from loom.node.commands.reading import ReadingCommands
from loom.node.commands.room_files import RoomFileCommands
from loom.node.commands.room_offers import RoomOfferCommands
from loom.node.commands.room_posts import RoomPostCommands
from loom.node.commands.room_preferences import RoomPreferenceCommands
from loom.node.commands.room_reading import RoomReadingCommands
from loom.node.commands.room_rules import RoomRuleCommands
from loom.node.commands.room_votes import RoomVoteCommands
from loom.node.commands.rooms import RoomCommands
from loom.node.commands.statements import StatementCommands
from loom.node.commands.timers import TimerCommands
from loom.node.farewells import Farewells
from loom.node.files.uploads import Uploads
from loom.node.identity.own import OwnIdentity
from loom.node.invites.own import OwnInvites
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.roster import Roster

if TYPE_CHECKING:
    from loom.node.pairing import PairingRoom

R = TypeVar("R")

_READING: Final = (
    *("list_", "show_", "find_", "read_", "history", "room_history", "search", "status"),
    *("diagnose", "check_phrase", "stop", "make_backup", "decide_machine", "note_leaving"),
)
"""How the tags of commands begin that a closed profile carries out: they queue nothing."""


def _is_reading(command: Command[R]) -> bool:
    return str(command.__struct_config__.tag).startswith(_READING)


class Commands:
    """All commands of a node."""

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        network: Network,
        make_pairing: "Callable[[], PairingRoom]",
        invites: OwnInvites,
        farewells: Farewells,
        made: Backups,
        identity: OwnIdentity,
        *,
        paths: Paths,
        remove_traces: Callable[[str], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        self._machine = parts.machine
        contacts = ContactCommands(parts, roster, network, farewells)
        self.pairing = PairingCommands(make_pairing, contacts)
        self.panic = PanicCommands(
            parts, farewells, paths=paths, remove_traces=remove_traces, stop=stop
        )
        inviting = InviteCommands(parts, roster, network, invites, contacts)
        room = RoomCommands(parts, roster, inviting)
        contacts.join_room = room.join
        uploads = Uploads(parts)
        room_files = RoomFileCommands(parts, roster, room, uploads)
        self._handlers = (
            MessageCommands(parts, roster, uploads).handlers
            | ReadingCommands(parts, roster).handlers
            | StatementCommands(parts, roster).handlers
            | DeletionCommands(parts, roster).handlers
            | contacts.handlers
            | inviting.handlers
            | room.handlers
            | RoomPostCommands(room).handlers
            | RoomReadingCommands(parts, room).handlers
            | RoomPreferenceCommands(parts, room).handlers
            | RoomRuleCommands(room).handlers
            | RoomVoteCommands(room).handlers
            | RoomOfferCommands(room).handlers
            | self.pairing.handlers
            | self.panic.handlers
            | TimerCommands(parts, roster, contacts).handlers
            | FarewellCommands(roster, farewells, contacts).handlers
            | FileCommands(parts, roster, uploads, room_files).handlers
            | room_files.handlers
            | PreferenceCommands(parts, roster).handlers
            | NetworkCommands(parts, roster, network).handlers
            | MailFileCommands(parts, roster).handlers
            | BackupCommands(parts, roster, made).handlers
            | IdentityCommands(identity).handlers
            | AnchorCommands(parts, roster, network.anchors).handlers
            | MachineCommands(parts, roster, stop=stop).handlers
            | ProfileCommands(parts, roster, network, paths=paths, stop=stop).handlers
        )

    async def carry_out(self, command: Command[R]) -> R:
        """The command's result, or the LoomError that stood in its way."""
        handler = self._handlers.get(type(command))
        if handler is None:
            raise InvalidInput(what="This is a profile: that is asked of an anchor")
        if self._machine.is_closed and not _is_reading(command):
            raise ProfileClosed
        return cast(R, await handler(command))
