"""Messages, search and stored events."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Direction, Message, MessageState, PeerId, PersonId
from loom.storage import events, messages, persons, search, unread
from tests.storage.given import add_contact, mid, say

ADA = ConversationId(1)
OUT = Direction.OUT


def _bodies(found: list[Message]) -> list[str]:
    return [m.body for m in found]


def _find(db: Connection, text: str, conversation_id: ConversationId | None = None) -> list[str]:
    search.index_new(db)
    return _bodies(search.search(db, text, conversation_id))


def test_a_page_is_the_newest_within_bounds_oldest_first(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    for number in range(1, 11):
        say(db, number, str(number), conversation_id=1 + number % 2)
    rows = messages.page(db, ConversationId(1), 10)
    assert _bodies(rows) == ["2", "4", "6", "8", "10"]
    assert _bodies(messages.page(db, ConversationId(1), 2)) == ["8", "10"]
    assert _bodies(messages.page(db, ConversationId(1), 2, before_ms=8)) == ["4", "6"]
    assert _bodies(messages.page(db, ConversationId(1), 9, since_ms=8)) == ["8", "10"]
    assert _bodies(messages.page(db, ConversationId(1), 2, before_row=rows[2].row_id)) == ["2", "4"]
    assert _bodies(messages.page(db, ConversationId(1), 9, after_row=rows[2].row_id)) == ["8", "10"]
    assert messages.page(db, ConversationId(9), 9) == []


def test_what_is_stored_is_what_is_read(db: Connection) -> None:
    stored = say(db, 7, "a\0b \u202e \U0001f980", direction=OUT, sent_at_ms=-3)
    assert messages.by_id(db, ADA, mid(7)) == stored == messages.page(db, ADA, 1)[0]
    assert messages.by_id(db, ADA, mid(7), PersonId(1)) is None
    assert messages.by_id(db, ADA, mid(8)) is None


def test_a_state_only_moves_up(db: Connection) -> None:
    for number in (1, 2, 3):
        say(db, number, direction=OUT)
    say(db, 4)
    ids = [mid(n) for n in (1, 2, 3, 4, 5)]
    move = messages.set_state
    assert move(db, ADA, ids[:2], MessageState.SENT) == ids[:2]
    assert move(db, ADA, ids, MessageState.DELIVERED) == ids[:3]
    assert move(db, ADA, ids[:1], MessageState.READ) == ids[:1]
    for back in (MessageState.QUEUED, MessageState.SENT, MessageState.FAILED):
        assert move(db, ADA, ids, back) == []
    states = [m.state.value for m in messages.page(db, ADA, 9)]
    assert states == ["read", "delivered", "delivered", "delivered"]


def test_a_failed_message_that_arrived_all_the_same_is_delivered(db: Connection) -> None:
    say(db, 1, direction=OUT)
    assert messages.set_state(db, ADA, [mid(1)], MessageState.FAILED)
    assert messages.set_state(db, ADA, [mid(1)], MessageState.DELIVERED)


def _unread(db: Connection) -> dict[int, int]:
    counts = unread.counts(db)
    for number in (ADA, ConversationId(2)):
        assert unread.count(db, number) == counts.get(number, 0)
    return {int(number): count for number, count in counts.items()}


def test_reading_tells_each_message_once(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    rows = [say(db, n).row_id for n in (1, 2)]
    say(db, 3, direction=OUT)
    say(db, 4)
    say(db, 5, conversation_id=2)
    assert _unread(db) == {1: 3, 2: 1}
    assert unread.mark_read(db, ADA, rows[1], now_ms=0) == (2, [mid(1), mid(2)])
    assert unread.mark_read(db, ADA, rows[1], now_ms=0) == (0, [])
    assert _unread(db) == {1: 1, 2: 1}
    assert unread.mark_read(db, ADA, 99, now_ms=0) == (1, [mid(4)])
    assert _unread(db) == {2: 1}
    say(db, 6)
    assert _unread(db) == {1: 1, 2: 1}


def test_what_was_not_on_the_screen_stays_unread(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    rows = [say(db, n).row_id for n in range(1, 7)]
    assert unread.mark_read(db, ADA, rows[4], rows[3], now_ms=0) == (2, [mid(4), mid(5)])
    assert _unread(db) == {1: 4}
    assert unread.first(db, ADA) == rows[0]
    assert unread.mark_read(db, ADA, 2**70, -(2**70), now_ms=0) == (
        4,
        [mid(n) for n in (1, 2, 3, 6)],
    )
    assert unread.first(db, ADA) is None


def test_what_is_marked_unread_again_is_told_no_second_time(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    rows = [say(db, n).row_id for n in range(1, 5)]
    say(db, 5, direction=OUT)
    assert unread.newest_incoming(db, ADA) == rows[3]
    unread.mark_read(db, ADA, rows[2], now_ms=0)
    assert unread.mark_unread(db, ADA, rows[1]) == 2
    assert _unread(db) == {1: 3}
    assert unread.first(db, ADA) == rows[1]
    assert unread.mark_unread(db, ADA, rows[1]) == 0
    assert unread.mark_read(db, ADA, 99, now_ms=0) == (3, [mid(4)])
    assert _unread(db) == {}


def test_unread_ones_are_counted_by_their_index_alone(db: Connection) -> None:
    say(db, 1)
    statements = (
        (unread._COUNTS, ()),
        (unread._FIRST, (ADA,)),
        (unread._MARK_READ, (0, ADA, 0, 9)),
    )
    for statement, values in statements:
        plan = str(db.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
        assert "unread_messages" in plan, plan


def test_counting_what_is_unread_costs_no_more_for_a_flood(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    say(db, 1, conversation_id=2)
    for number in range(2, unread.COUNTED_MAX + 50):
        say(db, number)
    assert _unread(db) == {1: unread.COUNTED_MAX, 2: 1}
    newest = messages.page(db, ADA, 1)[0].row_id
    assert unread.mark_read(db, ADA, newest - 2, now_ms=0)[0] == unread.COUNTED_MAX + 46
    assert _unread(db) == {1: 2, 2: 1}


def test_the_last_message_of_each_conversation(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    add_contact(db, "Eve", PeerId(b"E" * 32))
    say(db, 9, "old")
    say(db, 3, "Bob's", conversation_id=2)
    newest = say(db, 1, "new")
    found = messages.last_messages(db)
    assert set(found) == {1, 2}
    assert found[ADA] == newest


def test_deleting_takes_only_what_was_named(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    for number in (1, 2, 3):
        say(db, number, f"word{number}")
    say(db, 1, "word1", conversation_id=2)
    say(db, 1, "word1", direction=OUT)  # both may choose one id
    assert messages.delete(db, ADA, [mid(1), mid(9)]) == [mid(1)]
    assert _bodies(messages.page(db, ADA, 9)) == ["word2", "word3"]
    assert messages.delete_all(db, ADA) == 2
    assert _find(db, "word") == ["word1"]


def test_a_row_number_is_never_used_again(db: Connection) -> None:
    last = say(db, 1).row_id
    messages.delete_all(db, ADA)
    assert say(db, 2).row_id > last


# --- search ---


def test_search_finds_words_by_their_beginning_newest_first(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    say(db, 1, "See you at the Café tomorrow")
    say(db, 2, "cafeteria?", conversation_id=2)
    say(db, 3, "nothing", conversation_id=2)
    assert _find(db, "cafe") == ["cafeteria?", "See you at the Café tomorrow"]
    assert _find(db, "CAFÉ") == _find(db, "cafe")
    assert _find(db, "tom caf") == ["See you at the Café tomorrow"]
    assert _find(db, "cafe", ADA) == ["See you at the Café tomorrow"]
    assert _find(db, "afe") == []
    newest = search.search(db, "cafe", limit=1)[0]
    assert newest.conversation_id == 2
    assert len(search.search(db, "cafe", before_row=newest.row_id)) == 1


@given(text=st.text(max_size=40) | st.text('"*()^:-+{}AND ORNEAR,\0', max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_no_typed_text_breaks_the_query(db: Connection, text: str) -> None:
    assert isinstance(_find(db, text), list)


def test_search_operators_are_plain_words(db: Connection) -> None:
    say(db, 1, "alpha beta")
    for text in ("alpha OR gamma", "alpha NOT beta", "body:alpha", "^gamma", "NEAR(alpha beta)"):
        assert _find(db, text) == []
    assert _find(db, '"alpha') == _find(db, "alpha*") == _find(db, "(beta)") == ["alpha beta"]
    assert _find(db, "") == _find(db, '"') == _find(db, "***") == []


# --- events ---


def _event(number: int, row: int | None = None, conversation: int = 1) -> events.NewEvent:
    return events.NewEvent(
        body=str(number).encode(),
        created_at_ms=number,
        conversation_id=ConversationId(conversation),
        message_row=row,
    )


def test_events_replay_in_order_with_the_row_of_their_message(db: Connection) -> None:
    row = say(db, 1, "what was said").row_id
    assert events.last_seq(db) == 0
    assert [events.append(db, one) for one in (_event(1), _event(2, row), _event(3))] == [1, 2, 3]
    replayed = events.after(db, 1, 9)
    assert [(e.seq, e.body, e.message_row) for e in replayed] == [(2, b"2", row), (3, b"3", None)]
    assert [e.seq for e in events.after(db, 0, 2)] == [1, 2]
    messages.delete(db, ADA, [mid(1)])
    assert say(db, 2, "another text").row_id != row


def _flood(db: Connection, contact: int | None, events_: int) -> None:
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO events (body, conversation_id, created_at_ms) SELECT x'00', ?, 1 FROM n",
        (events_, contact),
    )


def test_a_number_is_given_once_even_when_its_event_is_gone(db: Connection) -> None:
    events.append(db, _event(1))
    events.append(db, _event(2, conversation=2))
    assert events.forget(db, ConversationId(2)) == 1
    assert events.last_seq(db) == 2
    assert events.append(db, _event(3)) == 3


def test_a_flood_of_one_contact_removes_nobody_elses_events(db: Connection) -> None:
    """And says up to which number some are gone. No clock decides, which may be wrong."""
    assert events.append(db, _event(1, conversation=2)) == 1
    _flood(db, 1, events.KEPT_MAX + 5)
    assert events.append(db, _event(1, conversation=2)) == events.KEPT_MAX + 7
    assert events.forgotten_through(db) == 0
    assert events.prune(db) == 5
    assert [one.seq for one in events.after(db, 0, 2)] == [1, 7]
    assert events.forgotten_through(db) == 6
    assert events.prune(db) == 0


def test_events_about_no_contact_have_their_own_quota(db: Connection) -> None:
    _flood(db, None, events.KEPT_MAX + 5)
    events.append(db, _event(1))
    assert events.prune(db) == 5
    assert events.after(db, 0, 1)[0].seq == 6
    assert events.prune(db) == 0


def test_forgetting_a_contact_leaves_others_events(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    say(db, 1, "Bob's", conversation_id=2)
    persons.remove(db, PersonId(1))
    assert _find(db, "Bob") == ["Bob's"]
