"""What is said of old keys in rooms can be pasted into a shell, whatever a room is called."""

import shlex

import pytest

from loom.api.identity_views import OldRoomKey
from loom.front.identity_words import room_words

ROOM_ID = "ab" * 32


@pytest.mark.parametrize(
    ("name", "pasted"),
    [
        ("Garden", "Garden"),
        ("Book club", "Book club"),
        ("Tea & cake; $(reboot)", "Tea & cake; $(reboot)"),
        ("It's `mine`", ROOM_ID),
        ("-p", ROOM_ID),
        ("#2", ROOM_ID),
        ("two\nlines", ROOM_ID),
        ("over\u202eturned", ROOM_ID),
    ],
)
def test_the_command_names_the_room(name: str, pasted: str) -> None:
    said = room_words(OldRoomKey(room=name, room_id=ROOM_ID, removers=[]))
    command = said.rsplit("`", 2)[1]
    assert shlex.split(command) == ["loom", "room", "continue", pasted]


def test_who_does_it_by_themselves_is_named_before_whom_to_ask() -> None:
    key = OldRoomKey(room="Garden", room_id=ROOM_ID, renewers=["Ada"], removers=["Bob"])
    said = room_words(key)
    assert "until the program of Ada has let your new one in" in said
    assert "ask Bob to remove you there" in said
