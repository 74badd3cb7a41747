"""What the inputs of several vector files have in common: a time, bytes of a label, signatures."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

from tests.vectors.reference import Values, enc, unhex

UNIX_S = 1_800_000_000


def filler(label: str, size: int) -> bytes:
    """Fixed bytes that look random: SHAKE-256 of a label."""
    return hashlib.shake_256(b"LOOM/1 vectors " + label.encode()).digest(size)


def sign(keys: Values, label: str, message: bytes) -> str:
    signed = enc(b"LOOM/1 " + label.encode(), message)
    ed25519 = Ed25519PrivateKey.from_private_bytes(unhex(keys["ed25519_seed"]))
    mldsa = MLDSA65PrivateKey.from_seed_bytes(unhex(keys["mldsa_seed"]))
    return (ed25519.sign(signed) + mldsa.sign(signed)).hex()
