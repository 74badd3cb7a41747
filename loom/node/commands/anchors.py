"""Commands about the anchors that this profile uses."""

from loom.api import commands as api
from loom.api import views
from loom.node.anchors.account import Account
from loom.node.anchors.anchors import Anchors
from loom.node.commands.handlers import Handlers
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import outbox
from loom.wire.pairing import decode_pairing_text


class AnchorCommands:
    """Use, list, leave, replace."""

    def __init__(self, parts: Parts, roster: Roster, anchors: Anchors) -> None:
        self._parts = parts
        self._roster = roster
        self._anchors = anchors
        self.handlers: Handlers = {
            api.UseAnchor: self._use,
            api.ListAnchors: self._list,
            api.LeaveAnchor: self._leave,
            api.ReplaceAnchor: self._replace,
        }

    async def _use(self, command: api.UseAnchor) -> views.AnchorView:
        return _view(await self._anchors.use(decode_pairing_text(command.text)))

    async def _list(self, command: api.ListAnchors) -> views.Anchors:
        devices = list(self._roster.values())
        put = await self._parts.database.read(
            lambda db: {one.number: outbox.in_mailboxes(db, one.device_id) for one in devices}
        )
        waiting = [
            views.WaitingMail(
                contact=device.person.name,
                contact_id=device.number,
                anchors=[one.anchor for one in device.mailer.mailboxes],
                messages=len(put[device.number]),
                since_ms=min(put[device.number].values()) * 1000,
            )
            for device in devices
            if put[device.number]
        ]
        accounts = [one for one in self._anchors.accounts.values() if not one.anchor.is_left]
        return views.Anchors(anchors=[_view(one) for one in accounts], waiting=waiting)

    async def _leave(self, command: api.LeaveAnchor) -> views.Done:
        await self._anchors.leave(self._anchors.named(command.anchor))
        return views.Done()

    async def _replace(self, command: api.ReplaceAnchor) -> views.AnchorView:
        """The new account comes first: a text that does not serve leaves everything as it was."""
        text = decode_pairing_text(command.text)
        before = self._anchors.named(command.anchor)
        account = await self._anchors.use(text, instead_of=before)
        await self._anchors.leave(before, at_once=True)
        return _view(account)


def _view(account: Account) -> views.AnchorView:
    stored, oldest_s = account.stored, 0
    if stored is not None:
        oldest_s = min((one.oldest_s for one in stored.queues if one.oldest_s), default=0)
    return views.AnchorView(
        anchor_id=account.anchor.anchor_id,
        addresses=[str(one) for one in account.anchor.addresses],
        up=account.line.is_up,
        up_since_ms=account.up_since_ms,
        latency_ms=account.latency_ms,
        queues=len(account.queues),
        blobs=0 if stored is None else sum(one.blobs for one in stored.queues),
        size_bytes=0 if stored is None else sum(one.size_bytes for one in stored.queues),
        limit_bytes=None if stored is None else stored.limits.account_bytes,
        oldest_at_ms=oldest_s * 1000 or None,
        last_error=account.line.last_error,
        warning=None if account.warning is None else account.warning.code,
    )
