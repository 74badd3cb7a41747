"""Adding somebody: pairing nearby, an invite to send, or one (or a token) that came."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from textual import events

from loom.api.contact_commands import ExportToken, ImportToken
from loom.api.contact_views import ContactView, TokenView
from loom.errors import InvalidInput, InvalidName, InvalidToken, LoomError, NameTaken
from loom.front.given_text import text_of
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.pasted import PREFIX, pasted_token
from loom.tui.room_door import room_door, room_invite
from loom.tui.screens.token import TokenPanel
from loom.wire.invite import RoomDoor
from loom.wire.pairing import is_pairing_text

TOKEN_FILE_MAX_BYTES: Final = 64 * 1024
NEARBY: Final = "Pair with somebody"
INVITE: Final = "Invites"
TOKEN: Final = "Invite or token"
NAME: Final = "Name here"
FINGERPRINT_SHOWN: Final = 16


class Ways(NamedTuple):
    """Where else this leads: to pairing, to one's invites, and perhaps into the message."""

    pair: Callable[[], None]
    invite: Callable[[], None]
    write: Callable[[str], None] | None = None


class AddPanel(LivePanel):
    """Begins with what was typed elsewhere already, and why that did not do."""

    heading = "Add somebody here"

    def __init__(
        self,
        loom: Owner,
        added: Callable[[ContactView, RoomDoor | None], None],
        ways: Ways,
        *,
        token: str = "",
        name: str = "",
        trouble: LoomError | None = None,
    ) -> None:
        super().__init__(loom, NAME if token else TOKEN)
        self.loom = loom
        self._added = added
        self._ways = ways
        self._trouble = trouble
        self._own: TokenView | None = None
        self._taken = ""
        """The contact that has this name already, with another identity."""
        self._token = Field(TOKEN)
        self._called = Field(NAME)
        self._replace = Field("Replace", self._do_replace)
        self._token.editor.set(token)
        self._called.editor.set(name)

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._own = await self.loom.send(ExportToken())
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            self._refused(trouble)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        items: list[Item] = [
            Text("Nearby: in one room, or on one call", "title"),
            Button(NEARBY, self._ways.pair, "compare three words"),
            GAP,
            Text("Invite: send one text, and you are contacts", "title"),
            Button(INVITE, self._ways.invite, "as text and QR code"),
            GAP,
            Text("I got one: paste it, or type the name of its file", "title"),
            self._token,
            *self._room_words(),
            self._called,
        ]
        if self._taken:
            items += [
                Text(
                    f"You have another {self._taken} already. If this is the same person with a "
                    f"new identity, type {self._taken} once more to replace the old one: messages "
                    "still waiting will not be sent, and nothing is sent until you have compared "
                    "safety numbers. Otherwise choose another name.",
                    "warn",
                ),
                self._replace,
            ]
        items += [GAP, Button("Add", self._do_add)]
        if self._ways.write is not None:
            items.append(Button("Write it into the message instead", self._do_write))
        if clipboard.can_paste():
            items.append(Button("Paste it from the clipboard", self._do_paste))
        if self._own is not None:
            items += [
                GAP,
                Text("To somebody who gave you a token, and no invite, give yours:"),
                Text(self._own.token, "title"),
                Button("Copy yours", self._do_copy),
                Button("Show it as a QR code", self._do_show),
            ]
        return items

    def _room_words(self) -> list[Item]:
        """That it is an invite into a room, and whose."""
        invite = room_invite(self._token.text)
        if invite is None or invite.room is None:
            return []
        fingerprint = invite.token.peer_id.hex()
        known = self.loom.model.with_identity(fingerprint)
        whose = f"Its identity is {fingerprint[:FINGERPRINT_SHOWN]}, not one of your contacts."
        if known is not None:
            whose = f"It is from {known.name}, your contact."
        room = printable(invite.room.name) or "without a name"
        how = "" if known is not None else " You may leave the name out."
        return [Text(f"It leads into the room {room}, as they call it. {whose}{how}", "notice")]

    def on_paste(self, event: events.Paste) -> None:
        """A token goes where tokens belong, wherever the cursor is; `Panel` takes anything else."""
        if token := pasted_token(event.text):
            event.stop()
            event.prevent_default()
            if is_pairing_text(token):
                self.loom.show_anchors(token)
            else:
                self._take(token)

    def _take(self, token: str) -> None:
        self._token.clear()
        self._token.put(token)
        here = self.body.here
        if not isinstance(here, Field) or here is self._token:
            self.go_to(self._called)
        else:
            self.show()

    def _do_write(self) -> None:
        if self._ways.write is not None:
            self._ways.write(self._token.text)
            self.leave()

    def _do_add(self) -> None:
        self.work(self._add(replace=False), name="add")

    def _do_replace(self) -> None:
        self.work(self._add(replace=True), name="add")

    def _do_paste(self) -> None:
        async def paste() -> None:
            token = pasted_token(await clipboard.paste())
            if not token:
                raise InvalidInput(what="The clipboard holds no token")
            self._take(token)

        self.work(paste(), name="paste")

    def _do_copy(self) -> None:
        if self._own is not None:
            self.copy(self._own.token)

    def _do_show(self) -> None:
        self.loom.push_screen(TokenPanel(self.loom, is_over_adding=True))

    async def _add(self, *, replace: bool) -> None:
        name, typed = self._called.text.strip(), self._replace.text.strip()
        if replace and (typed != self._taken or name.casefold() != typed.casefold()):
            self.refuse(self._replace, "Nothing was replaced: that is not the name.")
            return
        try:
            token = await asyncio.to_thread(read_token, self._token.text)
            view = await self.loom.send(ImportToken(token=token, name=name, replace=replace))
        except LoomError as error:
            self._refused(error)
            return
        self.leave()
        self._added(view, room_door(token))

    def _refused(self, error: LoomError) -> None:
        """Say why at the field it is about; where the name is taken, also how to go on."""
        self._taken = ""
        if isinstance(error, NameTaken):
            known = self.loom.model.find(self._called.text.strip())
            self._taken = "" if known is None else known.contact.contact
            self._called.error = "That name is taken."
            self.go_to(self._replace if self._taken else self._called)
        else:
            field = self._called if isinstance(error, InvalidName) else self._token
            self.refuse(field, in_app(error))


def read_token(text: str) -> str:
    """The token itself, or what the file of that name holds.

    Raises:
        InvalidToken, InvalidInput: neither a token nor a readable file.
    """
    text = text.strip()
    if not text:
        raise InvalidToken(reason="it is empty")
    if text.upper().startswith(PREFIX):
        return text
    try:
        path = Path(text).expanduser()
        if not path.is_file():
            raise InvalidToken(reason="it does not start with LOOM-, and no such file exists")
        with path.open("rb") as file:
            return text_of(file.read(TOKEN_FILE_MAX_BYTES))
    except UnicodeDecodeError as error:
        raise InvalidToken(reason="the file is not text") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput(what=f"{printable(text)[:64]} cannot be read as a file") from error
