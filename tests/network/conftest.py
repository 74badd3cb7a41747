"""Two hosts with Alice's and Bob's profiles; without what they need the tests are skipped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Home, introduce, new_profile
from tests.network import hosts as network


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Alice and Bob, who know each other."""
    if lacking := network.missing():
        pytest.skip(f"NOT RUN, bad networks: {lacking}")
    home = Home(tmp_path_factory.mktemp("made") / "h")
    for name in ("Alice", "Bob"):
        new_profile(home, name)
    introduce(home, "alice", "bob")
    return home


@pytest.fixture
def hosts(made: Home, tmp_path: Path) -> Iterator[tuple[network.Host, network.Host]]:
    """Two hosts without a network."""
    with network.two_hosts(made, tmp_path) as both:
        yield both
        for host in both:
            assert "Traceback" not in host.said()
