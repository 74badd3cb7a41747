"""Progress: a bar with rate and time left on a terminal, and nothing where nobody looks."""

import subprocess
import sys

import pytest

from tests.cli.on_terminal import ROOT, run_on_terminal

MOVING = """
from loom.cli.file_progress import Progress
from loom.cli.output import Output
with Progress.shown(Output(as_json={as_json}), "ho\x1b[2Jliday.zip") as progress:
    for part in range(1, 5):
        progress.moved(part * 500_000, 2_000_000)
print("end")
"""


def environment(term: str) -> dict[str, str]:
    return {"TERM": term, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "COLUMNS": "100"}


def test_a_person_sees_how_far_it_is_how_fast_and_for_how_long() -> None:
    command = [sys.executable, "-c", MOVING.format(as_json=False)]
    code, screen = run_on_terminal(command, environment("xterm-256color"), [])
    assert code == 0
    assert "\N{REPLACEMENT CHARACTER}[2Jliday.zip" in screen
    assert "2.0/2.0 MB" in screen
    assert "/s" in screen
    assert "0:00:0" in screen
    assert screen.rstrip().endswith("end")


@pytest.mark.parametrize(("term", "as_json"), [("dumb", False), ("xterm-256color", True)])
def test_a_simple_terminal_and_a_script_see_nothing(term: str, as_json: bool) -> None:
    command = [sys.executable, "-c", MOVING.format(as_json=as_json)]
    assert run_on_terminal(command, environment(term), []) == (0, "end\r\n")


def test_a_pipe_gets_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MOVING.format(as_json=False)],
        capture_output=True,
        text=True,
        env=environment("xterm-256color"),
        check=True,
    )
    assert (done.stdout, done.stderr) == ("end\n", "")
