"""How long a plain copy stays for another program."""

from pathlib import Path

import pytest

from loom.api.file_views import FileView
from loom.cli import file_opening
from loom.cli.file_opening import opened
from loom.cli.output import Output
from loom.errors import InvalidInput

FILE = FileView(
    file_id="f1",
    message_id="f1",
    contact="Bob",
    contact_id=1,
    direction="in",
    name="a.txt",
    size_bytes=1,
    media_type="",
    state="done",
    received_bytes=1,
)
PEOPLE = Output(as_json=False)


async def test_it_goes_when_the_program_that_was_named_ends() -> None:
    assert await opened(PEOPLE, FILE, Path("/dev/null"), "cat", 600) is None


async def test_it_goes_when_the_time_is_over_and_the_program_is_waited_for() -> None:
    process = await opened(PEOPLE, FILE, Path("600"), "sleep", 0.2)
    assert process is not None
    process.kill()
    await process.wait()


async def test_a_program_that_only_hands_it_on_leaves_it_for_the_time_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(file_opening, "_opener", lambda _: "true")
    assert await opened(PEOPLE, FILE, Path("a.txt"), None, 1) is None
    assert "true has it. The copy is removed in 1 s" in capfd.readouterr().err


async def test_without_a_program_its_path_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(file_opening, "_opener", lambda _: None)
    assert await opened(PEOPLE, FILE, Path("/place/a.txt"), None, 0.1) is None
    assert capfd.readouterr().err.startswith("/place/a.txt\nNo program is known that opens it.")
    assert await opened(Output(as_json=True), FILE, Path("/place/a.txt"), None, 0.1) is None
    assert '"path":"/place/a.txt"' in capfd.readouterr().out


async def test_a_program_that_is_not_there_is_said() -> None:
    with pytest.raises(InvalidInput, match="There is no program none-of-that-name"):
        await opened(PEOPLE, FILE, Path("a.txt"), "none-of-that-name", 1)
