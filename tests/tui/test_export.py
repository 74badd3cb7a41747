"""Writing a conversation to a file from the app."""

from pathlib import Path

import pytest

from tests.tui.conftest import Opened, settle, text_of, until
from tests.tui.talking import TalkingNode


@pytest.mark.parametrize(
    ("keys", "ending", "holds"),
    [
        (("enter",), "txt", "  Ada:\n    see you at noon"),
        (("down", "enter"), "md", "Ada**\n\nsee you at noon"),
        (("down", "down", "enter"), "jsonl", '"body":"see you at noon"'),
        (("down", "down", "down", "enter"), "html", "see you at noon</p>"),
    ],
)
async def test_a_conversation_is_written_to_a_private_file(
    node: TalkingNode,
    opened: Opened,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str, ...],
    ending: str,
    holds: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with opened(node) as (app, pilot):
        await pilot.press(*"/export text", "enter")
        await settle(pilot)
        assert "The copy is not encrypted" in "\n".join(text_of(app))
        await pilot.press(*keys)
        file = tmp_path / f"loom-Ada.{ending}"
        await until(pilot, file.exists)
        await settle(pilot)
        assert "written to" in "\n".join(text_of(app))
        assert file.stat().st_mode & 0o777 == 0o600
        assert holds in file.read_text()
        before = file.read_bytes()
        await pilot.press("enter")
        await settle(pilot)
        assert "There is a file" in "\n".join(text_of(app))
        assert file.read_bytes() == before
