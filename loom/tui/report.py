"""A diagnostic report: versions, states and counts, with no name, no address, no id in it."""

import ipaddress
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

from loom.api.contact_views import Connectivity, PathView
from loom.api.profile_views import StatusView

LIBRARIES: Final = ("cryptography", "msgspec", "rich", "sqlcipher3", "textual", "zeroconf")
TERMINALS: Final = ("xterm", "screen", "tmux", "rxvt", "foot", "linux", "alacritty", "vt", "st")
"""The families that are named; anything else in TERM may be a word of the user's own."""


class Screen(NamedTuple):
    """What the app knows of the terminal."""

    width: int
    height: int
    unicode: bool
    focus: bool | None


def report(
    status: StatusView,
    connectivity: Connectivity,
    screen: Screen,
    environment: Mapping[str, str],
    now_ms: int,
) -> str:
    """Plain text; names are left out, and of addresses only their kind is said."""
    paths = connectivity.paths
    listening = ", ".join(sorted({address_kind(one) for one in connectivity.addresses}))
    focus = {None: "not reported", True: "here", False: "elsewhere"}[screen.focus]
    lines = [
        (
            f"Loom {status.version}; Python {platform.python_version()}; {sys.platform}"
            f" {platform.machine()}"
        ),
        "; ".join(f"{name} {_version(name)}" for name in LIBRARIES),
        (
            f"Terminal: {_terminal(environment)}, {screen.width}x{screen.height},"
            f" {'UTF-8' if screen.unicode else 'ASCII'}, focus {focus}"
            f"{', tmux' if environment.get('TMUX') else ''}"
            f"{', ssh' if environment.get('SSH_CONNECTION') else ''}"
        ),
        (
            f"Node: up {_ago(now_ms, status.started_at_ms)}, mDNS {connectivity.mdns},"
            f" proxy {connectivity.proxy_state},"
            f" listening on {listening or 'nothing'}"
        ),
        (
            f"Contacts: {len(paths)}, {sum(one.online for one in paths)} online;"
            f" queued {sum(one.queued for one in paths)},"
            f" arriving {sum(one.arriving for one in paths)},"
            f" dropped {sum(one.dropped for one in paths)},"
            f" strangers refused {connectivity.refused}"
        ),
    ]
    for place, path in enumerate(paths, 1):
        lines.append(f"Contact {place} of {len(paths)}: {_path(path, now_ms)}")
        lines += [
            f"  {_ago(now_ms, one.at_ms)} ago {one.what} {address_kind(one.address)}".rstrip()
            for one in reversed(path.changes)
        ]
    return "\n".join(lines) + "\n"


def address_kind(address: str) -> str:
    """`192.168.1.7:4070` as `private IPv4`; nothing of the address itself."""
    if not address:
        return ""
    host = address.rpartition(":")[0].strip("[]").split("%", 1)[0]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return "onion service" if host.endswith(".onion") else "host name"
    kinds = (
        ("any", ip.is_unspecified),
        ("loopback", ip.is_loopback),
        ("link-local", ip.is_link_local),
        ("private", ip.is_private),
    )
    kind = next((name for name, holds in kinds if holds), "public")
    return f"{kind} IPv{ip.version}"


def _path(path: PathView, now_ms: int) -> str:
    facts = ["online" if path.address else "not connected"]
    if path.address:
        facts += [path.direction or "", address_kind(path.address or "")]
        facts += ["through the proxy"] if path.proxied else []
    if path.connected_at_ms is not None:
        facts.append(f"for {_ago(now_ms, path.connected_at_ms)}")
    if path.last_error:
        facts.append(f"last error {path.last_error}")
    if path.failed_attempts:
        facts.append(f"failed attempts {path.failed_attempts}")
    if path.next_dial_at_ms is not None:
        facts.append(f"next in {max(path.next_dial_at_ms - now_ms, 0) // 1000} s")
    facts += ["heard through an anchor"] if path.reach.how == "anchor" else []
    facts.append(f"addresses {path.known_addresses}")
    facts += [f"in mailboxes {path.reach.waiting}"] if path.reach.waiting else []
    facts.append(f"queued {path.queued}, arriving {path.arriving}, dropped {path.dropped}")
    return ", ".join(fact for fact in facts if fact)


def _ago(now_ms: int, then_ms: int) -> str:
    seconds = max(now_ms - then_ms, 0) // 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _terminal(environment: Mapping[str, str]) -> str:
    term = environment.get("TERM", "")
    return next((one for one in TERMINALS if term.startswith(one)), "other" if term else "none")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
