"""What was chosen in a poll: of each author the last choice in time (docs/PROTOCOL.md 14.3)."""

from collections.abc import Iterable

from loom.api.room_views import PollOption, PollView
from loom.core.room.post import ChoiceContent, PollContent
from loom.errors import InvalidInput
from loom.node.room_states import RoomNow, name_of
from loom.printable import printable
from loom.storage.room_posts import RoomPost


def poll_view(now: RoomNow, poll: PollContent, about: Iterable[RoomPost]) -> PollView:
    """As it stands. `about`: what was posted about it."""
    chosen = _chosen(poll, about)
    return PollView(
        options=[
            PollOption(
                text=printable(text),
                count=sum(place in places for places in chosen.values()),
                chosen_by=[name_of(now, who) for who, places in chosen.items() if place in places],
                own=any(place in chosen.get(who, ()) for who in now.own_authors),
            )
            for place, text in enumerate(poll.options)
        ],
        many=poll.many,
        voters=sum(1 for places in chosen.values() if places),
        closes_at_ms=poll.closes_at_ms,
        closed=is_closed(poll, now.now_ms),
    )


def is_closed(poll: PollContent, at_ms: int) -> bool:
    """Whether a choice made then counts no longer."""
    return 0 < poll.closes_at_ms <= at_ms


def encode_choices(choices: ChoiceContent) -> str:
    """As the body of a stored choice."""
    return " ".join(map(str, choices.choices))


def places_of(poll: PollContent, options: Iterable[str]) -> tuple[int, ...]:
    """Which options are meant, ascending, by their words or their numbers from 1.

    Raises:
        InvalidInput: there is none like that, or more than one where one may be chosen.
    """
    places = set()
    for text in options:
        if text in poll.options:
            places.add(poll.options.index(text))
        elif text.isdecimal() and len(text) < 3 and 1 <= int(text) <= len(poll.options):
            places.add(int(text) - 1)
        else:
            raise InvalidInput(what=f"The poll has no option {printable(text)}")
    if len(places) > 1 and not poll.many:
        raise InvalidInput(what="Only one option may be chosen in this poll")
    return tuple(sorted(places))


def _chosen(poll: PollContent, about: Iterable[RoomPost]) -> dict[bytes, set[int]]:
    """The places that each author chose; in the order of their posts."""
    last: dict[bytes, tuple[tuple[int, bytes], set[int]]] = {}
    for one in about:
        if one.kind != ChoiceContent.kind or one.is_gone or is_closed(poll, one.sent_at_ms):
            continue
        places = set(map(int, one.body.split()))
        if max(places, default=0) >= len(poll.options) or (len(places) > 1 and not poll.many):
            continue
        place = (one.number or 0, one.id)
        if one.author not in last or last[one.author][0] < place:
            last[one.author] = place, places
    return {author: places for author, (_, places) in last.items()}
