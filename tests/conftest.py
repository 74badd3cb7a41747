"""What every test shares: nothing of the person running the tests is read or written."""

import gc
import signal
from pathlib import Path

import hypothesis
import pytest

_FOREIGN = (
    "LOOM_PROFILE",
    "LOOM_PASSPHRASE_FILE",
    "LOOM_PASSPHRASE_COMMAND",
    "LOOM_MDNS_INTERFACE",
    "XDG_RUNTIME_DIR",
    "COLUMNS",
    "LINES",
)

# A shell that starts the tests in the background has them ignore Ctrl-C, nohup the end of the
# terminal, and all they start would, too.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# The same examples at each run, however busy the machine is; --hypothesis-profile=default draws
# others.
hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loom's home is a fresh folder, and no setting comes from outside."""
    for name in _FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "loom-home"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def pytest_collection_finish() -> None:
    """Collect garbage less often, and never look at what every test needs: a fifth of the time."""
    gc.freeze()
    gc.set_threshold(20_000)
