"""Which profiles are said to have a running node."""

from pathlib import Path

from loom.app import LocalProfiles
from loom.config import Settings, home_of, paths_of
from loom.control.endpoint import bind


def test_a_profile_whose_node_was_killed_does_not_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    paths = paths_of(home_of(settings), "work")
    paths.folder.mkdir(mode=0o700, parents=True)
    paths.keyslot.touch()

    def running() -> list[bool]:
        return [one.running for one in LocalProfiles(settings).list_profiles()]

    assert running() == [False]
    with bind(paths.socket) as bound:
        bound.listen()
        assert running() == [True]
    assert paths.socket.exists()
    assert running() == [False]
