"""Commands about what removed officers signed and their remover had not seen."""

from loom.api import room_commands, room_views
from loom.core.room.statement import Appoint, Capability, Kept, Remove, SignedStatement
from loom.errors import InvalidInput
from loom.node.commands.handlers import Handlers
from loom.node.commands.rooms import RoomCommands, room_view
from loom.node.room_states import RoomNow
from loom.node.rooms import changes, troubles
from loom.node.rooms.naming import ID_MIN_DIGITS
from loom.node.rooms.stating import require_member
from loom.node.rooms.work import RoomWork
from loom.printable import printable
from loom.storage import room_statements
from loom.storage.connection import Db


class RoomOfferCommands:
    """List, confirm, dismiss."""

    def __init__(self, room: RoomCommands) -> None:
        self._room = room
        self.handlers: Handlers = {
            room_commands.ListOffered: self._list,
            room_commands.ConfirmOffered: self._confirm,
            room_commands.DismissOffered: self._dismiss,
        }

    async def _list(self, command: room_commands.ListOffered) -> room_views.Statements:
        def read(db: Db) -> list[room_views.StatementView]:
            now = self._room.now(db, command.room)
            return [
                troubles.statement_view(now, one, may=troubles.may_confirm(now, one))
                for one in troubles.offered(db, now)
            ]

        return room_views.Statements(statements=await self._room.read(read))

    async def _confirm(self, command: room_commands.ConfirmOffered) -> room_views.RoomView:
        def confirm(work: RoomWork) -> room_views.RoomView:
            now = self._room.now(work.db, command.room)
            require_member(now)
            chosen = _found(work.db, now, command.statement_ids)
            for one in chosen:
                if not troubles.may_confirm(now, one):
                    what = f"You may not confirm {one.id.hex()[:8]} in the room {now.row.name}"
                    raise InvalidInput(what=what)
            kept = [one for one in chosen if troubles.is_kept_by_me(now, one)]
            for author in dict.fromkeys(one.author for one in kept):
                mine = [one for one in kept if one.author == author]
                now = changes.state(work, now, _keeping(now, author, mine))
            for one in chosen:
                if one not in kept:
                    now = changes.state(work, now, one.body)
            return room_view(work.db, now, work.now_ms)

        return await self._room.do(confirm)

    async def _dismiss(self, command: room_commands.DismissOffered) -> room_views.RoomView:
        def dismiss(work: RoomWork) -> room_views.RoomView:
            now = self._room.now(work.db, command.room)
            for one in _found(work.db, now, command.statement_ids):
                room_statements.dismiss(work.db, now.row.room, one.id)
            return room_view(work.db, now, work.now_ms)

        return await self._room.do(dismiss)


def _keeping(now: RoomNow, author: bytes, more: list[SignedStatement]) -> Remove:
    """One's own removal of somebody once more, which keeps these too."""
    removal = now.state.removed[author]
    own = now.state.officers[author].capabilities
    kept = {one.statement_id: one for one in removal.keep}
    for one in more:
        # What an appointment gives is what it would have given before.
        most = own & one.body.capabilities if isinstance(one.body, Appoint) else Capability.ALL
        kept[one.id] = Kept(one.id, int(most))
    return Remove(author, tuple(sorted(kept.values())), removal.posts, removal.seen)


def _found(db: Db, now: RoomNow, references: list[str]) -> list[SignedStatement]:
    """Offered statements by the beginnings of their ids; each once."""
    every = troubles.offered(db, now)
    found: dict[bytes, SignedStatement] = {}
    for reference in references:
        beginning = reference.lower()
        begins = [one for one in every if one.id.hex().startswith(beginning)]
        if len(begins) != 1 or len(beginning) < ID_MIN_DIGITS:
            shown = printable(reference)[:64]
            raise InvalidInput(what=f"Nothing that is offered has an id that begins {shown}")
        found[begins[0].id] = begins[0]
    if not found:
        raise InvalidInput(what="Write the ids of what is meant")
    return list(found.values())
