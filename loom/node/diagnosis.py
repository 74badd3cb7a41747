"""What `loom doctor` asks an open profile."""

import contextlib
import shutil
import time
from pathlib import Path
from typing import Final

from loom.api.profile_views import Check, Diagnosis
from loom.errors import ProxyUnavailable, StoreError
from loom.node.network import Network
from loom.storage import link_rands
from loom.storage.database import Database

FREE_MIN_BYTES: Final = 64 * 1024 * 1024
EARLIEST_S: Final = 1_767_225_600
"""1 January 2026: no right clock is earlier than this program."""
DAY_S: Final = 86_400

# A backup is older than what was sent and received since: only a new process may advise it.
LOOK_AGAIN: Final = (
    "Stop Loom (`loom stop`, or quit the app), then run `loom doctor` again. Change nothing before."
)
RESTORE: Final = "Copy the profile's folder to a safe place, then restore it from a backup."


async def diagnose(database: Database, network: Network, folder: Path) -> Diagnosis:
    """Database, disk, port, discovery, proxy, clock."""
    return Diagnosis(
        checks=[
            await _database(database, network),
            _disk(folder),
            _port(network),
            _discovery(network),
            *await _proxy(network),
            await _clock(database),
        ]
    )


async def _database(database: Database, network: Network) -> Check:
    with contextlib.suppress(StoreError):
        # A page torn on its way into the file is whole in the log, where the check does not look.
        await database.checkpoint()
    faults = len(await database.integrity())
    if not faults:
        return Check(name="database", ok=True, found="whole", advice="")
    return Check(
        name="database",
        ok=False,
        found=f"{faults} fault{'s' if faults > 1 else ''}",
        advice=LOOK_AGAIN if network.is_online else RESTORE,
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    return Check(
        name="disk",
        ok=free >= FREE_MIN_BYTES,
        found=f"{free // (1024 * 1024)} MiB free",
        advice="" if free >= FREE_MIN_BYTES else "Free some space.",
    )


def _port(network: Network) -> Check:
    if not network.is_online:
        return Check(name="port", ok=True, found="no node runs; nothing is bound")
    fallback = network.has_fallen_back
    return Check(
        name="port",
        ok=not fallback,
        found=", ".join(network.addresses),
        advice="The remembered port is taken by another program." if fallback else "",
    )


def _discovery(network: Network) -> Check:
    state = network.mdns
    return Check(
        name="discovery",
        ok=state != "failed",
        found=f"mDNS is {state}",
        advice="" if state != "failed" else "Is the network up? Use `loom connect` meanwhile.",
    )


async def _proxy(network: Network) -> list[Check]:
    """Nothing where none is set."""
    if not network.proxy:
        return []
    try:
        await network.check_proxy()
    except ProxyUnavailable as error:
        found = f"{network.proxy}: {error.facts['reason']}"
        advice = "Start it (Tor: `systemctl start tor`), or correct the proxy in config.toml."
        return [Check(name="proxy", ok=False, found=found, advice=advice)]
    return [Check(name="proxy", ok=True, found=f"{network.proxy} answers")]


async def _clock(database: Database) -> Check:
    """Links are refused when two clocks differ by more than a day."""
    now_s = time.time()
    rands = await database.read(lambda db: link_rands.load(db, 0))
    latest_day = max((day for _, day, _ in rands), default=0)
    ok = now_s >= EARLIEST_S and now_s // DAY_S + 1 >= latest_day
    return Check(
        name="clock",
        ok=ok,
        found=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s)),
        advice="" if ok else "Set the clock: contacts are refused when it is wrong by a day.",
    )
