"""Hosts: network namespaces with a profile each, made and removed by the test (needs root)."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.e2e.processes import Daemon, Home
from tests.network.nat import Nat
from tests.network.wire import Wire

PORT = 7_000
IPV4 = ("10.9.0.1", "10.9.0.2")
IPV6 = ("fd09::1", "fd09::2")
ALICE, BOB = IPV4
_PREFIX = "loomtest"


def missing() -> str:
    """What this machine lacks for these tests; "" for nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root: run them as root"
    tried = f"{_PREFIX}-{os.getpid()}-try"
    try:
        _ip("netns", "add", tried)
        _ip("netns", "delete", tried)
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except FileNotFoundError as error:
        if error.filename == "ip":
            return "`ip` is missing: install iproute2"
        return "/dev/net/tun is missing: load the kernel module tun"
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here (a container?): {error.stderr.strip()}"
    except OSError as error:
        return f"/dev/net/tun cannot be used here (a container?): {error.strerror}"
    return ""


class Host(Home):
    """A namespace of its own, and a home whose commands run inside."""

    def __init__(self, namespace: str, folder: Path) -> None:
        super().__init__(folder, prefix=("ip", "netns", "exec", namespace))
        self.namespace = namespace

    def environment(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """As at home, but mDNS uses the host's own network."""
        return super().environment({"LOOM_MDNS_INTERFACE": None, **(changed or {})})

    def ip(self, *arguments: str) -> str:
        """`ip` inside."""
        return _ip("-n", self.namespace, *arguments)

    def set(self, name: str, value: str) -> None:
        """Change a kernel setting inside, such as net/ipv6/conf/all/disable_ipv6."""
        shell = ("sh", "-c", 'echo "$2" > "/proc/sys/$1"', "set", name, value)
        subprocess.run([*self.prefix, *shell], check=True)

    def take(self, device: str, name: str = "eth0") -> None:
        """Make a device of this machine one of the host's."""
        _ip("link", "set", device, "netns", self.namespace, "name", name)
        self.ip("link", "set", name, "up")

    def add(self, *addresses: str) -> None:
        """Give `eth0` addresses, usable at once."""
        for one in addresses:
            late = ("nodad",) if ":" in one else ()
            self.ip("address", "add", f"{one}/{64 if ':' in one else 24}", "dev", "eth0", *late)

    def skew(self, skew_s: int) -> None:
        """Set the clock of the nodes here wrong, also of those that run."""
        changing = self.folder / "skew.new"
        changing.write_text(str(skew_s))
        changing.replace(self.folder / "skew")
        if "tests.network.skewed" not in self.prefix:
            skewed = (sys.executable, "-m", "tests.network.skewed", str(self.folder / "skew"))
            self.prefix = (*self.prefix, *skewed)

    def node(self, profile: str, *options: str) -> AbstractContextManager[Daemon]:
        """A running node; without mDNS unless told otherwise."""
        host = "[::]" if "inet6 fd" in self.ip("address") else "0.0.0.0"  # noqa: S104
        return self.daemon(profile, "--listen", f"{host}:{PORT}", *(options or ("--no-mdns",)))

    def ethernet(self, device: str = "eth0") -> str:
        """The hardware address of a device."""
        return self.ip("-br", "link", "show", device).split()[2]

    @property
    def link_local(self) -> str:
        """The IPv6 address that `eth0` gave itself."""
        found = re.search(r"inet6 (fe80::\S+)/", self.ip("address", "show", "eth0"))
        assert found is not None
        return found.group(1)


@contextmanager
def two_hosts(made: Home, folder: Path) -> Iterator[tuple[Host, Host]]:
    """Two hosts without a network; both have all profiles of `made`."""
    with several_hosts(made, folder, "ab") as (one, other):
        yield one, other


@contextmanager
def several_hosts(made: Home, folder: Path, names: str) -> Iterator[list[Host]]:
    """Hosts without a network, one a letter; all have all profiles of `made`."""
    _remove_abandoned()
    with ExitStack() as stack:
        hosts = []
        for name in names:
            made.copy(folder / name)
            namespace = f"{_PREFIX}-{os.getpid()}-{name}"
            _ip("netns", "add", namespace)
            stack.callback(_ip, "netns", "delete", namespace)
            host = Host(namespace, folder / name)
            host.set("net/ipv6/conf/default/accept_dad", "0")
            host.ip("link", "set", "lo", "up")
            hosts.append(host)
        yield hosts


@contextmanager
def wired(hosts: tuple[Host, Host], addresses: tuple[str, str] = IPV4) -> Iterator[Wire]:
    """A cable between the two."""
    wire = Wire(seed=4)
    try:
        for host, device, address in zip(hosts, wire.names, addresses, strict=True):
            host.take(device)
            host.add(address)
        yield wire
    finally:
        wire.close()


@contextmanager
def behind_nat(host: Host, private: str, public: str, server: Host, device: str) -> Iterator[Wire]:
    """A cable from a host's translator to a server: what the host asks for goes there.

    Args:
        public: as whom the server sees the host.
        device: what the cable is called at the server.
    """
    wire = Wire(seed=4)
    try:
        wire.nat = Nat(private, public)
        host.take(wire.names[0])
        server.take(wire.names[1], device)
        host.add(private)
        gateway = f"{private.rpartition('.')[0]}.1"
        host.ip("neighbor", "add", gateway, "lladdr", server.ethernet(device), "dev", "eth0")
        host.ip("route", "add", "default", "via", gateway)
        server.ip("route", "add", public, "dev", device)
        server.ip("neighbor", "add", public, "lladdr", host.ethernet(), "dev", device)
        yield wire
    finally:
        wire.close()


@contextmanager
def bridged(hosts: tuple[Host, Host], addresses: tuple[str, str] = IPV4) -> Iterator[None]:
    """Both at a bridge of the kernel's, in a namespace of its own: a switch with real multicast."""
    switch = f"{_PREFIX}-{os.getpid()}-switch"
    _ip("netns", "add", switch)
    try:
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "br0", "up")
        for number, host in enumerate(hosts):
            port = f"port{number}"
            there = ("peer", "name", "eth0", "netns", host.namespace)
            _ip("-n", switch, "link", "add", port, "type", "veth", *there)
            _ip("-n", switch, "link", "set", port, "master", "br0", "up")
            host.ip("link", "set", "eth0", "up")
            host.add(addresses[number])
        yield
    finally:
        _ip("netns", "delete", switch)


def _remove_abandoned() -> None:
    """What a killed run left behind."""
    for line in _ip("netns", "list").splitlines():
        name = line.split()[0]
        kind, _, rest = name.partition("-")
        pid = rest.partition("-")[0]
        if kind == _PREFIX and pid.isdigit() and not Path("/proc", pid).exists():
            _ip("netns", "delete", name)


def _ip(*arguments: str) -> str:
    done = subprocess.run(
        ["ip", *arguments],  # noqa: S607
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout
