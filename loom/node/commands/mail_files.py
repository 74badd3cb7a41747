"""Commands about mail carried by hand."""

from functools import cached_property
from typing import TYPE_CHECKING

from loom.api import anchor_commands as api
from loom.api import anchor_views as views
from loom.node.commands.handlers import Handlers
from loom.node.parts import Parts
from loom.node.roster import Roster

if TYPE_CHECKING:
    from loom.node.mail_files import MailFiles


class MailFileCommands:
    """Export and import."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._roster = roster
        self._parts = parts
        self.handlers: Handlers = {api.ExportMail: self._export, api.ImportMail: self._import}

    @cached_property
    def _files(self) -> "MailFiles":
        from loom.node.mail_files import MailFiles  # most nodes never do this: it takes memory

        return MailFiles(self._parts, self._roster)

    async def _export(self, command: api.ExportMail) -> views.MailFileView:
        device = self._roster.addressable(command.contact)
        made = await self._files.export(device)
        return views.MailFileView(
            contact=device.person.name,
            contact_id=device.number,
            data=made.data,
            messages=made.rows,
            left=made.left,
        )

    async def _import(self, command: api.ImportMail) -> views.MailFileRead:
        read = await self._files.import_(command.data)
        return views.MailFileRead(
            contact=read.device.person.name,
            contact_id=read.device.number,
            new=read.taken,
            known=read.known,
            unopened=read.unopened,
            began_session=read.began,
        )
