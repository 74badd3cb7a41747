"""What somebody changed in a room, in words."""

import pytest

from loom.api.room_views import RoomLine
from loom.front.room_lines import line_words, policy_words


@pytest.mark.parametrize(
    ("retention_s", "said"),
    [
        (0, "for ever"),
        (3_600, "for 1 hour"),
        (5_400, "for 90 minutes"),
        (30 * 86_400, "for 30 days"),
    ],
)
def test_how_long_posts_last_is_said_in_the_largest_unit(retention_s: int, said: str) -> None:
    words = policy_words(5, retention_s)
    assert words == f"who joins is sent the last 5 posts; posts last {said}"


def test_a_line_of_ones_own_is_a_sentence_like_those_of_others() -> None:
    line = RoomLine(what="continued", whom="", value="Orchard")
    assert line_words("you", line) == "you offered to go on in a new room: Orchard"
