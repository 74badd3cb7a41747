"""What the app says of the owner's identity by itself, and what is left to do after new keys."""

from msgspec.structs import replace

from loom.api.events import LaterIdentityFound
from loom.api.identity_views import OldRoomKey
from loom.tui.app import LoomApp
from loom.tui.screens.identity import IdentityPanel
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.talking import TalkingNode


def words_of(app: LoomApp) -> str:
    """What is on the screen, without frames."""
    return " ".join("\n".join(text_of(app)).replace("│", " ").split())


async def test_rooms_where_the_old_key_counts_are_named(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        room = OldRoomKey(room="Book club\u202e", room_id="00" * 32, removers=["Bob"])
        made = OldRoomKey(room="Allotment", room_id="01" * 32, removers=[])
        node.identity = replace(node.identity, number=1, old_room_keys=[room, made])
        app.open_panel(IdentityPanel(app))
        await settle(pilot)
        shown = words_of(app)
        assert "Ask Bob to remove you there" in shown
        assert "In the room Allotment" in shown
        assert "\u202e" not in shown


async def test_a_newer_identity_is_said(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        node._event(LaterIdentityFound(number=2))
        await settle(pilot)
        assert "a contact knows identity number 3" in words_of(app)
