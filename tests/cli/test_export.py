"""`loom export`: where it goes, who is asked, what is said."""

import json
from pathlib import Path

import pytest

from loom.cli import terminal
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeNode, FakeProfiles


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """One contact, 450 messages."""
    node = profiles.add()
    node.add("Bob")
    for number in range(450):
        node.receive("Bob", f"fox {number} \x1b[2J")
    return node


@pytest.mark.parametrize("name", ["text", "markdown", "jsonl", "html"])
def test_everything_goes_to_a_private_file_or_to_standard_output(
    loom: Loom, node: FakeNode, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "talk"
    options = ("export", "Bob", "--format", name, "--yes")
    result = loom(*options, "--out", str(file))
    assert (result.exit_code, "450 messages with Bob" in result.output) == (0, True)
    assert file.stat().st_mode & 0o777 == 0o600
    said = file.read_text()
    assert [said.count(f"fox {number} ") for number in (0, 199, 200, 449)] == [1] * 4
    assert "\x1b" not in said
    printed = loom(*options)
    # The time of the export may differ.
    assert printed.stdout.splitlines()[-3:] == said.splitlines()[-3:]
    assert loom(*options, "--out", "-").stdout.splitlines()[-3:] == said.splitlines()[-3:]
    if name == "jsonl":
        assert [json.loads(line)["type"] for line in said.splitlines()] == ["message"] * 450


def test_a_part_of_it(loom: Loom, node: FakeNode) -> None:
    moment = str(node.messages[-1].sent_at_ms / 1_000)
    assert loom("export", "Bob", "--yes", "--since", moment).exit_code == 2
    nothing = loom("export", "Bob", "--yes", "--before", "1970-01-01", "--format", "jsonl")
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_nothing_is_written_unless_somebody_says_yes(
    loom: Loom, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "talk"
    refused = loom("--json", "export", "Bob", "--out", str(file))
    assert (refused.exit_code, objects(refused)[0]["code"]) == (2, "terminal_needed")
    asked: list[str] = []
    answers = ["", "no", "y", " YES "]

    def answer(prompt: str, **_: str) -> str:
        asked.append(prompt)
        return answers.pop(0)

    monkeypatch.setattr(terminal, "ask", answer)
    for _ in range(3):
        assert loom("export", "Bob", "--out", str(file)).exit_code == 2
    assert not file.exists()
    assert loom("export", "Bob", "--out", str(file)).exit_code == 0
    assert file.exists()
    assert len(asked) == 4
    assert "unencrypted" in asked[0]


def test_what_cannot_be_done_is_said(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    done = loom("--json", "export", "Bob", "--yes", "--out", str(tmp_path / "talk"))
    [line] = objects(done)
    assert (line["type"], line["messages"]) == ("conversation.written", 450)
    assert loom("export", "Nobody", "--yes").exit_code == 4
    assert loom("export", "Bob", "--yes", "--format", "docx").exit_code == 2
    assert loom("--json", "export", "Bob", "--yes").exit_code == 2
    assert loom("export", "Bob", "--yes", "--out", str(tmp_path)).exit_code == 2
    assert loom("export", "Bob", "--yes", "--out", str(tmp_path / "no" / "talk")).exit_code == 2
