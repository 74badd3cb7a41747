"""What the shell offers while a command is typed: names of contacts and profiles.

Completion must neither ask nor wait: contacts are known where a node runs, and nowhere else.
Typer compares beginnings, upper and lower case apart.
"""

import asyncio
import os
import re
from typing import Final, get_args

import typer

TIMEOUT_S: Final = 1.0
FILES: Final = 500
"""So many are offered, the newest ones."""
_SPECIAL: Final = re.compile(r"[^\w@%+=:,./-]")


def contact_names(context: typer.Context, incomplete: str) -> list[str]:
    """The contacts of the running node whose name begins so."""
    from loom.api.contact_commands import ListContacts
    from loom.cli.opening import Caller

    async def ask() -> list[str]:
        async with asyncio.timeout(TIMEOUT_S), caller.attached() as client:
            return [view.contact for view in (await client.send(ListContacts())).contacts]

    try:
        caller = Caller.of(context)
        return [] if caller.host else _offered(asyncio.run(ask()), incomplete)
    except Exception:  # noqa: BLE001 - a shell that completes has no place for a sentence
        return []


def file_names(context: typer.Context, incomplete: str) -> list[str]:
    """The files of the running node, by the digits that are shown."""
    from loom.api.file_commands import ListFiles
    from loom.cli.opening import Caller

    async def ask() -> list[str]:
        async with asyncio.timeout(TIMEOUT_S), caller.attached() as client:
            return [view.file_id[-8:] for view in (await client.send(ListFiles(limit=FILES))).files]

    try:
        caller = Caller.of(context)
        return [] if caller.host else _offered(asyncio.run(ask()), incomplete)
    except Exception:  # noqa: BLE001 - see above
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
    found = [name for name in names if name.startswith(incomplete.lstrip("'"))]
    if not os.environ.get("_LOOM_COMPLETE", "").endswith("bash"):
        return found  # other shells quote what they are given; bash takes it as it stands
    if incomplete.startswith("'"):
        return [f"'{name}'" for name in found if "'" not in name]
    return [_SPECIAL.sub(r"\\\g<0>", name) for name in found]
