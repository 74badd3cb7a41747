"""The second implementation at a real anchor, alone and with a real daemon."""

import hashlib
import itertools
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loom.wire.limits import SEALED_BUNDLE_BYTES
from tests.e2e.processes import ARGON2, LIMIT_S, Home, Running
from tests.interop.conftest import BOB, Talk
from tests.interop.programs import Program, Values, program

SERVE = ("anchor", "serve", "--listen", "127.0.0.1:0", "--json")
DAY_S = 86_400
INBOUND, OUTBOUND, INVITE, ADDRESS = range(4)
WORK_BITS = 20


@pytest.fixture(scope="session")
def made_anchor(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An anchor that never ran."""
    home = Home(tmp_path_factory.mktemp("anchor") / "a")
    home.run("anchor", "init", "--name", "Small", *ARGON2).ok()
    return home


class Serving:
    """An anchor that serves, and how to reach it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.process: Running

    @contextmanager
    def runs(self) -> Iterator[None]:
        with self.home.running(*SERVE) as self.process:
            self.port = int(self.process.object()["port"])
            yield

    def pair(self) -> str:
        """A text for one account."""
        address = f"127.0.0.1:{self.port}"
        return self.home.run("anchor", "pair", "--address", address).ok().stdout


@pytest.fixture
def anchor(made_anchor: Home, tmp_path: Path) -> Iterator[Serving]:
    one = Serving(made_anchor.copy(tmp_path / "a"))
    with one.runs():
        yield one


@pytest.fixture
def ada(tmp_path: Path) -> Iterator[Program]:
    with program(tmp_path) as one:
        yield one


class Account:
    """Ada's account at the anchor: a link of it, and links of guests."""

    def __init__(self, ada: Program, anchor: Serving) -> None:
        self.ada, self.anchor = ada, anchor
        self.secret = secrets.token_hex(32)
        self.read = ada.do("pairing_text", text=anchor.pair())
        self.mask_key = self.read["hints"][0]["mask_key"]

    def dials(self, link: str, secret: str, kind: str = "guest") -> None:
        address = {"host": "127.0.0.1", "port": self.anchor.port, "mask_key": self.mask_key}
        self.ada.do("anchor_dial", link=link, address=address, secret=secret, **{"as": kind})

    def ask(self, link: str, request: str, **options: Any) -> Values:
        found: Values = self.ada.do("anchor_ask", link=link, request=request, **options)
        return found

    def put(self, link: str, queue: str, blob: str) -> str:
        name: str = self.ada.do("anchor_put", link=link, secret=queue, blob=blob)["name"]
        return name

    def blob(self, queue: str, envelope: str | None = None) -> str:
        until = int(time.time()) + 30 * DAY_S
        body = envelope or secrets.token_hex(4_096)
        found: str = self.ada.do("blob", secret=queue, until=until, envelope=body)
        return found

    def begun(self) -> "Account":
        """Paired, with a link."""
        self.dials("pairing", self.read["secret"], "pairing")
        assert self.ask("pairing", "pair", account=self.secret)["name"] == "limits"
        self.dials("account", self.secret, "account")
        return self


def queue(account: Account, use: int = INBOUND, until: int = 0) -> str:
    """A new queue's secret."""
    secret = secrets.token_hex(32)
    assert account.ask("account", "open", secret=secret, args=[use, until])["name"] == "ok"
    return secret


def pushed(ada: Program, link: str) -> Values:
    return ada.until_event("push", link=link)


def test_a_pairing_text_serves_one_account(ada: Program, anchor: Serving) -> None:
    account = Account(ada, anchor).begun()
    again = account.ask("pairing", "pair", account=account.secret)
    assert again["name"] == "limits"
    assert (again["queueBlobs"], again["queues"]) == (1_000, 1_000)
    account.dials("pairing", account.read["secret"], "pairing")
    other = account.ask("pairing", "pair", account=secrets.token_hex(32))
    assert other["name"] == "unknown"


def test_mail_waits_while_the_anchor_is_killed(ada: Program, anchor: Serving) -> None:
    """A guest puts, the anchor dies, the holder reads in order and acknowledges."""
    account = Account(ada, anchor).begun()
    inbound = queue(account)
    account.dials("guest", inbound)
    sizes = (4_096, 16_384, 61_440)
    envelopes = [secrets.token_hex(size) for size in sizes]
    blobs = [account.blob(inbound, envelope) for envelope in envelopes]
    assert [account.put("guest", inbound, blob) for blob in blobs] == ["ok"] * 3
    assert account.put("guest", inbound, blobs[0]) == "ok"  # it is known
    ids = [{"bin": blob[:24]} for blob in blobs]
    unknown = {"bin": secrets.token_hex(12)}
    there = account.ask("guest", "have", secret=inbound, args=[[ids[2], unknown, ids[0]]])
    assert there["ids"] == [ids[2]["bin"], ids[0]["bin"]]

    anchor.process.end(signal.SIGKILL)
    with anchor.runs():
        account.dials("account", account.secret, "account")
        (stored,) = account.ask("account", "status")["queues"]
        assert stored[1:3] == [3, sum(size + 36 for size in sizes)]
        assert account.ask("account", "subscribe")["displaces"] is False
        pushes = [pushed(ada, "account") for _ in blobs]
        assert [(one["behind"], one["blob"]) for one in pushes] == list(
            zip((2, 1, 0), blobs, strict=True)
        )
        for push, envelope in zip(pushes, envelopes, strict=True):
            opened = ada.do("open_blob", secret=inbound, blob=push["blob"])
            assert opened["envelope"] == envelope
        assert account.ask("account", "ack", secret=inbound, args=[ids])["name"] == "ok"
        account.dials("guest", inbound)
        assert account.ask("guest", "have", secret=inbound, args=[ids])["ids"] == []


def test_bundles_are_handed_out_lowest_first_and_the_last_one_stays(
    ada: Program, anchor: Serving
) -> None:
    account = Account(ada, anchor).begun()
    inbound = queue(account)
    sealed = {place: secrets.token_hex(SEALED_BUNDLE_BYTES) for place in (3, 1, 0)}
    for place, one in sealed.items():
        lay = account.ask("account", "lay", secret=inbound, args=[place, {"bin": one}])
        assert lay["name"] == "ok"
    account.dials("guest", inbound)
    fetched = [account.ask("guest", "fetch", secret=inbound) for _ in range(4)]
    assert [one["sealed"] for one in fetched] == [sealed[place] for place in (0, 1, 3, 3)]
    assert [one["left"] for one in fetched] == [1, 0, 0, 0]


def test_an_outbound_queue_is_read_by_its_guest(ada: Program, anchor: Serving) -> None:
    account = Account(ada, anchor).begun()
    outbound = queue(account, OUTBOUND)
    account.dials("guest", outbound)
    account.ask("guest", "subscribe")
    assert pushed(ada, "guest")["blob"] is None
    blob = account.blob(outbound)
    assert account.put("account", outbound, blob) == "ok"
    assert pushed(ada, "guest")["blob"] == blob
    assert account.put("guest", outbound, blob) == "unknown"
    assert account.ask("account", "shut", secret=outbound)["name"] == "ok"
    assert account.put("account", outbound, blob) == "unknown"


def test_an_address_wants_work_and_an_invite_is_small(ada: Program, anchor: Serving) -> None:
    account = Account(ada, anchor).begun()
    address = queue(account, ADDRESS)
    account.dials("guest", address)
    blob = account.blob(address)
    ident = blob[:24]
    assert account.put("guest", address, blob) == "more"
    day = int(time.time()) // DAY_S
    nonce = found_work(ada.do("work_message", secret=address, blob_id=ident, day=day))
    shown = account.ask("guest", "work", secret=address, args=[{"bin": ident}, day, nonce])
    assert shown["name"] == "ok"
    assert account.put("guest", address, blob) == "ok"

    invite = queue(account, INVITE)
    account.dials("joiner", invite)
    answers = [account.put("joiner", invite, account.blob(invite)) for _ in range(33)]
    assert answers == ["ok"] * 32 + ["full"]

    ended = queue(account, INBOUND, int(time.time()))
    account.dials("late", ended)
    assert account.put("late", ended, account.blob(ended)) == "ended"


def found_work(message: str) -> int:
    """The first nonce whose hash begins with enough zero bits."""
    begun = hashlib.sha512(bytes.fromhex(message)[:-8])
    for nonce in itertools.count():
        one = begun.copy()
        one.update(nonce.to_bytes(8, "big"))
        if int.from_bytes(one.digest()[:4], "big") < 1 << 32 - WORK_BITS:
            return nonce
    raise AssertionError


def test_a_second_link_displaces_the_first(ada: Program, anchor: Serving) -> None:
    account = Account(ada, anchor).begun()
    account.ask("account", "subscribe")
    account.dials("again", account.secret, "account")
    ada.until_event("closed", link="account")
    assert account.ask("again", "subscribe")["name"] == "subscribed"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (3, "00" * 4_096),  # an envelope, as on a link with a contact
        (17, "000000019101"),  # an answer comes from the anchor only
        (16, "00000001"),
        (16, "0000000191cc03"),  # not the shortest form
        (16, "00000001920300"),  # a field too many
        (16, "00000001910c"),  # no such request
        (16, "00" * 4_151),  # no length of a put
    ],
)
def test_what_no_link_to_an_anchor_carries_closes_it(
    ada: Program, anchor: Serving, kind: int, body: str
) -> None:
    account = Account(ada, anchor).begun()
    ada.do("anchor_raw", link="account", type=kind, body=body)
    ada.until_event("closed", link="account")
    account.dials("account", account.secret, "account")
    assert account.ask("account", "status")["queues"] == []


