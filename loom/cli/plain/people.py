"""Contacts and how one gets them, typed and shown as lines."""

from loom.api.anchor_commands import ListAnchors
from loom.api.client import Client
from loom.api.contact_commands import (
    ExportToken,
    ImportToken,
    ListContacts,
    ListPeers,
    VerifyContact,
)
from loom.api.invite_commands import AcceptRequest, ListRequests, MakeInvite
from loom.cli.anchors import anchor_lines
from loom.cli.contacts import about
from loom.cli.output import Output
from loom.cli.plain.commands import CONFIRM
from loom.cli.plain.conversation import Conversation
from loom.errors import InvalidInput
from loom.front.moments import when
from loom.front.reach import reach_words
from loom.front.verified import verified_words
from loom.printable import printable


class People:
    """The commands that are about contacts and not about messages."""

    def __init__(self, output: Output, client: Client, conversation: Conversation) -> None:
        self._output = output
        self._client = client
        self._conversation = conversation

    async def contacts(self, _: str) -> None:
        """`/contacts`."""
        contacts = (await self._client.send(ListContacts())).contacts
        for view in contacts:
            unread = f", {view.unread} unread" if view.unread else ""
            self._output.put(view, f"{printable(view.contact)}: {about(view)}{unread}")
        if not contacts:
            self._output.note(
                "No contacts yet: /pair for somebody here, /invite or /add for others."
            )

    async def verify(self, argument: str) -> None:
        """`/verify`."""
        if argument not in ("", CONFIRM):
            raise InvalidInput(what=f"Write /verify, or /verify {CONFIRM} when the numbers match")
        command = VerifyContact(contact=self._conversation.contact, confirm=bool(argument))
        view = await self._client.send(command)
        name = printable(view.contact)
        if argument or view.verified:
            since = "" if view.verified_at_ms is None else when(view.verified_at_ms)
            self._output.note(f"{name} is {verified_words(view.verified_by, since)}.")
        if not argument:
            rows = [" ".join(view.groups[start : start + 4]) for start in (0, 4, 8)]
            self._output.put(view, "\n".join(rows))
            if not view.verified:
                self._output.note(f"Does {name} see the same number? Then /verify {CONFIRM}.")

    async def peers(self, _: str) -> None:
        """`/peers`."""
        for peer in (await self._client.send(ListPeers())).peers:
            at = f" at {printable(peer.address)}" if peer.address else ""
            here = f"{reach_words(peer.reach)}{at}"
            why = (
                f" ({printable(peer.last_error)})"
                if peer.last_error and not peer.reach.is_online
                else ""
            )
            self._output.put(peer, f"{printable(peer.contact)}: {here}{why}")

    async def add(self, argument: str) -> None:
        """`/add`."""
        text, _, name = argument.partition(" ")
        if not name.strip():
            raise InvalidInput(what="Write /add INVITE NAME")
        view = await self._client.send(ImportToken(token=text, name=name.strip()))
        self._output.put(view, f"{printable(view.contact)} is added: {about(view)}")

    async def invite(self, _: str) -> None:
        """`/invite`."""
        view = await self._client.send(MakeInvite())
        self._output.put(view, view.text)
        self._output.note("Send it to one person. Compare safety numbers afterwards with /verify.")

    async def token(self, _: str) -> None:
        """`/token`."""
        view = await self._client.send(ExportToken())
        self._output.put(view, view.token)

    async def requests(self, _: str) -> None:
        """`/requests`."""
        found = (await self._client.send(ListRequests())).requests
        for view in found:
            words = f"{view.request_id}: {printable(view.name)}, {view.fingerprint[:16]}"
            self._output.put(view, words)
        if not found:
            self._output.note("Nobody asks.")

    async def accept(self, argument: str) -> None:
        """`/accept`."""
        if not argument.isdecimal():
            raise InvalidInput(what="Write /accept NUMBER")
        view = await self._client.send(AcceptRequest(request_id=int(argument)))
        self._output.put(view, f"{printable(view.contact)} is a contact, not verified.")

    async def anchors(self, _: str) -> None:
        """`/anchors`."""
        found = await self._client.send(ListAnchors())
        if self._output.as_json:
            self._output.json(found)
            return
        if not found.anchors:
            self._output.note("No anchor is in use: `loom anchor use TEXT` adds one.")
        for line in anchor_lines(found):
            self._output.line(line)
