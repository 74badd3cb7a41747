"""Commands about the anchors that this profile uses."""

from typing import TYPE_CHECKING

from loom.api import anchor_commands as api
from loom.api import anchor_views as views
from loom.node.anchors.anchors import Anchors
from loom.node.commands.handlers import Handlers
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import outbox
from loom.wire.pairing import decode_pairing_text

if TYPE_CHECKING:
    from loom.node.anchors.account import Account


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
        put = await self._parts.database.read(outbox.in_mailboxes)
        waiting = [
            views.WaitingMail(
                contact=device.person.name,
                contact_id=device.number,
                anchors=device.mailer.anchors,
                messages=lies.messages,
                since_ms=lies.since_s * 1000,
            )
            for device in self._roster.values()
            if (lies := put.get(device.device_id)) is not None
        ]
        silent = [
            views.SilentAnchors(
                contact=device.person.name,
                contact_id=device.number,
                anchors=device.mailer.anchors,
                since_ms=since_ms,
            )
            for device in self._roster.values()
            if (since_ms := device.mailer.silent_since_ms) is not None
        ]
        found = await anchor_views(self._anchors)
        return views.Anchors(anchors=found, waiting=waiting, silent=silent)

    async def _leave(self, command: api.LeaveAnchor) -> views.AnchorLeft:
        account = self._anchors.named(command.anchor)
        is_deleted = await self._anchors.leave(account)
        return views.AnchorLeft(anchor=account.name, deleted=is_deleted)

    async def _replace(self, command: api.ReplaceAnchor) -> views.AnchorView:
        """The new account comes first: a text that does not serve leaves everything as it was."""
        text = decode_pairing_text(command.text)
        before = self._anchors.named(command.anchor)
        account = await self._anchors.use(text, instead_of=before)
        if before.anchor.mask_key == account.anchor.mask_key:
            await self._anchors.leave(before)
        else:
            await self._anchors.abandon(before)
        return _view(account)


async def anchor_views(anchors: Anchors) -> list[views.AnchorView]:
    """Those in use."""
    return [_view(one) for one in await anchors.in_use()]


def _view(account: "Account") -> views.AnchorView:
    stored = account.stored
    queues = () if stored is None else stored.queues
    mail = [one for one in queues if not account.is_window(one.queue_id)]
    oldest_s = min((one.oldest_s for one in mail if one.oldest_s), default=0)
    return views.AnchorView(
        anchor_id=account.anchor.anchor_id,
        addresses=[str(one) for one in account.anchor.addresses],
        up=account.line.is_up,
        up_since_ms=account.up_since_ms,
        down_since_ms=account.down_since_ms,
        latency_ms=account.latency_ms,
        queues=len(account.queues),
        blobs=sum(one.blobs for one in mail),
        size_bytes=sum(one.size_bytes for one in mail),
        limit_bytes=None if stored is None else stored.limits.account_bytes,
        bulk_bytes=sum(one.size_bytes for one in queues if account.is_window(one.queue_id)),
        bulk_limit_bytes=None if stored is None else stored.limits.bulk_account_bytes,
        oldest_at_ms=oldest_s * 1000 or None,
        last_error=account.line.last_error,
        warning=None if account.warning is None else account.warning.code,
    )
