"""Adding a contact: a token pasted, from a file or from the clipboard, and a name."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual import events

from loom.api.commands import ExportToken, ImportToken
from loom.api.views import TokenView
from loom.errors import InvalidInput, InvalidToken, LoomError, NameTaken
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.screens.sheet import GAP, Item, Sheet, button, field, paragraph
from loom.tui.screens.token import TokenSheet, token_rows

if TYPE_CHECKING:
    from loom.tui.app import LoomApp

TOKEN_FILE_MAX_BYTES: Final = 64 * 1024
PREFIX: Final = "LOOM-"


class AddSheet(Sheet):
    """What was typed stays until it was used."""

    def __init__(self, desk: "LoomApp", trouble: LoomError | None = None) -> None:
        super().__init__(desk, "token")
        self._trouble = trouble
        self._own: TokenView | None = None
        self._taken = ""
        """The contact that has this name already, with another identity."""

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Add a contact"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._own = await self.desk.send(ExportToken())
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            self._refused(trouble)

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        items = [
            *paragraph("Paste their token, or write the name of a file that holds it.", width),
            field("token", "Token or file", self.typed("add token")),
            field("name", "Name here", self.typed("add name")),
        ]
        if self._taken:
            name = printable(self._taken)
            items += paragraph(
                f"You know another {name} already. If this is the same person who began anew, "
                f"write {name} once more: the old identity is forgotten, what waits for it fails, "
                "and nothing is sent until you have compared safety numbers. Otherwise choose "
                "another name.",
                width,
                "warn",
            )
            items.append(field("replace", "Replace", self.typed("add replace")))
        items.append(button("add", "Add"))
        if clipboard.can_paste():
            items.append(button("paste", "Take the token from the clipboard"))
        if self._own is not None:
            items += [GAP, *paragraph("They need yours too:", width)]
            items += token_rows(self._own.token, width)
            items += [button("copy", "Copy yours"), button("show", "Show it as a QR code")]
        return items

    def on_paste(self, event: events.Paste) -> None:
        """A token goes where tokens belong, whichever field is chosen."""
        text = "".join(event.text.split())
        if text.upper().startswith(PREFIX) and self.body.chosen != "token":
            event.stop()
            self.typed("add token").set(text)
            self.look_again()
        else:
            super().on_paste(event)

    def do_token(self) -> None:
        self._move(1)

    def do_name(self) -> None:
        self.do_add()

    def do_add(self) -> None:
        self.begin(self._add(replace=False), "add")

    def do_replace(self) -> None:
        self.begin(self._add(replace=True), "add")

    def do_paste(self) -> None:
        async def paste() -> None:
            text = "".join((await clipboard.paste()).split())
            if not text.upper().startswith(PREFIX):
                raise InvalidInput(what="The clipboard holds no token")
            self.typed("add token").set(text)
            self.body.chosen = "name"

        self.begin(paste(), "paste")

    def do_copy(self) -> None:
        if self._own is not None:
            self.copy(self._own.token)

    def do_show(self) -> None:
        self.leave()
        self.desk.push_screen(TokenSheet(self.desk))

    async def _add(self, *, replace: bool) -> None:
        name = self.typed("add name").text.strip()
        typed = self.typed("add replace").text.strip()
        if replace and (typed != self._taken or name.casefold() != typed.casefold()):
            raise InvalidInput(what="Nothing was replaced: that is not the name")
        try:
            token = await asyncio.to_thread(read_token, self.typed("add token").text)
            command = ImportToken(token=token, name=name, replace=replace)
            view = await self.desk.send(command)
        except LoomError as error:
            self._refused(error)
            return
        self.leave()
        self.desk.room.slash.added(view)

    def _refused(self, error: LoomError) -> None:
        """Say why; where the name is taken, also how to go on."""
        if isinstance(error, NameTaken):
            known = self.desk.model.find(self.typed("add name").text.strip())
            self._taken = "" if known is None else known.contact.contact
            self.body.chosen = "replace"
            self.say("That name is taken.", bad=True)
            return
        self._taken = ""
        self.fail(error)


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
            return file.read(TOKEN_FILE_MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise InvalidToken(reason="the file is not text") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput(what=f"{printable(text)[:64]} cannot be read as a file") from error
