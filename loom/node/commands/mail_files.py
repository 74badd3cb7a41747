"""Commands about mail carried by hand."""

from loom.api import commands as api
from loom.api import views
from loom.node.commands.handlers import Handlers
from loom.node.mail_files import MailFiles
from loom.node.parts import Parts
from loom.node.roster import Roster


class MailFileCommands:
    """Export and import."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._roster = roster
        self._files = MailFiles(parts, roster)
        self.handlers: Handlers = {api.ExportMail: self._export, api.ImportMail: self._import}

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