def test_an_account_that_is_unpaired_is_gone(ada: Program, anchor: Serving) -> None:
    account = Account(ada, anchor).begun()
    assert account.ask("account", "unpair")["name"] == "ok"
    ada.until_event("closed", link="account")
    with pytest.raises(AssertionError):
        account.dials("account", account.secret, "account")


def test_strangers_to_an_anchor_hear_nothing(ada: Program, anchor: Serving) -> None:
    """Another key, or the right one behind another mask."""
    account = Account(ada, anchor).begun()
    for secret, mask_key in (
        (secrets.token_hex(32), account.mask_key),
        (account.secret, secrets.token_hex(16)),
    ):
        address = {"host": "127.0.0.1", "port": anchor.port, "mask_key": mask_key}
        refused = ada.ask(
            "anchor_dial", link="none", address=address, secret=secret, **{"as": "account"}
        )
        assert "error" in refused
    assert account.ask("account", "status")["name"] == "stored"


@pytest.mark.long
def test_texts_by_mail_both_ways(talk: Talk, anchor: Serving) -> None:
    """Bob uses the anchor and tells Ada; then they are never there at the same time."""
    talk.control.do("use_anchor", text=anchor.pair())
    talk.ada_dials()
    talk.ada_sends(["hello"])
    talk.bob_has(["hello"])
    talk.ada.until_event("mailboxes", directions=[INBOUND, OUTBOUND])
    talk.settled()
    talk.ada.do("hang_up", contact=BOB)
    talk.bob_runs("stop")
    assert talk.bob.process.wait(LIMIT_S) == 0
    for turn in range(3):
        asked = [f"{turn}: how", f"{turn}: are you"]
        talk.ada_sends(asked)
        assert set(talk.ada.do("post", contact=BOB)["put"]) == {"ok"}
        assert talk.ada.do("post", contact=BOB)["put"] == []  # all of it lies there
        with talk.bob_runs_again():
            until(lambda: bodies_at_bob(talk)[-2:], asked)
            answers = [f"{turn}: fine", f"{turn}: thanks"]
            talk.bob_sends(answers)
            talk.ada.do("collect", contact=BOB, texts=2)
            assert talk.inspect()["rows"] == 0
            talk.ada.do("post", contact=BOB)  # the receipts
            until(lambda: talk.control.do("status")["queued"], 0)
            [ada] = talk.control.do("list_peers")["peers"]
            assert (ada["address"], ada["reach"]["how"]) == (None, "anchor")
    assert [one[:3] for one in talk.adas_history()] == [one[:3] for one in talk.bobs_history()]


def bodies_at_bob(talk: Talk) -> list[str]:
    return [body for _, _, body, _ in talk.bobs_history()]


def until(look: Callable[[], object], wanted: object) -> None:
    """Look again until that is seen."""
    deadline = time.monotonic() + LIMIT_S
    while (seen := look()) != wanted:
        assert time.monotonic() < deadline, seen
