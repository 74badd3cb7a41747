"""A real node and a SOCKS server that notes what it is asked; `tests/network` has Debian's."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loom.model import Address
from tests.e2e.conftest import Made
from tests.e2e.processes import ALONE, Home, history, introduce
from tests.transport.socks_server import Asked, SocksServer, socks_server

ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
NAME = "bob.example"
NOWHERE = Address("127.0.0.1", 1)


@pytest.fixture
def proxy() -> Iterator[tuple[SocksServer, str]]:
    """A server in a thread of its own, and its URL."""
    with _serving(NOWHERE) as (server, at):
        yield server, f"socks5://{at}"


@contextmanager
def _serving(target: Address) -> Iterator[tuple[SocksServer, Address]]:
    started = threading.Event()
    found: list[tuple[SocksServer, Address]] = []
    loop = asyncio.new_event_loop()
    ends = asyncio.Event()

    async def serve() -> None:
        async with socks_server(target) as one:
            found.append(one)
            started.set()
            await ends.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="proxy")
    thread.start()
    try:
        assert started.wait(30)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join()
        loop.close()


@pytest.mark.long
def test_contacts_are_reached_through_it_each_by_a_login_of_its_own(
    home: Home, made: Made, proxy: tuple[SocksServer, str]
) -> None:
    server, url = proxy
    introduce(home, "alice", "eve")

    def asked_by_a_run_of_alice() -> dict[str, Asked]:
        before = len(server.asked.items)
        with (
            home.daemon("alice", *ALONE, "--proxy", url),
            home.daemon("bob", *ALONE) as bob,
            home.daemon("eve", *ALONE) as eve,
        ):
            server.targets = {
                NAME: Address("127.0.0.1", bob.port),
                ONION: Address("127.0.0.1", eve.port),
            }
            for name, host in (("Bob", NAME), ("Eve", ONION)):
                home.run("-p", "alice", "connect", name, f"{host}:4070").ok()
                home.run("-p", "alice", "send", name, f"to {name}", "--wait", "60").ok()
            peers = home.run("-p", "alice", "peers", "--json").ok().objects
            assert {one["address"] for one in peers} == {f"{NAME}:4070", f"{ONION}:4070"}
            (status,) = home.run("-p", "alice", "status", "--json").ok().objects
            assert (status["proxy"], status["proxy_state"]) == (url, "on")
            assert url in home.run("-p", "alice", "status").ok().stdout
            checks = home.run("-p", "alice", "doctor", "--json").objects
            assert {c["name"]: c["ok"] for c in checks if c["name"] == "proxy"} == {"proxy": True}
        return {one.host: one for one in server.asked.items[before:]}

    first = asked_by_a_run_of_alice()
    assert all(one.is_name for one in first.values())
    assert first.keys() == {NAME, ONION}
    second = asked_by_a_run_of_alice()
    users = [one.user for run in (first, second) for one in run.values()]
    assert len(set(users)) == 4  # two contacts, two runs
    assert [one["body"] for one in history(home, "bob", "Alice")] == ["to Bob"] * 2


@pytest.mark.long
def test_every_way_to_open_a_profile_uses_the_proxy_of_the_config_file(
    home: Home, proxy: tuple[SocksServer, str]
) -> None:
    server, url = proxy
    config = home.loom / "config"
    config.mkdir()
    (config / "config.toml").write_text(f'[network]\nproxy = "{url}"\n')
    with home.daemon("bob", *ALONE) as bob:
        server.targets = {NAME: Address("127.0.0.1", bob.port)}
        home.run("-p", "alice", "connect", "Bob", f"{NAME}:4070").ok()  # a node for one command
        home.run("-p", "alice", "send", "Bob", "hello", "--wait", "60").ok()
    assert {one.host for one in server.asked.items} == {NAME}
    assert [one["body"] for one in history(home, "bob", "Alice")] == ["hello"]
    (config / "config.toml").write_text('[network]\nproxy = "http://127.0.0.1:3128"\n')
    for command in (("daemon",), ("connect", "Bob", "203.0.113.7:4070"), ("listen",)):
        error = home.run("-p", "alice", *command, "--json").error
        assert (error["code"], error["exit"]) == ("invalid_input", 2)
        assert "config.toml" in error["message"]
        assert "socks5://127.0.0.1:9050" in error["message"]
    checks = home.run("-p", "alice", "doctor", "--json").objects
    assert any(not one["ok"] and "config.toml" in one["found"] for one in checks)
    home.run("-p", "alice", "send", "Bob", "only queued").ok()  # this needs no network


def test_what_is_wrong_is_one_sentence_that_says_what_to_do(home: Home) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        url = f"socks5://127.0.0.1:{closed.getsockname()[1]}"
        with home.daemon("alice", *ALONE, "--proxy", url) as alice:
            warning = alice.until("warning")
            assert warning["code"] == "proxy_unavailable"
            for address in ("203.0.113.7:4070", "bob.example:4070", f"{ONION}:4070"):
                error = home.run("-p", "alice", "connect", "Bob", address, "--json").error
                assert (error["code"], error["exit"]) == ("proxy_unavailable", 1)
                assert url.removeprefix("socks5://") in error["message"]
            (status,) = home.run("-p", "alice", "status", "--json").ok().objects
            assert status["proxy_state"] == "failed"
            checks = home.run("-p", "alice", "doctor", "--json")
            assert checks.code == 1
            (check,) = [one for one in checks.objects if one["name"] == "proxy"]
            assert not check["ok"]
            assert check["advice"]
    with home.daemon("alice", *ALONE):
        error = home.run("-p", "alice", "connect", "Bob", f"{ONION}:4070", "--json").error
        assert error["code"] == "proxy_needed"
        assert "--proxy socks5://127.0.0.1:9050" in error["advice"]
        error = home.run("-p", "alice", "connect", "Bob", "short.onion:4070", "--json").error
        assert error["code"] == "invalid_onion"
    (peer,) = home.run("-p", "alice", "peers", "--json").ok().objects
    assert f"{ONION}:4070" in peer["known_addresses"]  # typed while a proxy was set
