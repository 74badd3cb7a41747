"""vodozemac: Olm in Rust, through its Python bindings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.harness import Sample, Settings

if TYPE_CHECKING:
    from vodozemac import Session

TEXT = bytes(64)


def _pair() -> tuple["Session", "Session"]:
    """Two sessions past their pre-key messages."""
    import vodozemac

    ada, bob = vodozemac.Account(), vodozemac.Account()
    bob.generate_one_time_keys(1)
    (one_time_key,) = bob.one_time_keys.values()
    sender = ada.create_outbound_session(bob.curve25519_key, one_time_key)
    first = sender.encrypt(b"first").to_pre_key()
    if first is None:
        raise RuntimeError("the first message is not a pre-key message")
    receiver, _ = bob.create_inbound_session(ada.curve25519_key, first)
    sender.decrypt(receiver.encrypt(b"answer"))
    return sender, receiver


@contextmanager
def in_order(settings: Settings) -> Iterator[Sample]:
    """Messages per second, encrypted and decrypted one after the other."""
    sender, receiver = _pair()
    count = settings.amount(10_000, 200)

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            receiver.decrypt(sender.encrypt(TEXT))
        return count / (time.perf_counter() - start)

    yield sample


@contextmanager
def ping_pong(settings: Settings) -> Iterator[Sample]:
    """Seconds per turn: one message each way, so every message carries a new ratchet key."""
    sender, receiver = _pair()
    count = settings.amount(1_000, 50)

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            receiver.decrypt(sender.encrypt(TEXT))
            sender.decrypt(receiver.encrypt(TEXT))
        return (time.perf_counter() - start) / (2 * count)

    yield sample


@contextmanager
def reversed_kept(settings: Settings) -> Iterator[Sample]:
    """How many of 1,000 messages still open when the last one comes first."""
    import vodozemac

    def sample() -> float:
        sender, receiver = _pair()
        kept = 0
        for message in reversed([sender.encrypt(TEXT) for _ in range(1_000)]):
            try:
                receiver.decrypt(message)
            except vodozemac.OlmDecryptionException:
                continue
            kept += 1
        return kept

    yield sample
