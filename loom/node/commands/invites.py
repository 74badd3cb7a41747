"""Commands about invites and requests."""

from loom.api import invite_commands as api
from loom.api.contact_views import ContactView
from loom.api.events import RequestsChanged
from loom.api.invite_views import Invites, InviteView, Requests, RequestView
from loom.api.view import Done
from loom.core.invites import Invite, InviteState, is_open
from loom.core.sessions import decode_sessions
from loom.errors import NameTaken, RequestNotFound
from loom.model import Contact, ContactToken, InviteId, PeerId, RequestId
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.handlers import Handlers
from loom.node.introduction import queue_profile
from loom.node.invites.newcomer import Newcomer, make_contact, open_first_queues
from loom.node.invites.own import OwnInvites
from loom.node.journal import Happened
from loom.node.names import check_name
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import invites as rows
from loom.storage import requests
from loom.storage.connection import Db
from loom.storage.requests import Request
from loom.wire.content import Join, decode_payload
from loom.wire.invite import RoomDoor
from loom.wire.limits import REQUEST_LIFETIME_S


class InviteCommands:
    """Make, list and revoke invites; decide on requests."""

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        network: Network,
        invites: OwnInvites,
        contacts: ContactCommands,
    ) -> None:
        self._parts = parts
        self._roster = roster
        self._network = network
        self._invites = invites
        self._contacts = contacts
        self.handlers: Handlers = {
            api.MakeInvite: self._make,
            api.ListInvites: self._list,
            api.RevokeInvite: self._revoke,
            api.ListRequests: self._list_requests,
            api.AcceptRequest: self._accept,
            api.RejectRequest: self._reject,
        }

    async def _make(self, command: api.MakeInvite) -> InviteView:
        made = await self._invites.make(
            command.lifetime_s,
            is_address=command.is_address,
            reachable=self._network.tellable() if command.direct else [],
        )
        return self._view(made)

    async def make_for(self, room: RoomDoor, lifetime_s: int, *, direct: bool) -> InviteView:
        """One that leads into a room.

        Raises:
            InvalidInput: see `OwnInvites.make`.
        """
        reachable = self._network.tellable() if direct else []
        made = await self._invites.make(
            lifetime_s, is_address=False, reachable=reachable, room=room
        )
        return self._view(made)

    async def _list(self, command: api.ListInvites) -> Invites:
        return Invites(invites=[self._view(one) for one in await self._invites.every()])

    async def _revoke(self, command: api.RevokeInvite) -> Done:
        await self._invites.revoke(InviteId(command.invite_id))
        return Done()

    def _view(self, invite: Invite) -> InviteView:
        usable = is_open(invite, self._parts.now_s())
        is_late = invite.state is InviteState.OPEN and not usable
        used_by = None if invite.used_by is None else self._roster.get(invite.used_by)
        return InviteView(
            invite_id=invite.invite_id,
            text=self._invites.text_of(invite) if usable else "",
            state="expired" if is_late else invite.state.value,
            is_address=invite.is_address,
            created_at_ms=invite.created_at_ms,
            expires_at_ms=invite.expires_at_s * 1000,
            used_by=None if used_by is None else used_by.person.name,
            used_by_id=None if used_by is None else used_by.number,
            reuse=invite.is_reuse_told,
            reached_at=[str(hint.address) for hint in invite.hints],
            room="" if invite.room is None else invite.room.name,
        )

    # --- requests ---

    async def _list_requests(self, command: api.ListRequests) -> Requests:
        found = await self._parts.database.read(requests.every)
        return Requests(requests=[_request_view(one) for one in found])

    async def _accept(self, command: api.AcceptRequest) -> ContactView:
        name = None if command.name is None else check_name(command.name)
        if name is not None and (known := self._roster.find(name)) is not None:
            raise NameTaken(name=known.person.name)
        parts = self._parts

        def accept(db: Db, happened: Happened) -> Contact:
            request = _found(db, command.request_id)
            newcomer = Newcomer(
                _token_of(request),
                _join_of(request),
                request.envelope_hash,
                decode_sessions(request.sessions),
            )
            contact = make_contact(db, happened, newcomer, parts.clock.now_ms(), name)
            queue_profile(db, parts, contact.device_id)
            if (invite := rows.by_id(db, request.invite_id)) is not None:
                open_first_queues(db, parts.identity, invite, contact)
            _decided(db, happened, request)
            return contact

        def join(contact: Contact) -> None:
            self._roster.add(contact)
            self._roster.on_changed()

        peer_id = await self._asker(command.request_id)
        async with self._roster.without_stub(peer_id):
            contact = await parts.journal.submit(accept, then=join)
        return await self._contacts.view(self._roster[contact.person.person_id])

    async def _reject(self, command: api.RejectRequest) -> Done:
        parts = self._parts

        def reject(db: Db, happened: Happened) -> Contact | None:
            request = _found(db, command.request_id)
            _decided(db, happened, request)
            if not command.block:
                return None
            newcomer = Newcomer(
                _token_of(request),
                _join_of(request),
                request.envelope_hash,
                decode_sessions(request.sessions),
            )
            return make_contact(db, happened, newcomer, parts.clock.now_ms(), is_blocked=True)

        def join(contact: Contact | None) -> None:
            if contact is not None:
                self._roster.add(contact)
                self._roster.on_changed()

        if command.block:
            async with self._roster.without_stub(await self._asker(command.request_id)):
                await parts.journal.submit(reject, then=join)
        else:
            await parts.journal.submit(reject, then=join)
        await parts.database.checkpoint()
        return Done()

    async def _asker(self, request_id: int) -> PeerId:
        """Who asked."""
        found = await self._parts.database.read(lambda db: _found(db, request_id))
        return found.peer_id


def _found(db: Db, request_id: int) -> Request:
    found = requests.by_id(db, RequestId(request_id))
    if found is None:
        raise RequestNotFound(number=request_id)
    return found


def _decided(db: Db, happened: Happened, request: Request) -> None:
    requests.delete(db, request.request_id)
    happened.add(RequestsChanged(waiting=requests.count(db)))


def _token_of(request: Request) -> ContactToken:
    return ContactToken(request.peer_id, request.x25519_public)


def _join_of(request: Request) -> Join:
    payload = decode_payload(request.payload)
    if not isinstance(payload, Join):
        raise RequestNotFound(number=request.request_id)
    return payload


def _request_view(request: Request) -> RequestView:
    received_at_ms = request.received_at_s * 1000
    return RequestView(
        request_id=request.request_id,
        name=_join_of(request).display_name,
        fingerprint=request.peer_id.hex(),
        received_at_ms=received_at_ms,
        expires_at_ms=received_at_ms + REQUEST_LIFETIME_S * 1000,
    )
