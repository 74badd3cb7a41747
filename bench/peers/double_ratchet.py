"""DoubleRatchet: the Double Ratchet in Python, with the primitives it recommends."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.harness import Sample, Settings

if TYPE_CHECKING:
    from doubleratchet import DoubleRatchet

TEXT = bytes(64)
ASSOCIATED_DATA = bytes(64)


async def _pair() -> tuple["DoubleRatchet", "DoubleRatchet"]:
    import doubleratchet
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from doubleratchet.recommended import (
        HashFunction,
        aead_aes_hmac,
        kdf_hkdf,
        kdf_separate_hmacs,
    )
    from doubleratchet.recommended import (
        diffie_hellman_ratchet_curve25519 as curve25519,
    )

    class Aead(aead_aes_hmac.AEAD):
        @staticmethod
        def _get_hash_function() -> HashFunction:
            return HashFunction.SHA_256

        @staticmethod
        def _get_info() -> bytes:
            return b"message key"

    class RootChain(kdf_hkdf.KDF):
        @staticmethod
        def _get_hash_function() -> HashFunction:
            return HashFunction.SHA_256

        @staticmethod
        def _get_info() -> bytes:
            return b"root chain"

    class MessageChain(kdf_separate_hmacs.KDF):
        @staticmethod
        def _get_hash_function() -> HashFunction:
            return HashFunction.SHA_256

    class Ratchet(doubleratchet.DoubleRatchet):
        @staticmethod
        def _build_associated_data(associated_data: bytes, header: doubleratchet.Header) -> bytes:
            return b"".join(
                (
                    associated_data,
                    header.ratchet_pub,
                    header.previous_sending_chain_length.to_bytes(8, "big"),
                    header.sending_chain_length.to_bytes(8, "big"),
                )
            )

    private_key = X25519PrivateKey.generate()
    shared_secret = bytes(32)
    sender, first = await Ratchet.encrypt_initial_message(
        diffie_hellman_ratchet_class=curve25519.DiffieHellmanRatchet,
        root_chain_kdf=RootChain,
        message_chain_kdf=MessageChain,
        message_chain_constant=b"\x01\x02",
        dos_protection_threshold=2_000,
        max_num_skipped_message_keys=2_000,
        aead=Aead,
        shared_secret=shared_secret,
        recipient_ratchet_pub=private_key.public_key().public_bytes_raw(),
        message=b"first",
        associated_data=ASSOCIATED_DATA,
    )
    receiver, _ = await Ratchet.decrypt_initial_message(
        diffie_hellman_ratchet_class=curve25519.DiffieHellmanRatchet,
        root_chain_kdf=RootChain,
        message_chain_kdf=MessageChain,
        message_chain_constant=b"\x01\x02",
        dos_protection_threshold=2_000,
        max_num_skipped_message_keys=2_000,
        aead=Aead,
        shared_secret=shared_secret,
        own_ratchet_priv=private_key.private_bytes_raw(),
        message=first,
        associated_data=ASSOCIATED_DATA,
    )
    answer = await receiver.encrypt_message(b"answer", ASSOCIATED_DATA)
    await sender.decrypt_message(answer, ASSOCIATED_DATA)
    return sender, receiver


@contextmanager
def in_order(settings: Settings) -> Iterator[Sample]:
    """Messages per second; one coroutine does them all, so the event loop costs nothing."""
    sender, receiver = asyncio.run(_pair())
    count = settings.amount(2_000, 100)

    async def exchange() -> float:
        start = time.perf_counter()
        for _ in range(count):
            message = await sender.encrypt_message(TEXT, ASSOCIATED_DATA)
            await receiver.decrypt_message(message, ASSOCIATED_DATA)
        return count / (time.perf_counter() - start)

    yield lambda: asyncio.run(exchange())


@contextmanager
def ping_pong(settings: Settings) -> Iterator[Sample]:
    """Seconds per turn: one message each way, so every message carries a new ratchet key."""
    sender, receiver = asyncio.run(_pair())
    count = settings.amount(300, 20)

    async def exchange() -> float:
        start = time.perf_counter()
        for _ in range(count):
            message = await sender.encrypt_message(TEXT, ASSOCIATED_DATA)
            await receiver.decrypt_message(message, ASSOCIATED_DATA)
            answer = await receiver.encrypt_message(TEXT, ASSOCIATED_DATA)
            await sender.decrypt_message(answer, ASSOCIATED_DATA)
        return (time.perf_counter() - start) / (2 * count)

    yield lambda: asyncio.run(exchange())
