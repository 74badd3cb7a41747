"""Registers and wordings: the largest number holds, of equal ones the larger id, in any order."""

from itertools import permutations

from sqlcipher3.dbapi2 import Connection

from loom.model import OWNER, ConversationId, PeerId, PersonId
from loom.storage import early, edits, messages, registers, shown
from loom.storage.edits import Wording
from loom.wire.limits import EARLY_MAX, EDITS_MAX
from tests.storage.given import add_contact, mid, say

ADA, EVE = PersonId(1), ConversationId(2)
REACT = 10
STATED = [(7, mid(2), "second"), (7, mid(3), "third"), (9, mid(1), ""), (7, mid(3), "third")]


def test_a_register_holds_the_largest_in_whatever_order_it_is_filled(db: Connection) -> None:
    for number, order in enumerate(permutations(STATED[:2] + STATED[3:]), start=1):
        row_id = say(db, number).row_id
        for stated in order:
            registers.put(db, row_id, REACT, ADA, *stated)
        assert registers.value_of(db, row_id, REACT, ADA) == "third"
        assert registers.last_number(db, row_id, REACT, ADA) == 7
        assert registers.value_of(db, row_id, REACT, OWNER) == ""


def test_what_was_taken_back_stays_so_when_an_older_statement_comes_late(db: Connection) -> None:
    for number, order in enumerate(permutations(STATED), start=1):
        message = say(db, number)
        for stated in order:
            registers.put(db, message.row_id, REACT, ADA, *stated)
        assert registers.value_of(db, message.row_id, REACT, ADA) == ""
        assert not shown.of(db, [message])


def test_a_text_shows_its_largest_edit_and_keeps_the_last_twenty(db: Connection) -> None:
    row_id = 0
    stated = [*STATED[:2], (3, mid(9), "before"), *STATED[3:]]
    for number, order in enumerate(permutations(stated), start=1):
        row_id = say(db, number, "original").row_id
        for stated_number, statement_id, body in order:
            [message] = messages.by_rows(db, [row_id])
            edits.add(db, message, stated_number, statement_id, Wording(5, body))
        [message] = messages.by_rows(db, [row_id])
        kept = [one.body for one in edits.of(db, message)]
        assert (message.body, message.edited) == ("third", True)
        assert kept == ["original", "before", "second", "third"]
    for number in range(50, 10, -1):
        [message] = messages.by_rows(db, [row_id])
        edits.add(db, message, number, mid(number), Wording(5, str(number)))
    [message] = messages.by_rows(db, [row_id])
    kept = [one.body for one in edits.of(db, message)]
    assert kept == ["original", *(str(n) for n in range(51 - EDITS_MAX, 51))]


def test_early_statements_are_of_one_conversation_and_the_last_thousand(db: Connection) -> None:
    ada = ConversationId(1)
    add_contact(db, "Eve", PeerId(b"e" * 32))
    for number in range(EARLY_MAX + 2):
        early.add(db, ada, mid(number % 500), number.to_bytes(2, "big"), 1)
    early.add(db, EVE, mid(0), b"of Eve", 1)
    early.drop_oldest(db, ada)
    assert early.take(db, ada, mid(0)) == [(500).to_bytes(2, "big"), (1_000).to_bytes(2, "big")]
    assert early.take(db, ada, mid(0)) == []
    assert len(early.take(db, ada, mid(2))) == 2
    assert early.take(db, EVE, mid(0)) == [b"of Eve"]
