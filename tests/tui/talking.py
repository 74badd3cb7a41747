"""A fake node that also knows what only the app asks for."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from loom.api.anchor_commands import LeaveAnchor, ListAnchors, ReplaceAnchor, UseAnchor
from loom.api.anchor_views import AnchorLeft, Anchors, AnchorView
from loom.api.command import Command
from loom.api.contact_commands import (
    AnswerFarewell,
    RemoveContact,
    SayFarewell,
    ShowConnectivity,
)
from loom.api.contact_views import Connectivity, ContactView, PathView, TimerView
from loom.api.conversation_commands import (
    ListDrafts,
    ListPreferences,
    MarkRead,
    MarkUnread,
    SetDraft,
    SetPreferences,
    SetTimer,
    SetTyping,
)
from loom.api.conversation_views import Draft, Drafts, Preference, Preferences
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    ConversationRead,
    ConversationUnread,
    FarewellAsked,
    MessageBookmarked,
    MessageDeleted,
    MessageEdited,
    MessageExpired,
    MessageFailed,
    MessagePinned,
    MessageReacted,
    MessagesDeleted,
    TimerChanged,
    WholeMessage,
)
from loom.api.message_commands import (
    Bookmark,
    DeleteMessages,
    EditMessage,
    Forward,
    History,
    ListBookmarks,
    ListPins,
    Pin,
    React,
    RetryMessage,
    Search,
    SendText,
    ShowDelivery,
    ShowEdits,
)
from loom.api.message_views import (
    DeliveryView,
    Messages,
    MessageView,
    Quote,
    Reaction,
    Wording,
    Wordings,
)
from loom.api.profile_commands import ReadLog
from loom.api.profile_views import LogLines
from loom.api.view import Done
from loom.wire.pairing import decode_pairing_text
from tests.fakes import NOW_MS, FakeNode


class TalkingNode(FakeNode):
    """A `FakeNode` with drafts, preferences, pages in both directions, and read marks."""

    def __init__(self, profile: str = "work", *, delivers: bool = True) -> None:
        super().__init__(profile, delivers=delivers)
        self.drafts: dict[int, str] = {}
        self.begun: dict[int, Draft] = {}
        """The same with all that belongs to them."""
        self.preferences: dict[int, Preference] = {}
        self.everybody = Preference()
        self.paths: list[PathView] = []
        self.proxy, self.proxy_state = "", "off"
        self.log: list[str] = []
        self.anchors = Anchors(anchors=[], waiting=[])
        self.reply_to: str | None = None
        """What the next message answers."""
        self.wordings: dict[str, list[Wording]] = {}
        """By the message's id."""
        self.delivery: dict[str, DeliveryView] = {}
        """By the message's id."""

    def reopen(self) -> None:
        """As after a restart."""
        self.closed = False
        self._changed = asyncio.Event()

    def tell(self, event: AnyEvent) -> None:
        """Something happened."""
        self._event(event)

    def say(self, name: str, *bodies: str, direction: str = "in", state: str = "read") -> None:
        """Messages that are there already."""
        for body in bodies:
            message = self._store(name, body, direction, state)
            view = self._contact(name)
            unread = view.unread + (direction == "in" and state == "delivered")
            self.contacts[view.contact] = msgspec.structs.replace(
                view, last_message_at_ms=message.sent_at_ms, unread=unread
            )

    def receive(self, name: str, body: str) -> MessageView:
        view = self._contact(name)
        self.contacts[view.contact] = msgspec.structs.replace(view, unread=view.unread + 1)
        return super().receive(name, body)

    def fail(self, message: MessageView, reason: str = "blocked") -> None:
        """A message will not leave."""
        self._put(message, state="failed")
        self._event(
            MessageFailed(
                message_id=message.message_id,
                contact=message.contact,
                contact_id=message.contact_id,
                reason=reason,
            )
        )

    def _put(self, message: MessageView, **fields: Any) -> None:
        self.messages = [
            msgspec.structs.replace(one, **fields) if one.row_id == message.row_id else one
            for one in self.messages
        ]

    def _answer(self, command: Command[Any]) -> object:
        answers: dict[type, Callable[[Any], object]] = {
            EditMessage: self._edit,
            ShowEdits: self._show_edits,
            React: self._react,
            Pin: self._pin,
            ListPins: self._list_pins,
            Bookmark: self._bookmark,
            ListBookmarks: self._list_bookmarks,
            Forward: self._forward,
            History: self._page,
            Search: self._search,
            MarkRead: self._mark,
            MarkUnread: self._mark_unread,
            DeleteMessages: self._delete,
            RetryMessage: self._retry,
            RemoveContact: self._remove,
            SetTimer: self._set_timer,
            SayFarewell: lambda _: Done(),
            AnswerFarewell: self._answer_farewell,
            SetTyping: lambda _: Done(),
            SetDraft: self._draft,
            ShowConnectivity: lambda _: Connectivity(
                mdns="on",
                proxy=self.proxy,
                proxy_state=self.proxy_state,
                addresses=["0.0.0.0:4070"],
                refused=3,
                paths=self.paths,
                anchors=self.anchors.anchors,
            ),
            ListAnchors: lambda _: self.anchors,
            UseAnchor: self._use_anchor,
            LeaveAnchor: self._leave_anchor,
            ReplaceAnchor: self._replace_anchor,
            ShowDelivery: self._show_delivery,
            ReadLog: lambda one: LogLines(lines=self.log[-one.lines :]),
            SetPreferences: self._prefer,
            ListDrafts: self._list_drafts,
            ListPreferences: lambda _: Preferences(
                everybody=self.everybody, contacts=list(self.preferences.values())
            ),
        }
        if (answer := answers.get(type(command))) is not None:
            return answer(command)
        if isinstance(command, SendText) and command.reply_to is not None:
            self.reply_to = command.reply_to
        return super()._answer(command)

    def _store(self, name: str, body: str, direction: str, state: str) -> MessageView:
        message = super()._store(name, body, direction, state)
        if self.reply_to is not None:
            message = self._quote(message, self.reply_to)
            self.reply_to = None
        return message

    def _quote(self, message: MessageView, message_id: str) -> MessageView:
        found = [one for one in self.messages if one.message_id == message_id]
        quote = Quote(direction="in", gone=True)
        if found and not found[0].deleted:
            one = found[0]
            quote = Quote(direction=one.direction, row_id=one.row_id, body=one.body[:200])
        self._put(message, reply_to=message_id, quote=quote)
        return self.messages[message.row_id - 1]

    def answer(self, name: str, body: str, message_id: str, direction: str = "in") -> MessageView:
        """A message that answers another, and is there already."""
        self.reply_to = message_id
        self.say(name, body, direction=direction)
        return self.messages[-1]

    def change(
        self, message: MessageView, event: type[WholeMessage], told: dict[str, Any], **fields: Any
    ) -> MessageView:
        """A message is another now, as an event tells."""
        self._put(message, **fields)
        [now] = [one for one in self.messages if one.row_id == message.row_id]
        facts = {name: getattr(now, name) for name in now.__struct_fields__ if name != "v"}
        self._event(event(**facts, **told))  # type: ignore[arg-type]
        return now

    def by_id(self, message_id: str) -> MessageView:
        """A message."""
        [found] = [one for one in self.messages if one.message_id == message_id]
        return found

    def edit(self, message: MessageView, body: str) -> MessageView:
        """Its author gives it another wording."""
        known = self.wordings.setdefault(
            message.message_id, [Wording(body=message.body, sent_at_ms=message.sent_at_ms)]
        )
        known.append(Wording(body=body, sent_at_ms=message.sent_at_ms + 60_000))
        return self.change(message, MessageEdited, {}, body=body, edited=True)

    def react(self, message: MessageView, emoji: str, by: str | None) -> MessageView:
        """Somebody reacts, or takes it back."""
        now = [one for one in message.reactions if one.contact != by]
        if emoji:
            now.append(Reaction(contact=by, emoji=emoji))
        return self.change(message, MessageReacted, {"by": by, "emoji": emoji}, reactions=now)

    def set_timer(self, name: str, expires_s: int, direction: str = "in") -> MessageView:
        """Somebody sets the timer of a conversation."""
        state = "delivered" if direction == "out" else "read"
        line = self._store(name, "", direction, state)
        told = {"holding_s": expires_s, "replaces": None}
        return self.change(line, TimerChanged, told, kind="timer", expires_s=expires_s)

    def expire(self, message: MessageView, *, arrived: bool = True) -> None:
        """The time of a message is over."""
        ids = [message.message_id]
        if arrived:
            self.messages.remove(message)
        else:
            self._put(message, body="", deleted=True, state="withdrawn")
        self._event(
            MessageExpired(
                contact=message.contact,
                contact_id=message.contact_id,
                direction=message.direction,
                message_ids=ids,
                withdrawn=[] if arrived else ids,
            )
        )

    def ask_farewell(self, name: str, scope: str) -> None:
        """A contact deletes the conversation, or oneself, and asks for the same."""
        view = msgspec.structs.replace(self._contact(name), farewell=scope)
        self.contacts[name] = view
        self._event(FarewellAsked(contact=name, contact_id=view.contact_id, scope=scope))

    def _set_timer(self, command: SetTimer) -> ContactView:
        view = self._contact(command.contact)
        timer = TimerView(expires_s=command.expires_s, own_s=command.expires_s)
        self.contacts[view.contact] = msgspec.structs.replace(view, timer=timer)
        self.set_timer(view.contact, command.expires_s, "out")
        return self.contacts[view.contact]

    def _answer_farewell(self, command: AnswerFarewell) -> Done:
        view = self._contact(command.contact)
        self.contacts[view.contact] = msgspec.structs.replace(view, farewell="")
        self._event(ContactChanged(contact=view.contact, contact_id=view.contact_id, what="kept"))
        return Done()

    def pin(self, message: MessageView, on: bool, by: str | None) -> MessageView:
        """Somebody pins it, or no longer."""
        return self.change(message, MessagePinned, {"by": by, "on": on}, pinned=on)

    def delete_for_both(self, *messages: MessageView) -> None:
        """Their author deletes them for both."""
        gone = {one.message_id for one in messages}
        for one in messages:
            self._put(one, deleted=True, body="", reactions=[], reply_to=None, quote=None)
        for one in [one for one in self.messages if one.reply_to in gone]:
            self._put(one, quote=Quote(direction=messages[0].direction, gone=True))
        self._event(
            MessageDeleted(
                contact=messages[0].contact,
                contact_id=messages[0].contact_id,
                direction=messages[0].direction,
                message_ids=[one.message_id for one in messages],
            )
        )

    def _edit(self, command: EditMessage) -> MessageView:
        return self.edit(self.by_id(command.message_id), command.body)

    def _show_edits(self, command: ShowEdits) -> Wordings:
        one = self.by_id(command.message_id)
        return Wordings(
            message_id=one.message_id,
            contact=one.contact,
            contact_id=one.contact_id,
            wordings=self.wordings[one.message_id],
        )

    def _react(self, command: React) -> MessageView:
        return self.react(self.by_id(command.message_id), command.emoji, None)

    def _pin(self, command: Pin) -> MessageView:
        return self.pin(self.by_id(command.message_id), command.on, None)

    def _list_pins(self, command: ListPins) -> Messages:
        number = self._contact(command.contact).contact_id
        found = [one for one in self.messages if one.pinned and one.contact_id == number]
        return Messages(messages=found[::-1])

    def _bookmark(self, command: Bookmark) -> MessageView:
        one = self.by_id(command.message_id)
        return self.change(one, MessageBookmarked, {}, bookmarked=command.on)

    def _list_bookmarks(self, command: ListBookmarks) -> Messages:
        found = [
            one
            for one in reversed(self.messages)
            if one.bookmarked and (command.before_row is None or one.row_id < command.before_row)
        ]
        return Messages(messages=found[: command.limit])

    def _forward(self, command: Forward) -> Messages:
        found = [self.by_id(one) for one in command.message_ids]
        sent = [
            self._answer(SendText(contact=name, body=one.body))
            for name in command.to
            for one in found
        ]
        return Messages(messages=sent)  # type: ignore[arg-type]

    def _page(self, command: History) -> Messages:
        number = self._contact(command.contact).contact_id
        found = [
            one
            for one in self.messages
            if one.contact_id == number
            and (command.before_row is None or one.row_id < command.before_row)
            and (command.after_row is None or one.row_id > command.after_row)
        ]
        if command.unread:
            new = (n for n, one in enumerate(found) if _is_unread(one))
            found = found[next(new, len(found)) :]
        page = found[: command.limit] if command.oldest else found[-command.limit :]
        return Messages(messages=page)

    def _search(self, command: Search) -> Messages:
        number = None if command.contact is None else self._contact(command.contact).contact_id
        found = [
            one
            for one in reversed(self.messages)
            if command.text.casefold() in one.body.casefold()
            and (number is None or one.contact_id == number)
            and (command.before_row is None or one.row_id < command.before_row)
        ]
        return Messages(messages=found[: command.limit])

    def _mark(self, command: MarkRead) -> Done:
        view = self._contact(command.contact)
        wanted = range(command.from_row, command.row_id + 1)
        for one in self.messages:
            if one.contact_id == view.contact_id and one.row_id in wanted and _is_unread(one):
                self._put(one, state="read")
        self.tell(
            ConversationRead(
                contact=view.contact,
                contact_id=view.contact_id,
                row_id=command.row_id,
                from_row=command.from_row,
                unread=self._count_unread(view),
            )
        )
        return Done()

    def _mark_unread(self, command: MarkUnread) -> Done:
        view = self._contact(command.contact)
        came = [
            one
            for one in self.messages
            if one.contact_id == view.contact_id and one.direction == "in"
        ]
        row_id = command.row_id or came[-1].row_id
        for one in came:
            if one.row_id >= row_id:
                self._put(one, state="delivered")
        self.tell(
            ConversationUnread(
                contact=view.contact,
                contact_id=view.contact_id,
                row_id=row_id,
                unread=self._count_unread(view),
            )
        )
        return Done()

    def _count_unread(self, view: ContactView) -> int:
        mine = (one for one in self.messages if one.contact_id == view.contact_id)
        unread = sum(map(_is_unread, mine))
        self.contacts[view.contact] = msgspec.structs.replace(view, unread=unread)
        return unread

    def _delete(self, command: DeleteMessages) -> Done:
        view = self._contact(command.contact)
        ids = command.message_ids
        if command.for_both:
            self.delete_for_both(*(self.by_id(one) for one in ids or ()))
            return Done()
        self.messages = [
            one
            for one in self.messages
            if one.contact_id != view.contact_id or (ids is not None and one.message_id not in ids)
        ]
        self._event(
            MessagesDeleted(contact=view.contact, contact_id=view.contact_id, message_ids=ids)
        )
        return Done()

    def _retry(self, command: RetryMessage) -> object:
        [old] = [one for one in self.messages if one.message_id == command.message_id]
        self._delete(DeleteMessages(contact=command.contact, message_ids=[command.message_id]))
        return super()._answer(_send(old))

    def _remove(self, command: RemoveContact) -> Done:
        view = self._contact(command.contact)
        del self.contacts[view.contact]
        self._event(ContactRemoved(contact=view.contact, contact_id=view.contact_id))
        return Done()

    def _use_anchor(self, command: UseAnchor) -> AnchorView:
        hint = decode_pairing_text(command.text).hints[0]
        number = max((one.anchor_id for one in self.anchors.anchors), default=0) + 1
        view = anchor(number, str(hint.address))
        self.anchors = msgspec.structs.replace(self.anchors, anchors=[*self.anchors.anchors, view])
        return view

    def _leave_anchor(self, command: LeaveAnchor) -> AnchorLeft:
        left = [one for one in self.anchors.anchors if f"#{one.anchor_id}" != command.anchor]
        self.anchors = msgspec.structs.replace(self.anchors, anchors=left)
        return AnchorLeft(anchor=command.anchor, deleted=False)

    def _replace_anchor(self, command: ReplaceAnchor) -> AnchorView:
        view = self._use_anchor(UseAnchor(text=command.text))
        self._leave_anchor(LeaveAnchor(anchor=command.anchor))
        return view

    def _show_delivery(self, command: ShowDelivery) -> DeliveryView:
        [message] = [one for one in self.messages if one.message_id == command.message_id]
        known = DeliveryView(
            message_id=message.message_id,
            contact=message.contact,
            contact_id=message.contact_id,
            state=message.state,
            where="link" if message.state == "sent" else "here",
        )
        return self.delivery.get(command.message_id, known)

    def _list_drafts(self, command: ListDrafts) -> Drafts:
        """One in each answer."""
        numbers = [one for one in sorted(self.drafts) if one > command.after]
        first = [
            self.begun.get(one) or Draft(contact_id=one, body=self.drafts[one])
            for one in numbers[:1]
        ]
        return Drafts(drafts=first, more=len(numbers) > 1)

    def _draft(self, command: SetDraft) -> Done:
        number = self._contact(command.contact).contact_id
        self.drafts[number] = command.body
        self.begun[number] = Draft(
            contact_id=number,
            body=command.body,
            expires_s=command.expires_s,
            edits=command.edits,
            wording=command.wording,
        )
        return Done()

    def _prefer(self, command: SetPreferences) -> Done:
        told = _given(command, "read_receipts", "typing", "late_receipts", "verify_first")
        if command.contact is None:
            self.everybody = msgspec.structs.replace(self.everybody, **told)
            return Done()
        view = self._contact(command.contact)
        known = self.preferences.get(view.contact_id) or Preference(contact_id=view.contact_id)
        self.preferences[view.contact_id] = msgspec.structs.replace(known, **told)
        habits = _given(command, "muted", "level", "archived", "favourite")
        if habits.get("muted") is not None:
            habits["mute_until_ms"] = command.mute_until_ms
        self.contacts[view.contact] = msgspec.structs.replace(view, **habits)
        self._event(
            ContactChanged(contact=view.contact, contact_id=view.contact_id, what="preferences")
        )
        return Done()


def _given(command: SetPreferences, *names: str) -> dict[str, Any]:
    """Of these fields, those that are not None."""
    found = {name: getattr(command, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def anchor(number: int, address: str, **facts: Any) -> AnchorView:
    """One that is reached and has nothing."""
    view = AnchorView(
        anchor_id=number,
        addresses=[address],
        up=True,
        up_since_ms=NOW_MS,
        latency_ms=23,
        queues=2,
        blobs=0,
        size_bytes=0,
        limit_bytes=512 * 2**20,
        oldest_at_ms=None,
        last_error=None,
        warning=None,
    )
    return msgspec.structs.replace(view, **facts)


def _is_unread(message: MessageView) -> bool:
    return message.direction == "in" and message.state == "delivered"


def _send(message: MessageView) -> Command[Any]:
    from loom.api.message_commands import SendText

    return SendText(contact=f"#{message.contact_id}", body=message.body)
