"""What the shell offers while a command is typed: names of contacts, rooms and profiles.

Completion must neither ask nor wait: contacts are known where a node runs, and nowhere else.
Typer compares beginnings, upper and lower case apart.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, get_args

import typer

if TYPE_CHECKING:
    from loom.front.send import Send

TIMEOUT_S: Final = 3.0
"""A node that is busy answers within it, too."""
FILES: Final = 500
"""So many are offered, the newest ones."""
_SPECIAL: Final = re.compile(r"[^\w@%+=:,./-]")
_IN_QUOTES: Final = {"'": {"'"}, '"': set('"\\$`!')}
"""What a name in such quotes must not have."""


class Escaped(str):
    """A name as bash takes it; Typer drops what does not begin as it was typed, which is plain."""

    __slots__ = ()

    def startswith(self, *typed: Any) -> bool:
        """All of them begin so: others are not offered."""
        return True


def contact_names(context: typer.Context, incomplete: str) -> list[str]:
    """The contacts of the running node whose name begins so."""
    return _asked(context, incomplete, _contacts)


def room_names(context: typer.Context, incomplete: str) -> list[str]:
    """Its rooms."""
    return _asked(context, incomplete, _rooms)


def place_names(context: typer.Context, incomplete: str) -> list[str]:
    """Its contacts, then its rooms."""
    return _asked(context, incomplete, _contacts, _rooms)


def file_names(context: typer.Context, incomplete: str) -> list[str]:
    """Its files, by the digits that are shown."""
    return _asked(context, incomplete, _files)


async def _contacts(send: "Send") -> list[str]:
    from loom.api.contact_commands import ListContacts

    return [view.contact for view in (await send(ListContacts())).contacts]


async def _rooms(send: "Send") -> list[str]:
    from loom.api.room_commands import ListRooms

    return [view.room for view in (await send(ListRooms())).rooms]


async def _files(send: "Send") -> list[str]:
    from loom.api.file_commands import ListFiles

    return [view.file_id[-8:] for view in (await send(ListFiles(limit=FILES))).files]


def _asked(
    context: typer.Context, incomplete: str, *kinds: "Callable[[Send], Awaitable[list[str]]]"
) -> list[str]:
    from loom.cli.opening import Caller

    async def ask() -> list[str]:
        async with asyncio.timeout(TIMEOUT_S), caller.attached() as client:
            return [name for kind in kinds for name in await kind(client.send)]

    try:
        caller = Caller.of(context)
        return [] if caller.host else _offered(asyncio.run(ask()), incomplete)
    except Exception:  # noqa: BLE001 - a shell that completes has no place for a sentence
        return []


def profile_names(context: typer.Context, incomplete: str) -> list[str]:
    """The profiles whose name begins so."""
    from loom.cli.opening import Caller

    try:
        found = [info.profile for info in Caller.of(context).profiles.list_profiles()]
        return _offered(found, incomplete)
    except Exception:  # noqa: BLE001 - see above
        return []


def message_names(incomplete: str) -> list[str]:
    """The names of messages that are no numbers: the newest one of each side."""
    return _offered(["last", "theirs"], incomplete)


def event_types(incomplete: str) -> list[str]:
    """The types of events that begin so."""
    from loom.api.events import AnyEvent

    found = [str(one.__struct_config__.tag) for one in get_args(AnyEvent)]
    return _offered(sorted(found), incomplete)


def _offered(names: list[str], incomplete: str) -> list[str]:
    found = [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
    if not os.environ.get("_LOOM_COMPLETE", "").endswith("bash"):
        return found  # other shells quote what they are given; bash takes it as it stands
    if quote := _quote():
        return [name for name in found if not _IN_QUOTES[quote] & set(name)]
    return [Escaped(_SPECIAL.sub(r"\\\g<0>", name)) for name in found]


def _quote() -> str:
    """The quote with which the word that is typed begins, which bash closes by itself."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    at = os.environ.get("COMP_CWORD", "")
    typed = words[int(at)] if at.isdecimal() and int(at) < len(words) else ""
    return typed[:1] if typed[:1] in _IN_QUOTES else ""
