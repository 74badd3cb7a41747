"""Refusing one stranger with 200 contacts: time, and that no public-key operation runs."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import primitives
from bench.rows.handshake import NOW_S, link_handshake, new_identity

if TYPE_CHECKING:
    from loom.core.gate import Gate

CONTACTS = 200
PUBLIC_KEY_MODULES = ("x25519", "ed25519", "mlkem", "mldsa", "x448", "ec", "dh", "rsa")


def _gate() -> "Gate":
    from loom.core.gate import ContactEntry, Gate
    from loom.core.pair_keys import DirectionKeys
    from loom.model import PersonId

    entries = tuple(
        ContactEntry(
            PersonId(number), DirectionKeys(os.urandom(32), os.urandom(32), os.urandom(32))
        )
        for number in range(CONTACTS)
    )
    return Gate(entries, NOW_S // 86_400, lambda contact_id, rand: False)


def _stranger() -> bytes:
    """The 40 clear bytes of somebody unknown, on the right day."""
    from loom.core.gate import make_clear
    from loom.core.pair_keys import DirectionKeys

    keys = DirectionKeys(os.urandom(32), os.urandom(32), os.urandom(32))
    return make_clear(keys.tag, os.urandom(16), NOW_S // 86_400)


def _count_public_key_calls(action: Callable[[], object]) -> int:
    """How often an action calls into the compiled public-key code of `cryptography`."""
    calls = 0

    def on_event(frame: FrameType, event: str, called: object) -> None:
        nonlocal calls
        if event != "c_call":
            return
        owner = getattr(called, "__self__", None)
        module = str(getattr(owner if isinstance(owner, type) else type(owner), "__module__", ""))
        module += str(getattr(called, "__module__", None) or getattr(owner, "__name__", ""))
        if "_rust" in module and module.rpartition(".")[2] in PUBLIC_KEY_MODULES:
            calls += 1

    sys.setprofile(on_event)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


@contextmanager
def refusal(settings: Settings) -> Iterator[Sample]:
    """Seconds from a stranger's first bytes to their refusal, 200 contacts tested."""
    from loom.core.link_ends import LinkResponder

    gate, stranger = _gate(), _stranger()
    count = settings.amount(100, 5)

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            responder = LinkResponder(gate, ephemeral_seed=bytes(32), now_s=0.0)
            responder.receive_data(stranger, 0.0)
        return (time.perf_counter() - start) / count

    yield sample


@contextmanager
def public_key_calls(settings: Settings) -> Iterator[Sample]:
    """Public-key operations one refusal causes, whole first flight included."""
    from loom.core.link_ends import LinkResponder

    if _count_public_key_calls(link_handshake(new_identity(), new_identity())) == 0:
        raise RuntimeError("the counter misses the public-key calls of a real handshake")
    gate, flight = _gate(), _stranger() + os.urandom(1_250)

    def refuse() -> None:
        responder = LinkResponder(gate, ephemeral_seed=bytes(32), now_s=0.0)
        responder.receive_data(flight, 0.0)

    yield lambda: _count_public_key_calls(refuse)


ROWS = (
    Row(
        "stranger",
        "refusing one stranger, 200 contacts",
        Unit.SECONDS,
        (Contender("loom", refusal), Contender("200 x hmac.digest", primitives.hmac_200)),
        (Target("200 x hmac.digest", at_most=1.5),),
    ),
    Row(
        "stranger-calls",
        "public-key calls for one stranger",
        Unit.CALLS,
        (Contender("loom", public_key_calls),),
        (Target(at_most=0),),
    ),
)
