"""People in a room, with keys made once; statements without the price of a signature."""

from functools import lru_cache
from itertools import count

from loom.core.room.keys import MemberKeys, RoomSigner
from loom.core.room.statement import (
    Admit,
    Appoint,
    Body,
    Capability,
    Genesis,
    Kept,
    SignedStatement,
    decode_head,
    encode_head,
    sign_genesis,
)
from loom.crypto.kdf import hash_
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import SIGNATURE_BYTES

UNSIGNED = bytes(SIGNATURE_BYTES)


@lru_cache
def signer(name: str) -> RoomSigner:
    """Always the same keys for a name."""
    seed = hash_(name.encode())
    return RoomSigner(seed[:32], seed[32:])


@lru_cache
def keys(name: str) -> MemberKeys:
    """The public half."""
    return signer(name).keys


def author(name: str) -> bytes:
    """Who that is in a room."""
    return keys(name).author


@lru_cache
def token(name: str) -> tuple[bytes, bytes]:
    """A fingerprint and a key."""
    seed = hash_(b"token " + name.encode())
    return seed[:32], X25519Key(seed[32:]).public


def genesis(name: str = "ada", nonce: bytes = bytes(16)) -> SignedStatement:
    """A room that `name` makes."""
    return sign_genesis(signer(name), Genesis(keys(name), token(name), name, "us", -1, 0, nonce))


class Writer:
    """Writes unsigned statements of one room; `materialize` verifies nothing."""

    def __init__(self, creator: str = "ada") -> None:
        self.genesis = genesis(creator)
        self.room_id = self.genesis.id
        self._numbers = {name: count(1) for name in (creator,)}

    def says(self, name: str, body: Body, number: int | None = None) -> SignedStatement:
        """The next statement of `name`, or one under a number."""
        if number is None:
            number = next(self._numbers.setdefault(name, count(1)))
        return self.states(author(name), body, number)

    def states(self, who: bytes, body: Body, number: int) -> SignedStatement:
        """The same of any author, such as a council."""
        return decode_head(encode_head(self.room_id, who, number, body))

    def admits(
        self, by: str, name: str, who: str | None = None, number: int | None = None
    ) -> SignedStatement:
        """`who`: whose identity, if it is another's."""
        body = Admit(keys(name), token(who or name), name, UNSIGNED, 0)
        return self.says(by, body, number)

    def appoints(
        self,
        by: str,
        name: str,
        capabilities: int = Capability.ALL,
        keep: tuple[Kept, ...] = (),
        since: int = 0,
        number: int | None = None,
    ) -> SignedStatement:
        """Makes `name` an officer."""
        return self.says(by, Appoint(keys(name), None, capabilities, keep, since), number)
