"""What a front end is shown of the node and its profile."""

import msgspec

from loom.api.view import View


class LogLines(View, frozen=True, kw_only=True, tag="log"):
    """The end of the profile's log, oldest first."""

    lines: list[str]


class OwnProfileView(View, frozen=True, kw_only=True, tag="own_profile"):
    """What contacts are told of the owner; `invisible` is not told."""

    name: str
    status: str
    away: bool
    invisible: bool
    fingerprint: str


class StatusView(View, frozen=True, kw_only=True, tag="status"):
    """The node as it stands."""

    profile: str
    name: str
    fingerprint: str
    port: int
    addresses: list[str]
    pid: int
    started_at_ms: int
    contacts: int
    online: int
    queued: int
    in_mailboxes: int = 0
    """Of those that are queued."""
    mdns: str
    proxy: str = ""
    """`socks5://HOST:PORT`; empty: none is in use."""
    proxy_state: str = "off"
    """Off, checking, on or failed."""
    requests: int = 0
    """How many wait for a decision."""
    machine: str = "alone"
    """See `MachineView.state`."""
    version: str
    started_seq: int
    """The last stored event before this node began."""
    last_seq: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing `loom doctor` looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""


class Destroyed(View, frozen=True, kw_only=True, tag="destroyed"):
    """A profile that is no more.

    Args:
        asked: contacts that were to be asked to delete the conversation.
        told: those of them that have it, or whose anchor has.
        backups: files and folders with backups of it that are there still.
        is_known: whether the profile was open, so that contacts and backups were known.
    """

    profile: str
    asked: int = 0
    told: int = 0
    backups: list[str] = []
    is_known: bool = False


class Diagnosis(View, frozen=True, kw_only=True, tag="diagnosis"):
    """All checks of `loom doctor`."""

    checks: list[Check]
