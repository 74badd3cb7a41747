"""Eight members of a room and two anchors, killed, cut and away at random: all end with the same.

`LOOM_ROOM_RUN_S` makes it longer: ten minutes is 600.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loom.api.contact_commands import Connect, ExportToken, ImportToken
from loom.api.machine_commands import ShowMachine
from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    InviteToRoom,
    LeaveRoom,
    ListMembers,
    ListRooms,
    MakeRoom,
    PinPost,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    RoomHistory,
    SendPost,
    SetRoomChannel,
    ShowRoom,
)
from loom.api.room_views import PostView
from loom.errors import LoomError
from loom.wire.limits import ROOM_POSTS_SHOWN_PER_HOUR
from tests.e2e.processes import Home, new_profile
from tests.e2e.relay import HOST
from tests.e2e.test_chaos import Person, Place

RUN_S = float(os.environ.get("LOOM_ROOM_RUN_S", "40"))
SEED = int(os.environ.get("LOOM_CHAOS_SEED", "11"))
SETTLED_WITHIN_S = 300.0 + RUN_S
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")
STAFF, REMOVED, LEAVES = ("bob", "cyd"), "hal", "gus"
PAGE = 500
ANSWER_TIMEOUT_S = 30.0
POSTS_MAX = ROOM_POSTS_SHOWN_PER_HOUR - 5
"""Of one author: what is beyond 60 in an hour is shown to others later, and so not compared."""
SIGNS = ("\N{SNOWMAN}", "\N{THUMBS UP SIGN}", "")


class Storm:
    """All of them, and what each was told is posted."""

    def __init__(self, people: list[Person], places: list[Place]) -> None:
        self.people = {one.name: one for one in people}
        self.places = places
        self.things: list[Person | Place] = [*people, *places]
        self.chance = random.Random(SEED)
        self.room = ""
        self.posted: dict[str, list[str]] = {one.name: [] for one in people}
        self.known: list[PostView] = []
        self.written = dict.fromkeys(self.people, 0)
        self.cuts = self.steps = self.spells = 0
        self.out: set[str] = set()
        """Who was removed or left."""

    @property
    def inside(self) -> list[Person]:
        """Who is still a member."""
        return [one for name, one in self.people.items() if name not in self.out]

    async def begin(self) -> None:
        """Ada makes the room and lets in all others, who know her and the one beside them."""
        ada = self.people["ada"]
        made = await ada.client.send(MakeRoom(name="Garden"))
        self.room = made.room_id
        for person in list(self.people.values())[1:]:
            invite = await ada.client.send(InviteToRoom(room=self.room))
            await person.client.send(ImportToken(token=invite.text, name="ada"))
        people = list(self.people.values())
        for one, other in pairwise(people[1:]):
            for mine, theirs in ((one, other), (other, one)):
                token = (await theirs.client.send(ExportToken())).token
                await mine.client.send(ImportToken(token=token, name=theirs.name))
        await self.connect()
        await self.until_inside(len(people))
        for name in STAFF:
            member = name.title()
            await ada.client.send(AppointMember(room=self.room, member=member, role="moderator"))

    async def until_inside(self, count: int) -> None:
        deadline_s = time.monotonic() + SETTLED_WITHIN_S
        for person in self.inside:
            while True:
                [room] = (await person.client.send(ListRooms())).rooms
                if room.standing == "member" and room.members == count:
                    break
                assert time.monotonic() < deadline_s, (person.name, room)
                await asyncio.sleep(0.3)

    async def connect(self) -> None:
        """Everybody is up, and those who know each other are linked."""
        for one in self.things:
            one.way.is_open = True
        await asyncio.gather(*(one.up() for one in self.people.values()))
        names = list(self.people)
        for name, other in [*(("ada", one) for one in names[1:]), *pairwise(names[1:])]:
            to = Connect(contact=other, host=HOST, port=self.people[other].way.port)
            with suppress(LoomError):
                await self.people[name].client.send(to)

    async def live(self, until_s: float) -> None:
        """Things happen until then."""
        while time.monotonic() < until_s:
            self.steps += 1
            doing = [asyncio.create_task(self._act(one)) for one in self.people.values()]
            if self.chance.random() < 0.3:
                doing.append(asyncio.create_task(self._trouble(self.chance.choice(self.things))))
            await asyncio.gather(*doing)
            for place in self.places:
                place.way.is_open = self.chance.random() < 0.8
                if not place.way.target:
                    await place.up()
            await asyncio.sleep(self.chance.uniform(0, 0.5))

    async def _act(self, one: Person) -> None:
        if not one.is_up:
            if self.chance.random() < 0.4:
                await one.up()
            return
        with suppress(LoomError, TimeoutError, AssertionError):  # it was killed meanwhile
            await asyncio.wait_for(self._do(one), ANSWER_TIMEOUT_S)

    async def _do(self, one: Person) -> None:
        send, room, step = one.client.send, self.room, self.chance.random()
        known = self.chance.choice(self.known).post_id if self.known else None
        if step < 0.75 and self.written[one.name] >= POSTS_MAX:
            return
        self.written[one.name] += step < 0.75 or known is None
        if step < 0.5 or known is None:
            body = f"{one.name} {self.steps}"
            post = await send(SendPost(room=room, body=body))
            self.posted[one.name].append(post.post_id)
            self.known.append(post)
        elif step < 0.65:
            await send(ReactToPost(room=room, post_id=known, emoji=self.chance.choice(SIGNS)))
        elif step < 0.75 and self.posted[one.name]:
            post_id = self.chance.choice(self.posted[one.name])
            await send(EditPost(room=room, post_id=post_id, body=f"{one.name}, {self.steps}"))
        elif step < 0.8 and one.name in ("ada", *STAFF):
            await send(DeletePost(room=room, post_id=known))
        elif step < 0.85 and one.name in ("ada", *STAFF):
            await send(PinPost(room=room, post_id=known, on=self.chance.random() < 0.7))
        elif step < 0.88 and one.name in ("ada", *STAFF):
            channel = f"talk-{self.chance.randrange(4)}"
            on = self.chance.random() < 0.8
            await send(SetRoomChannel(room=room, channel=channel, topic=one.name, on=on))
        elif step < 0.9 and one.name == "ada":
            member, role = self.chance.choice(STAFF), self.chance.choice(["moderator", "helper"])
            await send(AppointMember(room=room, member=member.title(), role=role))
        elif step < 0.91 and one.name == "ada":
            await send(RenameRoom(room=room, name=f"Garden {self.steps}"))

    async def _trouble(self, thing: Person | Place) -> None:
        if self.chance.random() < 0.4:
            self.cuts += 1
            thing.way.cut()
        elif isinstance(thing, Place):
            await thing.kill()
        else:
            self.spells += 1
            await thing.down(self.chance.choice([signal.SIGKILL, signal.SIGTERM]))

    async def end_two(self) -> None:
        """One is removed while offline, and writes on; one leaves."""
        hal, ada, gus = self.people[REMOVED], self.people["ada"], self.people[LEAVES]
        hal.way.is_open = False
        hal.way.cut()
        for one in (hal, ada, gus):
            await one.up()
        await ada.client.send(RemoveMember(room=self.room, member=REMOVED.title(), ban=True))
        with suppress(LoomError):
            await hal.client.send(SendPost(room=self.room, body="hal goes on"))
        await gus.client.send(LeaveRoom(room=self.room))
        self.out |= {REMOVED, LEAVES}

    async def shown(self, one: Person) -> tuple[Any, ...]:
        """All that a member sees of posts and of the room itself."""
        room = await one.client.send(ShowRoom(room=self.room))
        members = (await one.client.send(ListMembers(room=self.room))).members
        posts: list[PostView] = []
        page = (await one.client.send(RoomHistory(room=self.room, limit=PAGE, oldest=True))).posts
        while page:
            posts += page
            after = RoomHistory(room=self.room, limit=PAGE, after=page[-1].post_id)
            page = (await one.client.send(after)).posts
        return (
            (room.room, room.history, room.retention_s, room.members, room.offered),
            [(each.channel, each.topic, each.restricted) for each in room.channels],
            [(each.author_id, each.name, each.role, each.rank) for each in members],
            [
                (
                    *(each.post_id, each.author_id, each.channel, each.order, each.sent_at_ms),
                    *(each.body, each.edited, each.deleted, each.doubled, each.pinned),
                    sorted((sign.author_id, sign.emoji) for sign in each.reactions),
                )
                for each in posts
                if each.kind == "text"
            ],
        )


def differences(seen: dict[str, tuple[Any, ...]]) -> list[str]:
    """What is not the same, for a test that fails."""
    first, *others = seen
    found = []
    for name in others:
        for part, other in zip(seen[first], seen[name], strict=True):
            if part != other:
                lacking = [each for each in _each(part) if each not in _each(other)]
                beyond = [each for each in _each(other) if each not in _each(part)]
                found.append(f"{name}: lacks {lacking[:3]} ({len(lacking)}), has {beyond[:3]}")
    return found


def _each(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [part]


async def people_of(home: Home, names: Iterable[str]) -> list[Person]:
    """Profiles at the lowest cost."""
    for name in names:
        await asyncio.to_thread(new_profile, home, name.title())
    return [Person(home, name) for name in names]


@pytest.mark.long
@pytest.mark.timeout(200 + 2 * int(SETTLED_WITHIN_S))
async def test_eight_members_see_the_same_after_kills_cuts_and_days_away(
    empty: Home, tmp_path: Path
) -> None:
    people = await people_of(empty, NAMES)
    places = [Place(tmp_path / name, name) for name in ("box0", "box1")]
    storm = Storm(people, places)
    try:
        for one in storm.things:
            await one.way.start()
            await one.up()
        for at, person in enumerate(people[:6]):
            await places[at % 2].serve(empty, person.name)
        await storm.begin()
        began_s = time.monotonic()
        await storm.live(began_s + RUN_S / 2)
        await storm.end_two()
        await storm.live(began_s + RUN_S)
        await storm.connect()
        deadline_s = time.monotonic() + SETTLED_WITHIN_S
        while True:
            for one in storm.inside:  # nobody has two machines
                assert (await one.client.send(ShowMachine())).state == "alone"
            seen = {one.name: await storm.shown(one) for one in storm.inside}
            if not (wrong := differences(seen)):
                break
            assert time.monotonic() < deadline_s, wrong
            await asyncio.sleep(2.0)
        ids = {each[0] for each in seen["ada"][3]}
        for one in storm.inside:
            assert set(storm.posted[one.name]) <= ids
        texts = [each[5] for each in seen["ada"][3]]
        assert "hal goes on" not in texts
        assert {name for _, name, *_ in seen["ada"][2]} == {
            one.name.title() for one in storm.inside
        }
    finally:
        for person in people:
            await person.down(signal.SIGTERM)
        for place in places:
            await place.kill()
        for one in storm.things:
            await one.way.stop()
    kills = sum(one.kills for one in storm.things)
    print(  # noqa: T201
        f"{len(texts)} posts, {storm.steps} steps, {kills} ends, {storm.cuts} cuts in {RUN_S:.0f} s"
    )
    assert "Traceback" not in empty.said()
