"""What may be asked of the node about itself and its profile."""

from loom.api.command import Command
from loom.api.profile_views import Destroyed, Diagnosis, LogLines, OwnProfileView, StatusView
from loom.api.view import Done


class ReadLog(Command[LogLines], frozen=True, kw_only=True, tag="read_log"):
    """The last lines of the profile's log, which names no value; at most 500."""

    lines: int = 200


class Status(Command[StatusView], frozen=True, kw_only=True, tag="status"):
    """The node as it stands."""


class Diagnose(Command[Diagnosis], frozen=True, kw_only=True, tag="diagnose"):
    """Check the open profile: database integrity, disk, port, discovery, clock."""


class ShowProfile(Command[OwnProfileView], frozen=True, kw_only=True, tag="show_profile"):
    """What contacts are told of the owner."""


class SetProfile(Command[OwnProfileView], frozen=True, kw_only=True, tag="set_profile"):
    """Change what is not None; contacts are told of all but `invisible`.

    `invisible`: no advert, no link with a contact, and nothing is sent but what the owner writes.
    """

    name: str | None = None
    status: str | None = None
    away: bool | None = None
    invisible: bool | None = None


class CheckPhrase(Command[Done], frozen=True, kw_only=True, tag="check_phrase"):
    """Whether 24 recovery words are this identity's; raises InvalidPhrase when they are not."""

    phrase: str

    def __repr__(self) -> str:
        return "CheckPhrase(redacted)"


class Stop(Command[Done], frozen=True, kw_only=True, tag="stop"):
    """End the node after the current commit."""


class Panic(Command[Destroyed], frozen=True, kw_only=True, tag="panic"):
    """Destroy the profile: keyslot, farewells for at most 5 s, database and files; then end."""

    farewell: bool = True
    """Ask every contact to delete the conversation."""
