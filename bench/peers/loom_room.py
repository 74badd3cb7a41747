"""A member of rooms in a process of its own, driven by lines: what the rows of rooms measure.

Rooms are named by numbers. A profile that is there already is opened when a line says so.

-> READY
<- MAKE room
-> MADE
<- INVITE room
-> TEXT text               an invite into it
<- JOIN room text          use one, until the node is in the room
-> JOINED
<- THERE room members limit_s
-> THERE                   once so many are in it, and the contacts online
<- AWAY                    close the node
-> GONE
<- FILL room posts         while it is closed: so many posts of its own of the days before
-> FILLED
<- SPREAD room posts       while it is closed: so many of strangers, the same at each member
-> SPREAD
<- BACK                    open it where nobody finds it
-> BACK port
<- LINK port               dial the only contact
-> LINKED
<- CATCH port last limit_s the same, and wait until the post of room 0 that says `last` is here
-> CAUGHT time_s           when that was, of the clock that all processes of a machine share
<- SHOW room               ask for the list of rooms and for the newest 50 of #general
-> SHOWN elapsed_s
<- WATCH                   note when posts come
-> WATCHING
<- POST body               in room 0
-> POSTED time_s           when that began
<- CAME body limit_s       wait until one that says so has come
-> CAME time_s             when front ends were told that it is stored
"""

import asyncio
import hashlib
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from loom.api.client import Client
from loom.api.contact_commands import Connect, ImportToken, ListContacts
from loom.api.events import RoomJoined, RoomPosted
from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions
from loom.api.room_commands import (
    InviteToRoom,
    ListRooms,
    MakeRoom,
    RoomHistory,
    SendPost,
    ShowRoom,
)
from loom.app import open_profiles
from loom.config import Settings, home_of, paths_of
from loom.core.room.keys import RoomSigner
from loom.core.room.post import SignedPost, TextContent, sign_post
from loom.model import Address
from loom.storage import room_blocks, room_posts, rooms, vault
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.storage.room_posts import RoomPost
from loom.storage.rooms import RoomRow

PROFILE = "bench"
PASSPHRASE = "bench room"
WORDS = "the apples in the garden are ripe, somebody should pick them before it rains again"
DAY_MS = 86_400_000
LOOK_S = 0.025
STRANGERS = 8
EVENT_BYTES = 330
PER_COMMIT = 50_000


