"""What must hold in every world of the model (PROTOCOL 16.1, 3, 4), and where it must end (7)."""

from loom.core import choice
from tests.model.world import Broken, Envelope, Name, World


def check(world: World, *, in_order: bool = True) -> None:
    """The promises that hold at every moment."""
    for who in (0, 1):
        side, other = world.sides[who], world.sides[1 - who]
        shown = side.shown if in_order else tuple(sorted(side.shown))
        expected = range(1, len(shown) + 1) if in_order else sorted(set(shown))
        if shown != tuple(expected):
            raise Broken(f"shown {side.shown}: doubled, lost, or out of order")
        waiting = {row.text for row in side.rows}
        if any(n not in waiting and n not in other.shown for n in range(1, side.said + 1)):
            raise Broken("a text left the outbox and was never shown")
        if world.is_calm and side.start_wanted:
            raise Broken("an envelope could not be opened though no state was lost")
        for envelope in world.coming[1 - who]:
            session = next((o for o in side.sessions if o.name == envelope.session), None)
            if session is not None and envelope.n >= session.sealed:
                raise Broken("bytes left before their state was committed")
            if any(n not in side.shown for n in envelope.receipt):
                raise Broken("a receipt left before its text was stored")
    _check_keys(world)


def _check_keys(world: World) -> None:
    sealed: dict[tuple[Name, int, int], Envelope] = {}
    sides, coming = world.sides, world.coming
    rows = [row.envelope for side in sides for row in side.rows if row.envelope is not None]
    for envelope in (*coming[0], *coming[1], *rows, *sides[0].remembered, *sides[1].remembered):
        if sealed.setdefault((envelope.session, envelope.author, envelope.n), envelope) != envelope:
            raise Broken("one message key sealed two messages")


def is_delivered(world: World) -> bool:
    """Everything said was shown and receipted; no side starts a session or waits for an answer."""
    for who in (0, 1):
        side, other = world.sides[who], world.sides[1 - who]
        if side.rows or side.start_wanted or len(other.shown) != side.said:
            return False
        best = choice.best(side.sessions)
        if best is not None and choice.unconfirmed(best):
            return False
    return True


def is_agreed(world: World) -> bool:
    """Both send on one session, which both know to be confirmed."""
    first, second = (choice.best(side.sessions) for side in world.sides)
    if first is None or second is None or first.name != second.name:
        return False
    return not choice.unconfirmed(first) and not choice.unconfirmed(second)
