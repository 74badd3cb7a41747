"""What two people share from each other's tokens alone (docs/PROTOCOL.md 2)."""

import msgspec

from loom.crypto.kdf import hkdf
from loom.crypto.keys import X25519Key
from loom.model import PeerId
from loom.wire.encoding import enc


class DirectionKeys(msgspec.Struct, frozen=True):
    """The three 32-byte keys of one direction, which is what stops reflection."""

    tag: bytes
    link: bytes
    presence: bytes

    def __repr__(self) -> str:
        return "DirectionKeys(redacted)"


class PairKeys(msgspec.Struct, frozen=True):
    """Both directions of one contact.

    `sending`: we dial the link, or announce ourselves. `receiving`: the contact does.
    """

    sending: DirectionKeys
    receiving: DirectionKeys


def derive_pair_keys(
    local_key: X25519Key, local_id: PeerId, remote_id: PeerId, remote_public: bytes
) -> PairKeys:
    """The keys shared with the owner of a token; one key agreement, done when it is imported.

    Args:
        remote_public: 32 bytes, the token's X25519 key.

    Raises:
        MalformedMessage: not a canonical public key.
        AuthenticationError: a small-order key.
    """
    shared_secret = local_key.agree(remote_public)

    def keys(initiator: PeerId, responder: PeerId) -> DirectionKeys:
        block = hkdf(b"", shared_secret, enc(b"LOOM/1 pair", initiator, responder), 96)
        return DirectionKeys(tag=block[:32], link=block[32:64], presence=block[64:])

    return PairKeys(sending=keys(local_id, remote_id), receiving=keys(remote_id, local_id))
