"""An anchor as a process: made, run, paired with, drained, moved; and what its disk holds."""

import asyncio
import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_bytes

import pytest

from loom.app.assembly import SystemClock
from loom.model import Address
from loom.ports import Clock, Transport
from loom.transport.tcp import TcpTransport
from loom.wire.pairing import decode_pairing_text
from loom.wire.requests import Ack, Have, Ids, Ok, Subscribe, Unknown
from tests.anchor_machine import (
    AnchorPeer,
    account_of,
    linked,
    opened,
    paired_by,
    put_of,
)
from tests.e2e.processes import ARGON2, LIMIT_S, Home, Running, _ended

SERVE = ("anchor", "serve", "--listen", "127.0.0.1:0", "--json")


class RunningAnchor:
    """A process that serves an anchor, as peers dial it."""

    def __init__(self, home: Home, process: Running) -> None:
        self.home = home
        self.process = process
        self.ready = process.object()
        assert self.ready["type"] == "anchor.ready"
        self.clock: Clock = SystemClock()
        self.random: Callable[[int], bytes] = token_bytes
        self.mask_key = decode_pairing_text(self.pair()).hints[0].mask_key

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", int(self.ready["port"]))

    def transport_of(self, host: str) -> Transport:
        return TcpTransport()

    def pair(self, *options: str) -> str:
        """A text for one account."""
        return self.home.run("anchor", "pair", "--address", str(self.address), *options).ok().stdout