class Member:
    """One node."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._profiles = open_profiles(Settings(home=home))
        self._client: Client
        self._watching: asyncio.Task[None] | None = None
        self._came_at: dict[str, asyncio.Future[float]] = {}

    async def open(self) -> int:
        """Open the node where nobody looks for it; its port."""
        options = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False, serve=False)
        if not self._profiles.list_profiles():
            await self._profiles.create(PROFILE, "Bench", PASSPHRASE, argon2_memory_mib=64)
        self._client = await self._profiles.unlock(PROFILE, PASSPHRASE, options)
        return (await self._client.send(Status())).port

    async def close(self) -> None:
        """Close the node."""
        await self._client.close()

    async def join(self, room: str, text: str) -> None:
        """Be let in."""
        await self._client.send(ImportToken(token=text))
        async for event in self._client.events(after=0):
            if isinstance(event, RoomJoined) and event.room == _name(room):
                return

    async def there(self, room: str, members: int) -> None:
        """Until everybody is in the room, and all who are contacts are online."""
        while True:
            shown = await self._client.send(ShowRoom(room=_name(room)))
            contacts = (await self._client.send(ListContacts())).contacts
            if shown.members >= members and all(one.online for one in contacts):
                return
            await asyncio.sleep(0.1)

    async def link(self, port: int) -> None:
        """Dial the only contact."""
        [contact] = (await self._client.send(ListContacts())).contacts
        await self._client.send(Connect(contact=contact.contact, host="127.0.0.1", port=port))

    async def catch(self, port: int, last: str) -> float:
        """The same; when the last post was here."""
        await self.link(port)
        while True:
            [newest] = (await self._client.send(RoomHistory(room=_name("0"), limit=1))).posts
            if newest.body == last:
                return time.monotonic()
            await asyncio.sleep(LOOK_S)

    async def show(self, room: str) -> float:
        """Seconds for what the app asks when a room is opened."""
        start = time.perf_counter()
        await self._client.send(ListRooms())
        await self._client.send(RoomHistory(room=_name(room), channel="general", limit=50))
        return time.perf_counter() - start

    def watch(self) -> None:
        """From now on note when each post came."""
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        async for event in self._client.events():
            if isinstance(event, RoomPosted):
                self._came_at.setdefault(event.body, _new_future()).set_result(time.monotonic())

    async def came(self, body: str) -> float:
        """When a post that says so was stored."""
        return await self._came_at.setdefault(body, _new_future())

    async def do(self, words: list[str]) -> str:
        """What one line asks; the answer."""
        match words:
            case ["MAKE", room]:
                await self._client.send(MakeRoom(name=_name(room)))
                return "MADE"
            case ["INVITE", room]:
                return f"TEXT {(await self._client.send(InviteToRoom(room=_name(room)))).text}"
            case ["JOIN", room, text]:
                await self.join(room, text)
                return "JOINED"
            case ["THERE", room, members, limit_s]:
                async with asyncio.timeout(float(limit_s)):
                    await self.there(room, int(members))
                return "THERE"
            case ["AWAY"]:
                await self.close()
                return "GONE"
            case ["FILL" | "SPREAD" as what, room, count]:
                fill(self._home, room, int(count), own=what == "FILL")
                return "FILLED"
            case ["BACK"]:
                return f"BACK {await self.open()}"
            case ["LINK", port]:
                await self.link(int(port))
                return "LINKED"
            case ["CATCH", port, last, limit_s]:
                async with asyncio.timeout(float(limit_s)):
                    return f"CAUGHT {await self.catch(int(port), f'{WORDS} {last}'):.9f}"
            case ["SHOW", room]:
                return f"SHOWN {await self.show(room):.9f}"
            case ["WATCH"]:
                self.watch()
                return "WATCHING"
            case ["POST", body]:
                start = time.monotonic()
                await self._client.send(SendPost(room=_name("0"), body=body))
                return f"POSTED {start:.9f}"
            case ["CAME", body, limit_s]:
                async with asyncio.timeout(float(limit_s)):
                    return f"CAME {await self.came(body):.9f}"
        raise ValueError(words)


def _name(room: str) -> str:
    return f"room {room}"


def _new_future() -> "asyncio.Future[float]":
    return asyncio.get_running_loop().create_future()


def fill(home: Path, room: str, count: int, *, own: bool) -> None:
    """As if a post had come every second until yesterday; `own`: signed, else by strangers."""
    paths = paths_of(home_of(Settings(home=home)), PROFILE)
    key = vault.unlock(paths.keyslot, PASSPHRASE).database_key()
    database = Database.open(paths.database, key)
    try:
        for first in range(0, count, PER_COMMIT):
            some = range(first, min(count, first + PER_COMMIT))
            database.write_now(partial(_fill, room=room, places=some, count=count, own=own))
    finally:
        database.close()


def _fill(db: Db, room: str, places: range, count: int, *, own: bool) -> None:
    [row] = [one for one in rooms.every(db) if one.name == _name(room)]
    numbers: list[tuple[bytes, int]] = []
    posts = _own(db, row, places, count) if own else _strangers(row, places, count)
    for stored, data in posts:
        room_posts.add(db, stored, data)
        numbers.append((stored.author, stored.number or 0))
    room_blocks.changed(db, row.room, numbers)
    rooms.put_order(db, row.room, row.largest_order + len(places), time.time_ns() // 1_000_000)


def _own(db: Db, row: RoomRow, places: range, count: int) -> Iterator[tuple[RoomPost, bytes]]:
    [key, *_] = rooms.keys(db, row.room)
    signer = RoomSigner(key.seeds[:32], key.seeds[32:])
    next_number = room_posts.largest_number(db, row.room, key.author) + 1
    for place, at in enumerate(places):
        number, order = next_number + place, row.largest_order + 1 + place
        content = TextContent("general", f"{WORDS} {number}")
        post = sign_post(signer, row.room_id, number, order, _sent_at_ms(at, count), content)
        yield _row_of(row, post, content), post.data


def _row_of(row: RoomRow, post: SignedPost, content: TextContent) -> RoomPost:
    return RoomPost(
        room=row.room,
        id=post.id,
        author=post.author,
        number=post.number,
        ordinal=post.order,
        sent_at_ms=post.sent_at_ms,
        stored_at_ms=post.sent_at_ms,
        kind=post.kind,
        channel=content.channel,
        body=content.body,
    )


def _strangers(row: RoomRow, places: range, count: int) -> Iterator[tuple[RoomPost, bytes]]:
    for at in places:
        author = hashlib.sha256(bytes([at % STRANGERS])).digest()
        sent_at_ms = _sent_at_ms(at, count)
        stored = RoomPost(
            room=row.room,
            id=hashlib.sha256(at.to_bytes(8, "big")).digest(),
            author=author,
            number=at // STRANGERS,
            ordinal=at + 1,
            sent_at_ms=sent_at_ms,
            stored_at_ms=sent_at_ms,
            kind=TextContent.kind,
            channel="general",
            body=f"{WORDS} {at}",
        )
        yield stored, bytes(EVENT_BYTES)


def _sent_at_ms(at: int, count: int) -> int:
    return time.time_ns() // 1_000_000 - DAY_MS - (count - at) * 1_000


async def serve(home: Path) -> None:
    """Do what the lines on stdin say until they end."""
    member = Member(home)
    print("READY", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await member.do(line.split()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
