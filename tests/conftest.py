"""What every test shares: nothing of the person running the tests is read or written."""

from pathlib import Path

import pytest

_FOREIGN = (
    "LOOM_PROFILE",
    "LOOM_PASSPHRASE_FILE",
    "LOOM_PASSPHRASE_COMMAND",
    "LOOM_MDNS_INTERFACE",
    "XDG_RUNTIME_DIR",
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loom's home is a fresh folder, and no setting comes from outside."""
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "loom-home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
