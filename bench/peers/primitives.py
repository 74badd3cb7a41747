"""Single operations that rows are measured in: an ML-DSA-65 signature, and HMAC-SHA-512."""

import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Sample, Settings


@contextmanager
def mldsa_sign_verify(settings: Settings) -> Iterator[Sample]:
    """Processor seconds of one ML-DSA-65 signature, made and verified, of 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

    private_key = MLDSA65PrivateKey.generate()
    public_key = private_key.public_key()
    message = bytes(64)
    count = settings.amount(300, 10)

    def sample() -> float:
        start = time.process_time()
        for _ in range(count):
            public_key.verify(private_key.sign(message), message)
        return (time.process_time() - start) / count

    yield sample


@contextmanager
def hmac_200(settings: Settings) -> Iterator[Sample]:
    """Seconds of 200 calls of `hmac.digest` with SHA-512, one key each, over a tag's input."""
    keys = [index.to_bytes(32, "big") for index in range(200)]
    message = bytes(46)  # as long as enc("LOOM/1 tag", day, rand)
    count = settings.amount(100, 5)

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            for key in keys:
                hmac.digest(key, message, "sha512")
        return (time.perf_counter() - start) / count

    yield sample
