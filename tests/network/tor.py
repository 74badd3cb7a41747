"""A Tor network of its own: three authorities, three relays, a client and an onion service.

All of it runs in one network namespace that has nothing but loopback, so nothing can leave it.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

SOCKS_PORT = 9_050
CONTROL_PORT = 9_051
AUTHORITIES = RELAYS = 3
READY_MAX_S = 180.0
_COMMON = """\
TestingTorNetwork 1
DataDirectory {folder}
Log notice file {folder}/log
Address 127.0.0.1
AssumeReachable 1
ShutdownWaitLength 0
PathsNeededToBuildCircuits 0.25
"""
_AUTHORITY = """\
Nickname {name}
ORPort {or_port}
DirPort {dir_port}
SocksPort 0
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
ContactInfo nobody@example.invalid
ExitPolicy reject *:*
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
V3AuthNIntervalsValid 2
"""
_RELAY = """\
Nickname {name}
ORPort {or_port}
SocksPort 0
ExitPolicy reject *:*
"""
_CLIENT = f"""\
SocksPort {SOCKS_PORT}
ControlPort {CONTROL_PORT}
"""
_SERVICE = """\
SocksPort 0
HiddenServiceDir {folder}/service
HiddenServicePort {port} 127.0.0.1:{port}
"""


class TorNetwork(NamedTuple):
    """A running one."""

    onion: str
    """The name of the service."""
    prefix: Sequence[str]

    def socks_user_names(self) -> set[str]:
        """By which logins the client keeps its circuits apart."""
        ask = (
            "import socket, sys\n"
            f"s = socket.create_connection(('127.0.0.1', {CONTROL_PORT}))\n"
            "s.sendall(b'AUTHENTICATE\\r\\nGETINFO circuit-status\\r\\nQUIT\\r\\n')\n"
            "while data := s.recv(65536): sys.stdout.write(data.decode())\n"
        )
        done = subprocess.run(
            [*self.prefix, "python3", "-c", ask], check=True, capture_output=True, text=True
        )
        return set(re.findall(r'SOCKS_USERNAME="(\w+)"', done.stdout))


def missing() -> str:
    """What this machine lacks for it; "" for nothing."""
    lacking = [one for one in ("tor", "tor-gencert") if shutil.which(one) is None]
    return f"{' and '.join(lacking)} missing: install tor" if lacking else ""


@contextmanager
def tor_network(prefix: Sequence[str], folder: Path, port: int) -> Iterator[TorNetwork]:
    """Once client and service are ready; `port` of the service leads to that of loopback.

    Args:
        prefix: what runs a command in the namespace.
    """
    devices = _run(*prefix, "ip", "-br", "address").split("\n")
    assert [one.split()[0] for one in devices if one] == ["lo"], "this network must have no way out"
    folder.mkdir(mode=0o700)
    known = ""
    nodes: dict[str, str] = {}
    for n in range(AUTHORITIES):
        name = f"authority{n}"
        ports = {"or_port": 5_000 + n, "dir_port": 6_000 + n}
        nodes[name] = _torrc(folder / name) + _AUTHORITY.format(name=name, **ports)
        known += _new_authority(folder / name, nodes[name], **ports)
    for n in range(RELAYS):
        name = f"relay{n}"
        nodes[name] = _torrc(folder / name) + _RELAY.format(name=name, or_port=5_100 + n)
    nodes["client"] = _torrc(folder / "client") + _CLIENT
    service = folder / "service"
    nodes["service"] = _torrc(service) + _SERVICE.format(folder=service, port=port)
    with ExitStack() as stack:
        for name, text in nodes.items():
            file = folder / name / "torrc"
            file.write_text(text + known)
            process = subprocess.Popen([*prefix, "tor", "-f", file], stdout=subprocess.DEVNULL)
            stack.enter_context(process)
            stack.callback(process.terminate)
        for name in ("client", "service"):
            _wait_for(folder / name / "log", "Bootstrapped 100%")
        onion = (service / "service" / "hostname").read_text().strip()
        yield TorNetwork(onion, prefix)


def _torrc(folder: Path) -> str:
    folder.mkdir(mode=0o700, exist_ok=True)
    return _COMMON.format(folder=folder)


def _new_authority(folder: Path, text: str, *, or_port: int, dir_port: int) -> str:
    """Make its keys; the line by which everybody knows it."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    certificate = keys / "authority_certificate"
    at = f"127.0.0.1:{dir_port}"
    _run(
        "tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a", at,
        "-i", str(keys / "authority_identity_key"), "-s", str(keys / "authority_signing_key"),
        "-c", str(certificate),
    )  # fmt: skip
    (identity,) = re.findall(r"^fingerprint (\w+)$", certificate.read_text(), re.MULTILINE)
    # Its own fingerprint is not known yet, and without authorities it would take the public ones.
    nobody = f"DirAuthority nobody orport=1 v3ident={'A' * 40} 127.0.0.1:1 {'B' * 40}\n"
    (folder / "torrc").write_text(text + nobody)
    said = _run("tor", "-f", str(folder / "torrc"), "--list-fingerprint")
    (fingerprint,) = re.findall(rf"^{folder.name} ([0-9A-F ]+)$", said, re.MULTILINE)
    spelled = fingerprint.replace(" ", "")
    return f"DirAuthority {folder.name} orport={or_port} v3ident={identity} {at} {spelled}\n"


def _wait_for(log: Path, words: str) -> None:
    ends_s = time.monotonic() + READY_MAX_S
    while not (log.exists() and words in log.read_text()):
        assert time.monotonic() < ends_s, log.read_text() if log.exists() else "it said nothing"
        time.sleep(0.2)


def _run(*command: str) -> str:
    done = subprocess.run(command, input="x\n", check=True, capture_output=True, text=True)
    return done.stdout