@pytest.fixture(scope="session")
def made_anchor(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An anchor that never ran."""
    home = Home(tmp_path_factory.mktemp("anchor") / "a")
    home.run("anchor", "init", "--name", "Small Server", *ARGON2).ok()
    return home


@pytest.fixture
def anchor_home(made_anchor: Home, tmp_path: Path) -> Home:
    """A copy of its own."""
    return made_anchor.copy(tmp_path / "a")


@contextmanager
def serving(home: Home) -> Iterator[RunningAnchor]:
    """The anchor, ended at the latest when the block does."""
    process = home.start(*SERVE)
    with _ended(process):
        yield RunningAnchor(home, process)


async def test_mail_waits_while_nobody_is_there_and_the_anchor_is_killed(
    anchor_home: Home,
) -> None:
    puts = []
    with serving(anchor_home) as anchor:
        holder = await paired_by(anchor, anchor.pair(), "ada")
        queue, writer = await opened(anchor, holder, "in")
        for number in range(5):
            puts.append(put_of(queue, number))
            assert await writer.ask(puts[-1]) == Ok()
        assert anchor.process.end(signal.SIGKILL) == -signal.SIGKILL
    with serving(anchor_home) as anchor:
        holder = await linked(anchor, account_of("ada"))
        await holder.ask(Subscribe())
        async with asyncio.timeout(LIMIT_S):  # what is acknowledged first is not pushed
            while len(holder.pushes) < len(puts):
                holder.pushed.clear()
                await holder.pushed.wait()
        ids = tuple(put.blob_id for put in puts)
        assert await holder.ask(Ack(queue.queue_id, ids)) == Ok()
        assert [push.blob for push in holder.pushes] == [put.blob for put in puts]
        writer = await linked(anchor, queue.door)
        assert await writer.ask(Have(queue.queue_id, ids)) == Ids(())
        assert anchor.process.end() == 0


def test_pair_prints_exactly_the_text_and_a_newline(anchor_home: Home) -> None:
    with serving(anchor_home) as anchor:
        printed = anchor.pair("--expires", "2d")
        assert re.fullmatch(r"LOOM-[A-Z2-7]+\n", printed)
        assert decode_pairing_text(printed).hints[0].address == anchor.address
        again = anchor_home.run("anchor", "pair", "--json").ok().objects[0]
        assert again["addresses"] == [str(anchor.address)]
        wrong = anchor_home.run("anchor", "pair", "--expires", "soon", "--json")
        assert wrong.error["code"] == "invalid_input"
        assert "▀" in anchor_home.run("anchor", "pair", "--qr").ok().stdout


def test_status_and_accounts_say_what_is_there(anchor_home: Home) -> None:
    assert anchor_home.run("anchor", "status", "--json").error["code"] == "anchor_not_running"
    with serving(anchor_home) as anchor:
        status = anchor_home.run("anchor", "status", "--json").ok().objects[0]
        assert (status["anchor"], status["port"]) == ("small-server", anchor.ready["port"])
        twice = anchor_home.run("anchor", "serve", "--json").error
        assert twice["code"] == "profile_in_use"
        assert anchor_home.run("anchor", "accounts", "list", "--json").ok().stdout == ""
        gone = anchor_home.run("anchor", "accounts", "remove", "7", "--json").error
        assert gone["code"] == "invalid_input"
        assert anchor_home.run("anchor", "stop").ok().stdout == "The anchor is stopped.\n"
        assert anchor.process.process.wait(LIMIT_S) == 0


async def test_a_removed_account_is_gone_with_all_that_lay_there(anchor_home: Home) -> None:
    with serving(anchor_home) as anchor:
        holder = await paired_by(anchor, anchor.pair(), "ada")
        queue, writer = await opened(anchor, holder, "in")
        await writer.ask(put_of(queue, 1))
        listed = anchor_home.run("anchor", "accounts", "list", "--json").ok().objects
        assert [(one["queues"], one["blobs"]) for one in listed] == [(1, 1)]
        anchor_home.run("anchor", "accounts", "remove", str(listed[0]["account"])).ok()
        assert not await AnchorPeer(anchor, account_of("ada")).dial()
        assert not await AnchorPeer(anchor, queue.door).dial()


@pytest.mark.long
async def test_a_drained_anchor_hands_out_what_lies_there_and_ends(anchor_home: Home) -> None:
    with serving(anchor_home) as anchor:
        holder = await paired_by(anchor, anchor.pair(), "ada")
        queue, writer = await opened(anchor, holder, "in")
        put = put_of(queue, 1)
        await writer.ask(put)
        assert anchor_home.run("anchor", "drain", "--json").ok().objects[0]["draining"]
        assert anchor.process.end(signal.SIGKILL) == -signal.SIGKILL
    with serving(anchor_home) as anchor:
        holder = await linked(anchor, account_of("ada"))
        await holder.ask(Subscribe())
        writer = await linked(anchor, queue.door)
        assert await writer.ask(put) == Ok()  # it lies there
        assert type(await writer.ask(put_of(queue, 2))).__name__ == "Full"
        with suppress(ConnectionResetError):  # it ends at once
            await holder.ask(Ack(queue.queue_id, (put.blob_id,)))
        assert anchor.process.process.wait(LIMIT_S) == 0
    assert anchor_home.run("anchor", "drain", "--off").ok()


@pytest.mark.long
async def test_an_anchor_moves_house(anchor_home: Home, tmp_path: Path) -> None:
    """Accounts and queues go along, what lies in them is put again by its senders."""
    file = tmp_path / "moved"
    with serving(anchor_home) as anchor:
        mask_key = anchor.mask_key
        holder = await paired_by(anchor, anchor.pair(), "ada")
        queue, writer = await opened(anchor, holder, "in")
        put = put_of(queue, 1)
        await writer.ask(put)
        anchor_home.run("anchor", "export", str(file)).ok()
    assert file.stat().st_mode & 0o777 == 0o600
    assert account_of("ada").tag not in file.read_bytes()
    there = Home(tmp_path / "there")
    there.run("anchor", "import", str(file), "--name", "There").ok()
    with serving(there) as anchor:
        assert anchor.mask_key == mask_key
        writer = await linked(anchor, queue.door)
        assert await writer.ask(Have(queue.queue_id, (put.blob_id,))) == Ids(())
        assert await writer.ask(put) == Ok()
        holder = await linked(anchor, account_of("ada"))
        await holder.ask(Subscribe())
        async with asyncio.timeout(LIMIT_S):
            await holder.pushed.wait()
        assert await holder.ask(Ack(queue.queue_id, (put.blob_id,))) == Ok()
        assert [push.blob for push in holder.pushes] == [put.blob]


def test_a_changed_file_makes_no_anchor(anchor_home: Home, tmp_path: Path) -> None:
    file = tmp_path / "moved"
    anchor_home.run("anchor", "export", str(file)).ok()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    there = Home(tmp_path / "there")
    for content in (bytes(data), b"", b"LOOMANCH\1", data[:80]):
        file.write_bytes(content)
        refused = there.run("anchor", "import", str(file), "--name", "There", "--json")
        assert refused.error["code"] in ("invalid_input", "profile_damaged")
        assert not list((there.loom / "anchors").glob("*"))


def test_an_anchor_is_no_profile_and_a_profile_no_anchor(anchor_home: Home) -> None:
    assert anchor_home.run("profiles", "--json").ok().stdout == ""
    assert anchor_home.run("contacts", "list", "--json").error["code"] == "no_profile"
    missing = anchor_home.run("-p", "other", "anchor", "serve", "--json").error
    assert missing["code"] == "no_anchor"


def test_limits_come_from_its_file_and_a_wrong_one_is_named(anchor_home: Home) -> None:
    folder = anchor_home.loom / "config" / "anchors"
    folder.mkdir(parents=True)
    file = folder / "small-server.toml"
    file.write_text("[limits]\nqueue_blobs = 0\n")
    wrong = anchor_home.run(*SERVE).error
    assert wrong["code"] == "invalid_input"
    assert "queue_blobs" in wrong["message"]
    file.write_text("[limits]\nlinks = 7\n")
    with serving(anchor_home) as anchor:
        assert json.dumps(anchor.ready)


async def test_a_guest_may_not_read(anchor_home: Home) -> None:
    with serving(anchor_home) as anchor:
        holder = await paired_by(anchor, anchor.pair(), "ada")
        _, writer = await opened(anchor, holder, "in")
        assert await writer.ask(Subscribe()) == Unknown()


def test_the_background_anchor_goes_on(anchor_home: Home) -> None:
    ready = anchor_home.run(*SERVE, "--background").ok().objects[0]
    assert ready["type"] == "anchor.ready"
    try:
        assert anchor_home.run("anchor", "status", "--json").ok().objects[0]["pid"] == ready["pid"]
    finally:
        anchor_home.run("anchor", "stop").ok()
