"""The queues of one's own invites at anchors: opened, given a bundle, read (PROTOCOL 11.5)."""

import asyncio
import logging
from typing import Final, NamedTuple

from loom.core.invites import Invite, InviteState, invite_queue_secret, is_open
from loom.core.queues import QueueKeys, derive_queue_keys
from loom.errors import LoomError, PeerError
from loom.model import InviteId
from loom.node.invites.acceptance import Acceptance
from loom.node.invites.own import OwnInvites
from loom.node.mail import Judgement, Mail
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.storage.anchors import Anchor
from loom.wire.limits import AEAD_NONCE_BYTES, BUNDLE_PLACES
from loom.wire.requests import Ack, Answer, Lay, Ok, Open, Push, QueueUse, Shut

log = logging.getLogger(__name__)

PLACE: Final = BUNDLE_PLACES - 1
"""Whoever fetches there takes nothing away: several may try, and one succeeds."""


class _InviteQueue(NamedTuple):
    invite_id: InviteId
    keys: QueueKeys

    def __repr__(self) -> str:
        return f"_InviteQueue({self.invite_id})"


class InviteMail:
    """One per node; the accounts call it on each link to their anchor."""

    def __init__(self, parts: Parts, own: OwnInvites, acceptance: Acceptance) -> None:
        self._parts = parts
        self._own = own
        self._acceptance = acceptance
        self._queues: dict[bytes, _InviteQueue] = {}
        self._laid: dict[bytes, AnchorLink] = {}
        """On which link each queue was given its bundle."""
        self._reading = asyncio.Lock()

    async def care(self, anchor: Anchor, link: AnchorLink, there: set[bytes]) -> None:
        """Open queues of open invites, lay their bundles, shut those of revoked ones.

        Args:
            there: the ids of all queues that the account has.

        Raises:
            Unreachable: the link ended.
        """
        now_s = self._parts.now_s()
        for invite in await self._own.every():
            if all(hint.mask_key != anchor.mask_key for hint in invite.hints):
                continue
            keys = self._keys_at(invite, anchor)
            # One that is spent goes on until its time is over: a second use is to be noticed.
            if invite.state is InviteState.REVOKED:
                if keys.queue_id in there:
                    await link.ask(Shut(keys.queue_id))
                continue
            self._queues[keys.queue_id] = _InviteQueue(invite.invite_id, keys)
            if now_s >= invite.expires_at_s:
                continue
            if keys.queue_id not in there:
                use = QueueUse.ADDRESS if invite.is_address else QueueUse.INVITE
                door, until_s = keys.door, invite.expires_at_s
                opened = await link.ask(Open(keys.queue_id, door.tag, door.link, use, until_s))
                if not isinstance(opened, Ok):
                    continue  # an account that is being left still has it, or there is no room
            if is_open(invite, now_s) and self._laid.get(keys.queue_id) is not link:
                await self._lay(invite, keys, link)

    def reads(self, queue_id: bytes) -> bool:
        """Whether it is the queue of an invite that is known here."""
        return queue_id in self._queues

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """A blob that somebody put who has an invite."""
        queue = self._queues.get(push.queue_id)
        if queue is not None and push.blob:
            self._own.spawn(self._judge(link, push, queue), f"mail of invite {queue.invite_id}")

    # --- inside ---

    def _keys_at(self, invite: Invite, anchor: Anchor) -> QueueKeys:
        owner = self._parts.identity.peer_id
        return derive_queue_keys(invite_queue_secret(invite.secret, owner, anchor.mask_key))

    async def _lay(self, invite: Invite, keys: QueueKeys, link: AnchorLink) -> None:
        bundle = await self._own.bundle_for_queue(invite, keys.queue_id)
        sealed = keys.seal_bundle(bundle, self._parts.random(AEAD_NONCE_BYTES))
        if isinstance(await link.ask(Lay(keys.queue_id, PLACE, sealed)), Ok):
            self._laid[keys.queue_id] = link

    async def _judge(self, link: AnchorLink, push: Push, queue: _InviteQueue) -> None:
        def judged(_: Judgement) -> None:
            if link.is_up:
                link.request(Ack(push.queue_id, (push.blob_id,))).add_done_callback(_forget)

        async with self._reading:  # in the order in which they came
            try:
                opened = queue.keys.open_blob(push.blob)
                mail = Mail(opened.until_s, judged)
                answer = await self._acceptance.take(queue.invite_id, opened.envelope, mail)
            except PeerError as error:
                log.info("invite %d: a blob that is no envelope: %s", queue.invite_id, error.code)
            except LoomError as error:
                log.warning("invite %d: not judged: %s", queue.invite_id, error.code)
                return  # it comes again
            else:
                if answer.is_handed_on:
                    return
        judged(Judgement.UNOPENED)


def _forget(answer: "asyncio.Future[Answer]") -> None:
    if not answer.cancelled():
        answer.exception()  # the link ended: the blob comes again
