"""Every anchor this node uses: which mailboxes each device reads, and where it is read."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from msgspec.structs import replace

from loom.api.events import InvitesChanged, Warned
from loom.core.queues import derive_account_keys, derive_pairing_keys, derive_queue_keys
from loom.errors import (
    AccountNotRenewed,
    AnchorKnown,
    AnchorNotFound,
    AnchorRefused,
    LoomError,
    TooManyAnchors,
)
from loom.model import Address, AnchorId, DeviceId, MessageId, PersonId
from loom.node.acquaintances import Acquaintances
from loom.node.anchors.putting import Putting
from loom.node.anchors.windows import Windows
from loom.node.device import Device
from loom.node.invites.joining import Joins
from loom.node.invites.mail import InviteMail
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.node.routes.address import AddressBox
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.node.routes.line import Line
from loom.node.routes.mailbox import Mailbox
from loom.storage import anchors, invites, mailboxes, outbox
from loom.storage.anchors import Queue
from loom.storage.connection import Db
from loom.storage.mailboxes import Sent, Told
from loom.wire.content import Mailboxes, encode_payload
from loom.wire.content.mailboxes import Direction
from loom.wire.content.mailboxes import Mailbox as ToldMailbox
from loom.wire.limits import (
    ACCOUNTS_MAX,
    ACQUAINTANCES_READ_MAX,
    ANCHOR_SECRET_BYTES,
    MAILBOX_ADDRESSES_MAX,
    MAILBOXES_MAX,
    OLD_IDENTITY_ANSWERS_S,
    QUEUE_SECRET_BYTES,
)
from loom.wire.pairing import PairingText
from loom.wire.requests import Full, Limits, Ok, Pair, Push

if TYPE_CHECKING:
    from loom.node.anchors.account import Account, HeldQueue
    from loom.node.anchors.guest import Guest

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_S = 86_400
FOLLOWED_AT_ONCE = 8
FOLLOWED_EVERY_S = 30.0
"""So many changes of what a contact told are followed at once, then one in this time: or it could
have this node dial whom it likes, as often as it likes."""


class Anchors:
    """Accounts, guests, and the Mailboxes that tell contacts of them.

    Args:
        may_dial: whether an address that somebody told is one to dial.
        joins: the invites of others that are used here.
        acquaintances: the members of common rooms.
        invite_mail: reads the queues of one's own.
    """

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        caller: Caller,
        may_dial: Callable[[Address], bool],
        joins: Joins,
        acquaintances: Acquaintances,
        invite_mail: InviteMail,
    ) -> None:
        self.accounts: dict[AnchorId, Account] = {}
        self._parts = parts
        self._roster = roster
        self._caller = caller
        self._may_dial = may_dial
        self._joins = joins
        self._acquaintances = acquaintances
        self._invite_mail = invite_mail
        self._windows = Windows(parts)
        self._windows.accounts = self._used
        self._puttings: dict[DeviceId, Putting] = {}
        self._guests: dict[tuple[PersonId, bytes], Guest] = {}
        """By contact and queue: two who tell of one queue must not get at each other's."""
        self._heirs: dict[AnchorId, anchors.Anchor] = {}
        """The account that is to replace one, once its anchor has made it."""
        self._paired: dict[bytes, bytes] = {}
        """The account of each pairing text whose answer did not come: asked for once more, the
        text is not spent."""
        self._locks = WeakValueDictionary[DeviceId, asyncio.Lock]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming_up: set[DeviceId] = set()
        """Devices whose mail of the time before the start is still to be read."""
        self._known: dict[DeviceId, frozenset[bytes]] = {}
        """The own queues, by their secrets, that a device knows of while the newest Mailboxes has
        no Receipt; of one that is not here all those that were told."""
        self._followed: dict[DeviceId, tuple[Told, float]] = {}
        """What each device told that is followed now, and when all its changes are forgotten."""
        self._to_follow: set[DeviceId] = set()
        """Devices that told of other mailboxes since."""
        self._taken: set[bytes] = set()
        """Queues that another account has."""
        self._is_stopping = False

    async def start(self) -> None:
        """Take up every account and dial it; then see to every device."""
        rows, held, told = await self._parts.database.read(
            lambda db: (anchors.every(db), anchors.queues(db), mailboxes.devices(db))
        )
        await self._windows.load()
        by_device = {device.device_id: device for device in self._roster.everyone()}
        self._note_heirs(rows)
        for row in rows:
            if row.instead_of is None:
                self.accounts[row.anchor_id] = self._account(row)
        for queue in held:
            account, device = self.accounts.get(queue.anchor_id), by_device.get(queue.device_id)
            if account is not None and device is not None and device.person.is_admitted:
                account.hold(queue, device)
        for account in self.accounts.values():
            account.reading.expects_mail()
            account.line.stand()
        for device in self._roster.everyone():
            if rows or device.device_id in told or self._untold(device):
                self._coming_up.add(device.device_id)
                self.look_after(device)
            else:
                self._follow(device)

    async def stop(self) -> None:
        """End every line."""
        self._is_stopping = True
        self._windows.stop()
        for account in self.accounts.values():
            account.line.close()
        for guest in self._guests.values():
            guest.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def retry_now(self) -> None:
        """What kept this node from every anchor is over."""
        for account in self.accounts.values():
            account.line.retry_now()
        for guest in self._guests.values():
            guest.line.retry_now()
        for device in self._roster.everyone():
            device.mailer.retry_now()

    # --- from the roster ---

    def look_after(self, device: Device) -> None:
        """A device is new, or something changed that its mailboxes depend on."""
        self._follow(device)
        self._spawn(self._see_to(device), f"mailboxes of contact {device.number}")

    def renew(self, before: Device, after: Device) -> None:
        """Another device serves a contact: its queues are read on without a gap."""
        for account in self.accounts.values():
            for queue in list(account.queues.values()):
                if queue.device is before:
                    account.hold(queue.row, after)
        for guest in self._guests.values():
            if guest.device is before:
                guest.serve(after)
        self._windows.forget(before)
        self._puttings.pop(before.device_id, None)
        self._known.pop(before.device_id, None)
        self._followed.pop(before.device_id, None)
        self.look_after(after)

    def forget(self, device: Device) -> None:
        """A contact was removed: the rows are gone, what runs ends."""
        for account in self.accounts.values():
            for queue in list(account.queues.values()):
                if queue.row.device_id == device.device_id:
                    account.drop(queue.row.queue_id)
            account.care()
        self._drop_guests(device, frozenset())
        self._windows.forget(device)
        self._puttings.pop(device.device_id, None)
        self._known.pop(device.device_id, None)
        self._followed.pop(device.device_id, None)

    # --- from people ---

    async def use(self, text: PairingText, instead_of: "Account | None" = None) -> "Account":
        """Make an account at the anchor that gave this text; one in use is told where it is now.

        Args:
            instead_of: an account that is left afterwards, perhaps at the same anchor.

        Raises:
            AnchorKnown, TooManyAnchors: nothing was done.
            Unreachable: it answers at no address.
            AnchorRefused: the text is spent or expired.
        """
        addresses = [hint.address for hint in text.hints][:MAILBOX_ADDRESSES_MAX]
        mask_key = text.hints[0].mask_key
        current = [one for one in self._used() if one is not instead_of]
        known = next((one for one in current if one.anchor.mask_key == mask_key), None)
        if known is not None:
            if set(addresses) <= set(known.anchor.addresses):
                raise AnchorKnown(anchor=str(addresses[0]))
            return await self._moved(known, addresses)
        if len(current) >= ACCOUNTS_MAX:
            raise TooManyAnchors(most=ACCOUNTS_MAX)
        secret = self._paired.setdefault(text.secret, self._parts.random(ANCHOR_SECRET_BYTES))
        keys = derive_account_keys(secret)
        line = Line(
            self._caller, derive_pairing_keys(text.secret), mask_key, addresses, _Nobody(), _no_task
        )
        try:
            answer = await (await line.reach()).ask(Pair(keys.tag, keys.link))
        finally:
            line.close()
        if not isinstance(answer, Ok | Limits):
            self._paired.pop(text.secret, None)
            raise AnchorRefused(anchor=str(addresses[0]))
        now_ms = self._parts.clock.now_ms()
        row = await self._write(lambda db: anchors.add(db, secret, mask_key, addresses, now_ms))
        self._paired.pop(text.secret, None)
        account = self.accounts[row.anchor_id] = self._account(row)
        account.line.stand()
        self._look_after_all()
        return account

    async def renew_all(self) -> None:
        """Other accounts are to replace those there are: their rows are stored."""
        self._note_heirs(await self._parts.database.read(anchors.every))
        for account in self.accounts.values():
            account.care()

    async def _moved(self, account: "Account", addresses: list[Address]) -> "Account":
        """The anchor is elsewhere: dial it there, and tell everybody."""
        anchor_id = account.anchor.anchor_id
        await self._write(lambda db: anchors.put_addresses(db, anchor_id, addresses))
        account.moved(addresses)
        self._look_after_all()
        return account

    def named(self, reference: str) -> "Account":
        """The account of an anchor by its number, `#` before it or not, or one of its addresses.

        Raises:
            AnchorNotFound: there is none.
        """
        number = reference.removeprefix("#")
        for account in self._used():
            if number == str(account.anchor.anchor_id) or any(
                reference in (str(one), one.host) for one in account.anchor.addresses
            ):
                return account
        raise AnchorNotFound(anchor=reference)

    async def leave(self, account: "Account") -> bool:
        """Use it no longer; whether the anchor has deleted the account, else it does once it
        answers."""
        anchor_id, now_ms = account.anchor.anchor_id, self._parts.clock.now_ms()
        await self._write(lambda db: anchors.leave(db, anchor_id, now_ms))
        self._heirs.pop(anchor_id, None)
        account.begin_leaving()
        self._look_after_all()
        return await account.is_gone()

    async def abandon(self, account: "Account") -> None:
        """Use it no longer, and never speak to its anchor again."""
        anchor_id = account.anchor.anchor_id
        await self._write(lambda db: anchors.delete(db, anchor_id))
        account.line.close()
        self._heirs.pop(anchor_id, None)
        del self.accounts[anchor_id]
        self._look_after_all()

    async def _write(self, change: Callable[[Db], T]) -> T:
        """Change which anchors are used, and where open invites lead."""
        now_s = self._parts.now_s()

        def write(db: Db, happened: Happened) -> T:
            done = change(db)
            if invites.name_anchors(db, anchors.every(db), now_s):
                happened.add_live(InvitesChanged())
            return done

        return await self._parts.journal.write(write)

    async def in_use(self) -> "list[Account]":
        """The accounts that are not being left, with what lies there now."""
        accounts = self._used()
        await asyncio.gather(*(one.look() for one in accounts))
        return accounts

    @property
    def can_receive_files(self) -> bool:
        """Whether files may come by an own anchor."""
        return self._windows.can_open

    def mailboxes_of(self, device: Device) -> "list[Guest | HeldQueue]":
        """Every queue that serves a device, for those who look."""
        held = [
            queue
            for account in self.accounts.values()
            for queue in account.queues.values()
            if queue.device is device
        ]
        return [*held, *(one for one in self._guests.values() if one.device is device)]

    # --- inside: one device ---

    def _follow(self, device: Device) -> None:
        device.context.on_mail_change = partial(self.look_after, device)
        device.context.on_mail_put = partial(self._was_put, device)
        device.files.on_change = partial(self._files_changed, device)
        self._windows.follow(device)

    def _files_changed(self, device: Device) -> None:
        """What goes by an anchor depends on files and on links."""
        if device.is_linked():
            self._windows.linked(device)
        self._windows.changed(device)
        known = self._puttings.get(device.device_id)
        if known is None or known.device is not device:
            known = Putting(device, self._caller, self._may_dial)
            self._puttings[device.device_id] = known
        known.changed()

    def _used(self) -> "list[Account]":
        return [one for one in self.accounts.values() if one.anchor.is_used]

    def _was_put(self, device: Device) -> None:
        """The owner of an invite who takes the Join now opens the queue for the answer at once."""
        if device.context.join_id is not None:
            for guest in self._guests.values():
                if guest.device is device and guest.is_read:
                    guest.line.hurry()

    async def _see_to(self, device: Device) -> None:
        async with self._locks.setdefault(device.device_id, asyncio.Lock()):
            if self._is_stopping or not self._roster.has(device):
                return
            try:
                await self._see_to_in_turn(device)
            except LoomError as error:
                log.warning("contact %d: mailboxes: %s", device.number, error.code)
            finally:
                self._coming_up.discard(device.device_id)

    async def _see_to_in_turn(self, device: Device) -> None:
        device_id = device.device_id
        await device.sessions.ready()
        told, sent, held = await self._parts.database.write(
            lambda db: (
                mailboxes.told(db, device_id),
                mailboxes.sent(db, device_id),
                anchors.queues_of(db, device_id),
            )
        )
        if not self._roster.has(device):
            return  # dropped meanwhile: what follows would serve it again
        device.context.has_mail = told is not None or sent is not None
        is_admitted = device.person.is_admitted
        told = self._follow_told(device, told)
        theirs = told.mailboxes if told is not None else self._untold(device)
        theirs = theirs if is_admitted else ()
        has_inbound = any(one.direction == Direction.INBOUND for one in theirs)
        if is_admitted:
            self._hold_again(device, held)
            await self._hold_queues(device, with_outbound=not has_inbound)
        else:
            self.forget(device)
        for account in self.accounts.values():
            account.care()
        own = self._own_entries(device)
        if await self._tell(device, own, sent, has_told=told is not None):
            # One who joined by an invite knows the queues that were made of it.
            known = held if sent is None else sent.mailboxes
            if sent is None and device.person.is_acquaintance:
                known = own  # both have drawn the same
            self._known.setdefault(device_id, frozenset(one.secret for one in known))
        elif (device_id in self._known or self._is_untold_held(device, own)) and (
            not await self._still_waits(device)
        ):
            self._known.pop(device_id, None)
            await self._shut_untold(device)
        if self._roster.has(device):
            self._serve(device, theirs, told)

    def _follow_told(self, device: Device, told: Told | None) -> Told | None:
        """What is followed of what a device tells; the newest a little later, if it tells a lot."""
        device_id, now_s = device.device_id, self._parts.clock.monotonic_s()
        if told is None:
            return None
        followed, forgotten_s = self._followed.get(device_id, (None, now_s))
        if followed is not None and told.mailboxes == followed.mailboxes:
            self._followed[device_id] = told, forgotten_s
            return told
        wait_s = forgotten_s - now_s - (FOLLOWED_AT_ONCE - 1) * FOLLOWED_EVERY_S
        if followed is not None and wait_s > 0:
            if device_id not in self._to_follow:
                self._to_follow.add(device_id)
                self._spawn(self._look_later(device, wait_s), f"mailboxes of {device.number} later")
            return followed
        self._followed[device_id] = told, max(forgotten_s, now_s) + FOLLOWED_EVERY_S
        return told

    async def _look_later(self, device: Device, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._to_follow.discard(device.device_id)
        self.look_after(device)

    def _hold_again(self, device: Device, held: list[Queue]) -> None:
        """Those that are stored: what a blocked contact knows of is good again afterwards."""
        for row in held:
            account = self.accounts.get(row.anchor_id)
            if account is not None and row.queue_id not in account.queues:
                account.hold(row, device)

    async def _hold_queues(self, device: Device, *, with_outbound: bool) -> None:
        used = self._used()
        there = {
            (account.anchor.anchor_id, queue.row.direction)
            for account in used
            for queue in account.queues.values()
            if queue.device is device
        }
        # As many outbound ones as a Mailboxes can tell beside the inbound ones.
        room = MAILBOXES_MAX - len(used) if with_outbound else 0
        room -= sum(direction == Direction.OUTBOUND for _, direction in there)
        for account in used:
            for direction in (Direction.INBOUND, Direction.OUTBOUND):
                is_missing = (account.anchor.anchor_id, direction) not in there
                if is_missing and (direction == Direction.INBOUND or room > 0):
                    room -= direction == Direction.OUTBOUND
                    await self._hold(account, device, direction)

    async def _hold(self, account: "Account", device: Device, direction: int) -> None:
        secret = self._acquaintances.queue_secret(device, account.anchor.mask_key, direction)
        queue_id = derive_queue_keys(secret).queue_id
        if not device.person.is_acquaintance or queue_id in self._taken:
            secret = self._parts.random(QUEUE_SECRET_BYTES)
            queue_id = derive_queue_keys(secret).queue_id
        row = Queue(queue_id, account.anchor.anchor_id, device.device_id, direction, secret)
        await self._parts.database.write(lambda db: anchors.add_queue(db, row))
        account.hold(row, device)
        account.care()

    def _own_entries(self, device: Device) -> tuple[ToldMailbox, ...]:
        """Inbound queues first, as many as fit."""
        entries = [
            ToldMailbox(
                tuple((one.host, one.port) for one in account.anchor.addresses),
                account.anchor.mask_key,
                queue.row.secret,
                queue.row.direction,
            )
            for account in self.accounts.values()
            for queue in account.queues.values()
            if queue.device is device and account.anchor.is_used
        ]
        return tuple(sorted(entries, key=lambda one: one.direction)[:MAILBOXES_MAX])

    async def _tell(
        self, device: Device, own: tuple[ToldMailbox, ...], sent: Sent | None, *, has_told: bool
    ) -> bool:
        """Queue a Mailboxes if the device does not know the newest, or not on this session.

        One who told of mailboxes may write to some that this side no longer has: then an empty
        one goes, too.

        Returns:
            Whether one was queued.
        """
        best = device.sessions.best
        counter = 0 if best is None else best.reset_counter
        is_known = sent is not None and sent.mailboxes == own
        if (sent is None and not own and not has_told) or not device.person.is_admitted:
            return False
        if self._parts.profile.value.invisible:  # told once they are not
            return False
        if sent is not None and is_known and (sent.reset_counter == counter or not own):
            return False
        parts, device_id = self._parts, device.device_id
        now_ms = parts.clock.now_ms()
        number = now_ms if sent is None else max(now_ms, sent.number + 1)
        if sent is not None and is_known and await self._still_waits(device):
            # It goes on the session there is. One who never takes it gets no second one.
            kept = Sent(sent.number, counter, own)
            await parts.database.write(lambda db: mailboxes.put_sent(db, device_id, kept))
            return False
        payload = Mailboxes(parts.new_id(), now_ms, number, own)

        def also(db: Db, happened: Happened) -> None:
            mailboxes.put_sent(db, device_id, Sent(number, counter, own))

        await device.delivery.outbox.add(MessageId(payload.message_id), payload, also)
        device.context.has_mail = True
        return True

    async def _still_waits(self, device: Device) -> bool:
        device_id = device.device_id
        begins = encode_payload(Mailboxes(bytes(16), 0, 0, ()))[:2]  # the array's head, the tag
        # Through the writer: what is on its way to the disk is there.
        return await self._parts.database.write(lambda db: outbox.waits(db, device_id, begins))

    def _is_untold_held(self, device: Device, own: tuple[ToldMailbox, ...]) -> bool:
        secrets = {one.secret for one in own}
        return any(
            queue.row.secret not in secrets
            for _, queue in [*self._outbound(device), *self._read_before(device)]
        )

    def _outbound(self, device: Device) -> "list[tuple[Account, HeldQueue]]":
        """Own queues that the device may read, where mail for it may lie."""
        return [
            (account, queue)
            for account in self.accounts.values()
            for queue in account.queues.values()
            if queue.device is device and not queue.is_read and not account.anchor.is_left
        ]

    def _read_before(self, device: Device) -> "list[tuple[Account, HeldQueue]]":
        """Own queues at replaced accounts that the device may write to."""
        return [
            (account, queue)
            for account in self.accounts.values()
            for queue in account.queues.values()
            if queue.device is device and queue.is_read and account.anchor.is_replaced
        ]

    async def _shut_untold(self, device: Device) -> None:
        """The device has the newest Mailboxes, and uses no other queue any more."""
        device_id, database = device.device_id, self._parts.database
        sent = await database.write(lambda db: mailboxes.sent(db, device_id))
        if sent is None or sent.reset_counter < 0:
            return
        told = {one.secret for one in sent.mailboxes}
        for account, queue in [*self._outbound(device), *self._read_before(device)]:
            if queue.row.secret not in told:
                queue_id = queue.row.queue_id
                await database.write(lambda db, gone=queue_id: anchors.delete_queue(db, gone))  # type: ignore[misc]
                account.drop(queue_id)
                account.care()

    def _serve(self, device: Device, theirs: tuple[ToldMailbox, ...], told: Told | None) -> None:
        """Write to what the device reads, read what it writes as its guest."""
        has_own = any(not one.anchor.is_left for one in self.accounts.values())
        writes: list[Mailbox] = []
        # Hints are an acquaintance's own word, too; what an invite says is not all.
        own_word = theirs if told is not None or device.person.is_acquaintance else ()
        told_inbound = any(one.direction == Direction.INBOUND for one in own_word)
        kept: set[bytes] = set()
        for entry in theirs:
            is_read = entry.direction == Direction.OUTBOUND
            if is_read and has_own:
                continue
            guest = self._guest(device, entry, is_told=told is not None)
            if guest is None:
                continue
            kept.add(guest.keys.queue_id)
            if is_read and self._may_read_always(device, told):
                guest.line.stand()
            elif not is_read:
                writes.append(self._written(guest, told))
        self._drop_guests(device, kept)
        # Where the device has an account it reads no queue of ours, and mail would lie there.
        known = self._known.get(device.device_id)
        if not told_inbound:
            writes += [
                Mailbox(queue.keys, account.line, account.name)
                for account, queue in self._outbound(device)
                if known is None or queue.row.secret in known
            ]
        device.mailer.use(writes)

    def _may_read_always(self, device: Device, told: Told | None) -> bool:
        if not device.person.is_acquaintance:
            return told is not None or device.device_id in self._coming_up
        # Each is a link that stands; the others are heard through common members.
        others = {
            one.device.number
            for one in self._guests.values()
            if one.is_read and one.device.person.is_acquaintance and one.line.is_standing
        }
        return len(others - {device.number}) < ACQUAINTANCES_READ_MAX

    def _untold(self, device: Device) -> tuple[ToldMailbox, ...]:
        """What both know of without having told each other."""
        return self._joins.mailboxes(device) or self._acquaintances.mailboxes(device)

    def _written(self, guest: "Guest", told: Told | None) -> Mailbox:
        if told is None and self._joins.needs_work(guest.device):
            today = lambda: self._parts.now_s() // DAY_S  # noqa: E731
            return AddressBox(guest.keys, guest.line, guest.name, today)
        return Mailbox(guest.keys, guest.line, guest.name)

    def invites_changed(self) -> None:
        """One's own invites are others now."""
        for account in self.accounts.values():
            account.care()

    def _guest(self, device: Device, entry: ToldMailbox, *, is_told: bool) -> "Guest | None":
        """`is_told`: by the contact itself, and not by the text of an invite."""
        queue_id = derive_queue_keys(entry.secret).queue_id
        if any(queue_id in account.queues for account in self.accounts.values()):
            return None  # one's own: what is written there comes back
        place = device.number, queue_id
        known = self._guests.get(place)
        if known is not None and known.told == entry and known.device is device:
            return known
        told = (Address(host, port) for host, port in entry.addresses)
        addresses = [one for one in told if self._may_dial(one)]
        if not addresses:
            return None
        if known is not None:
            known.close()
        from loom.node.anchors.guest import Guest  # takes memory that few need

        guest = Guest(
            self._parts,
            device,
            entry,
            addresses,
            self._caller,
            self._spawn,
            waits=is_told and device.device_id in self._coming_up,
        )
        self._guests[place] = guest
        return guest

    def _drop_guests(self, device: Device, kept: "set[bytes] | frozenset[bytes]") -> None:
        for (number, queue_id), guest in list(self._guests.items()):
            if number == device.number and queue_id not in kept:
                guest.close()
                del self._guests[number, queue_id]

    # --- inside: accounts ---

    def _account(self, row: anchors.Anchor) -> "Account":
        from loom.node.anchors.account import Account  # as for `Guest`

        return Account(
            self._parts,
            row,
            self._caller,
            self._spawn,
            self._invite_mail,
            self._windows,
            taken=self._was_taken,
            renew=self._renew,
            left=self._was_left,
        )

    async def _was_taken(self, account: "Account", queue: "HeldQueue") -> None:
        """Another account has a queue of this id: draw another secret, and tell it."""
        queue_id = queue.row.queue_id
        self._taken.add(queue_id)
        await self._parts.database.write(lambda db: anchors.delete_queue(db, queue_id))
        account.drop(queue_id)
        self.look_after(queue.device)

    def _note_heirs(self, rows: list[anchors.Anchor]) -> None:
        self._heirs = {one.instead_of: one for one in rows if one.instead_of is not None}

    async def _renew(self, account: "Account", link: AnchorLink) -> None:
        """Replace the account, if another one is to; leave it, if nobody needs it any more."""
        anchor_id, now_ms = account.anchor.anchor_id, self._parts.clock.now_ms()
        if account.anchor.is_replaced:
            is_over = now_ms - account.anchor.since_ms > OLD_IDENTITY_ANSWERS_S * 1000
            holds = await self._parts.database.write(lambda db: anchors.holds_queues(db, anchor_id))
            if is_over or not holds:
                self._spawn(self._leave_replaced(account), f"leaving of account {anchor_id}")
            return
        heir = self._heirs.get(anchor_id)
        if heir is None:
            return
        keys = derive_account_keys(heir.account)
        answer = await link.ask(Pair(keys.tag, keys.link))
        if self._heirs.get(anchor_id) is not heir or isinstance(answer, Full):
            return  # it was left meanwhile; or there is no room, and it is asked again
        del self._heirs[anchor_id]
        if not isinstance(answer, Ok | Limits):
            await self._parts.database.write(lambda db: anchors.delete(db, heir.anchor_id))
            account.warning = AccountNotRenewed(anchor=account.name)
            warned = Warned(code=account.warning.code, facts=account.warning.facts)
            await self._parts.journal.write(lambda db, happened: happened.add(warned))
            return
        await self._write(lambda db: anchors.replace(db, anchor_id, heir.anchor_id, now_ms))
        account.was_replaced()
        after = self.accounts[heir.anchor_id] = self._account(replace(heir, instead_of=None))
        after.line.stand()
        self._look_after_all()

    async def _leave_replaced(self, account: "Account") -> None:
        if not account.anchor.is_left:
            await self.leave(account)

    async def _was_left(self, account: "Account") -> None:
        anchor_id = account.anchor.anchor_id
        await self._parts.database.write(lambda db: anchors.delete(db, anchor_id))
        self.accounts.pop(anchor_id, None)
        account.line.close()
        for other in self.accounts.values():
            other.care()  # what the account had may be opened by another one there

    def _look_after_all(self) -> None:
        for device in self._roster.everyone():
            self.look_after(device)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)


class _Nobody:
    """The user of a line on which one request is made."""

    async def link_up(self, link: AnchorLink) -> None:
        """Nothing to do."""

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """Nothing is read there."""

    def link_down(self) -> None:
        """Nothing to do."""


def _no_task(work: Coroutine[Any, Any, None], name: str) -> None:
    work.close()
