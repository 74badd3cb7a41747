"""What the figures were measured on: processor, Python, OpenSSL, libraries, load."""

import os
import platform
import sqlite3
import ssl
from importlib import metadata
from pathlib import Path

import msgspec

from bench.peers import toxcore

DISTRIBUTIONS = (
    "loom-messenger",
    "cryptography",
    "msgspec",
    "sqlcipher3",
    "typer",
    "vodozemac",
    "DoubleRatchet",
    "magic-wormhole",
    "magic-wormhole-mailbox-server",
)


class Machine(msgspec.Struct, frozen=True):
    processor: str
    cores: int
    system: str
    python: str
    openssl: str
    load_1min: float
    versions: dict[str, str]


def describe() -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        system=platform.platform(terse=True),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        openssl=_openssl(),
        load_1min=round(os.getloadavg()[0], 2),
        versions={name: _version(name) for name in DISTRIBUTIONS} | _libraries(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _openssl() -> str:
    """Python's own, and the one inside the wheel of `cryptography`, which does the work."""
    try:
        from cryptography.hazmat.backends.openssl import backend
    except ImportError:
        return f"{ssl.OPENSSL_VERSION} (Python)"
    return f"{backend.openssl_version_text()} (cryptography), {ssl.OPENSSL_VERSION} (Python)"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


def _libraries() -> dict[str, str]:
    return {"sqlite": sqlite3.sqlite_version, "toxcore": toxcore.version()}
