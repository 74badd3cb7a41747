"""What every test shares: nothing of the person running the tests is read or written."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loom's home is a fresh folder, and no setting comes from outside."""
    for name in ("LOOM_PROFILE", "LOOM_PASSPHRASE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "loom-home"))
