"""Nodes in rooms: a post to 31 others, catching up, memory and opening with a great many posts."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.processes import LineProcess
from bench.rows import delivery
from bench.rows.memory import resident_mib

ROOMS = 10
LIMIT_S = 120.0
COMPARED_S = 10.0
"""Every digest of a room is computed by then, and what that took given back."""
POSTS = 10
"""In a round; of more than 60 an hour by one author no front end is told (PROTOCOL 14)."""
AT_REST_S = 0.2
"""By then every node waits, and what followed the post before is done."""
DEADLINE_S = 1_800.0
RECEIPT = Contender("a message and its receipt", delivery.receipt)


class _Member:
    """One node in a process of its own; with the home of another one, its profile again."""

    def __init__(self, stack: ExitStack, home: str | None = None) -> None:
        import loom.app  # noqa: F401  # absent here means absent in the processes

        self.home = home or stack.enter_context(TemporaryDirectory())
        command = [sys.executable, "-m", "bench.peers.loom_room", self.home]
        self.process = stack.enter_context(LineProcess(command, DEADLINE_S))
        self.heard()

    def tell(self, line: str) -> None:
        """Without waiting for the answer."""
        self.process.write_line(line)

    def heard(self) -> str:
        """The next answer, without its first word."""
        return self.process.read_line().partition(" ")[2]

    def ask(self, line: str) -> str:
        """What it answers."""
        self.tell(line)
        return self.heard()


def _members(stack: ExitStack, count: int) -> list[_Member]:
    """Open ones; the first of them makes the rooms."""
    members = [_Member(stack) for _ in range(count)]
    for one in members:
        one.ask("BACK")
    return members


def _together(members: list[_Member], rooms: int = 1) -> None:
    """All in the rooms of the first one."""
    for room in range(rooms):
        members[0].ask(f"MAKE {room}")
        for one in members[1:]:
            one.ask(f"JOIN {room} {members[0].ask(f'INVITE {room}')}")
        for one in members:
            one.ask(f"THERE {room} {len(members)} {LIMIT_S}")


@contextmanager
def post(settings: Settings) -> Iterator[Sample]:
    """Seconds from a post until the last of 31 others told its front ends that it is stored."""
    with ExitStack() as stack:
        members = _members(stack, settings.amount(32, 3))
        _together(members)
        for one in members:
            one.ask("WATCH")
        number = iter(range(10**9))

        def once() -> float:
            body = f"post-{next(number)}"
            for one in members[1:]:
                one.tell(f"CAME {body} {LIMIT_S}")
            time.sleep(AT_REST_S)
            start = float(members[0].ask(f"POST {body}"))
            return max(float(one.heard()) for one in members[1:]) - start

        def sample() -> float:
            taken = sorted(once() for _ in range(settings.amount(POSTS, 2)))
            return taken[len(taken) // 2]

        once()
        yield sample


@contextmanager
def catch_up(settings: Settings) -> Iterator[Sample]:
    """Posts per second from the link to the last one stored; each round as many more."""
    count = settings.amount(10_000, 300)
    with ExitStack() as stack:
        members = _members(stack, 2)
        _together(members)
        there, back = members
        back.ask("AWAY")
        total = 0

        def sample() -> float:
            nonlocal total
            there.ask("AWAY")
            there.ask(f"FILL 0 {count}")
            total += count
            port = there.ask("BACK")
            back.ask("BACK")
            start = time.monotonic()
            end = float(back.ask(f"CATCH {port} {total - 1} {LIMIT_S}"))
            back.ask("AWAY")
            return count / (end - start)

        yield sample


@contextmanager
def _resident(settings: Settings, posts: int) -> Iterator[Sample]:
    """Resident MiB of a node in ten rooms that has compared them with another."""
    count = settings.amount(ROOMS, 2)
    with ExitStack() as stack:
        homes = []
        members = _members(stack, 2)
        _together(members, count)
        for one in members:
            one.ask("AWAY")
            for room in range(count):
                one.ask(f"SPREAD {room} {posts}")
            homes.append(one.home)

        def sample() -> float:
            with ExitStack() as these:
                one, other = (_Member(these, home) for home in homes)
                port = one.ask("BACK")
                other.ask("BACK")
                other.ask(f"LINK {port}")
                time.sleep(COMPARED_S)
                found = resident_mib(one.process.pid)
                for each in (one, other):
                    each.ask("AWAY")
                return found

        yield sample


@contextmanager
def memory(settings: Settings) -> Iterator[Sample]:
    """With 100,000 posts in each of them: how much more than with none."""
    with (
        _resident(settings, settings.amount(100_000, 500)) as full,
        _resident(settings, 0) as empty,
    ):
        yield lambda: full() - empty()


@contextmanager
def show(settings: Settings) -> Iterator[Sample]:
    """Seconds for the list of rooms and the newest 50 of a channel, of a node just opened."""
    posts = settings.amount(1_000_000, 2_000)
    with ExitStack() as stack:
        [maker] = _members(stack, 1)
        maker.ask("MAKE 0")
        maker.ask("AWAY")
        maker.ask(f"SPREAD 0 {posts}")
        one = _Member(stack, maker.home)

        def sample() -> float:
            one.ask("BACK")
            elapsed_s = float(one.ask("SHOW 0"))
            one.ask("AWAY")
            return elapsed_s

        yield sample


ROWS = (
    Row(
        "room-post",
        "a post in a room of 32 nodes, until the last has it stored",
        Unit.SECONDS,
        (Contender("loom", post), RECEIPT),
        (Target(RECEIPT.name, at_most=12),),
    ),
    Row(
        "room-catch-up",
        "10,000 posts that were missed, over one link",
        Unit.RATE,
        (Contender("loom", catch_up),),
        (Target(at_least=3_000),),
    ),
    Row(
        "room-memory",
        "node in ten rooms, 100,000 posts in each against none, resident",
        Unit.MIB,
        (Contender("loom", memory),),
        (Target(at_most=20),),
    ),
    Row(
        "room-open",
        "list of rooms and newest 50 of 1,000,000 posts, just opened",
        Unit.SECONDS,
        (Contender("loom", show),),
        (Target(at_most=0.1),),
    ),
)
