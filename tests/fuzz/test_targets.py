"""Every fuzz target over its corpus and a fixed number of fixed inputs; longer: `make fuzz`."""

import importlib.util
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import plain
from fuzz.target import corpus_of, keep, load, names
from fuzz.targets import schedule

ROOT = Path(__file__).parents[2]
SEED = 1


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_every_known_input_keeps_the_promise_within_its_memory(name: str) -> None:
    target = load(name)
    target.run(target.seeds[0])  # what is loaded on first use is not the input's
    for data in (*target.seeds, *corpus_of(name).values()):
        plain.run_weighed(target, data)


@pytest.mark.parametrize("name", names())
def test_changed_inputs_keep_the_promise_within_their_time(name: str) -> None:
    target = load(name)
    known = list(corpus_of(name).values())
    for data in islice(plain.inputs(target, known, SEED), target.executions):
        try:
            plain.run_timed(target, data)
        except BaseException as error:
            error.add_note(f"keep it: fuzz/corpus/{name}/NAME.hex with {data.hex()}")
            raise


@given(st.binary(max_size=120))
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_hypothesis_drives_the_schedule_too(data: bytes) -> None:
    schedule.run(data)


def test_every_target_states_its_promise_and_has_seeds() -> None:
    for name in names():
        target = load(name)
        assert target.run.__doc__, name
        assert target.seeds, name
        assert all(len(seed) <= target.max_bytes for seed in target.seeds), name


def test_a_kept_input_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.target.CORPUS", tmp_path)
    data = bytes(range(256))
    assert keep("token", "found-1", data).name == "found-1.hex"
    (tmp_path / "token" / "by-hand.txt").write_bytes(b"LOOM-")
    assert corpus_of("token") == {"found-1.hex": data, "by-hand.txt": b"LOOM-"}


def test_atheris_runs_a_target() -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: `make .venv/fuzz` where it has a build")
    command = [sys.executable, "-m", "fuzz", "payload", "--seconds", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    row = done.stdout.splitlines()[-1].split()
    executions, edges = (int(figure.replace(",", "")) for figure in row[1:3])
    assert row[0] == "payload"
    assert executions > 10
    assert edges > 10
