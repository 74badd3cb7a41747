"""Every test here runs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from loom.crypto import aead
from tests.node.harness import World
from tests.node.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of these tests."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An empty world; everybody in it is ended afterwards."""
    world = World(tmp_path)
    yield world
    await world.close()


@pytest.fixture
def sealings(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[bytes, bytes], bytes]]:
    """Everything that is sealed with a nonce that the caller gives, by key and nonce."""
    sealed: dict[tuple[bytes, bytes], bytes] = {}
    twice: list[str] = []

    def noting(cipher: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        class Noted:
            def __init__(self, key: bytes) -> None:
                self._key, self._cipher = bytes(key), cipher(key)

            def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
                given = bytes(data)
                if sealed.setdefault((self._key, bytes(nonce)), given) != given:
                    twice.append(f"{len(given)} bytes under {len(nonce)} bytes of nonce")
                result: bytes = self._cipher.encrypt(nonce, data, associated)
                return result

            def __getattr__(self, name: str) -> Any:
                return getattr(self._cipher, name)

        return Noted

    for name in ("ChaCha20Poly1305", "AESGCM"):
        monkeypatch.setattr(aead, name, noting(getattr(aead, name)))
    yield sealed
    assert sealed, "nothing was looked at"
    assert twice == []
