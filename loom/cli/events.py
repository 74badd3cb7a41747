"""How an event reads."""

from datetime import datetime

from loom.api import events as happened
from loom.cli.message_words import excerpt, file_words, said_words
from loom.cli.output import Output, sign
from loom.cli.room_words import post_words
from loom.front.identity_words import CHANGES, later_words, number_words
from loom.front.lasting import asked_words, done_words, timer_words
from loom.front.moments import when
from loom.front.room_lines import line_words
from loom.printable import printable

_CHANGES = {
    "added": "was added",
    "renamed": "has a new name here",
    "verified": "is verified",
    "unverified": "is not verified any more",
    "blocked": "is blocked",
    "unblocked": "is no longer blocked",
    "profile": "changed their own name",
    "kept": "asked to delete the conversation; it is kept here",
    "identity": "has a new identity: nothing is sent or received until you verify them",
    **CHANGES,
}
_FAILURES = {
    "blocked": "they are blocked",
    "removed": "they were removed",
    "identity_changed": "their identity changed",
    "revoked": "they revoked their identity",
    "own_identity_revoked": "you revoked your identity",
}


def put_event(output: Output, event: happened.AnyEvent, *, numbers: bool = False) -> None:
    """One event, as JSON or in words, perhaps with the message's number; some have no words."""
    if output.as_json:
        output.json(event)
    elif words := event_words(event):
        row = event.row_id if numbers and isinstance(event, happened.WholeMessage) else 0
        output.line(f"#{row}  {words}" if row else words)


def note_event(output: Output, event: happened.AnyEvent) -> None:
    """One event on standard error, for people only."""
    if not output.as_json and (words := event_words(event)):
        output.note(words)


def event_words(event: happened.AnyEvent) -> str | None:
    """One line for people (a body may have more); None where there is nothing to say."""
    match event:
        case happened.MessageReceived() | happened.MessageQueued():
            return said_words(event, f"{when(event.sent_at_ms)}  ")
        case happened.MessageFailed():
            why = _FAILURES.get(event.reason, event.reason)
            return _now(f"{sign('failed')} not sent to {event.contact}: {why}")
        case happened.MessageDelivered():
            return _now(f"{sign('delivered')} delivered to {event.contact}")
        case happened.MessageRead():
            return _now(f"{sign('read')} read by {event.contact}")
        case happened.MessageSent():
            where = " (in the mailbox)" if event.via == "mailbox" else ""
            return _now(f"{sign('sent')} sent to {event.contact}{where}")
        case happened.MessageEdited():
            return said_words(event, _now(""))
        case happened.MessageReacted() | happened.MessagePinned() | happened.MessageDeleted():
            return _now(statement_words(event))
        case happened.MessageBookmarked():
            return None
        case happened.MessageExpired():
            many, late = len(event.message_ids), len(event.withdrawn)
            late_words = f"; {late} had not arrived and {_were(late)} withdrawn" if late else ""
            return _now(f"{many} with {event.contact} disappeared{late_words}")
        case happened.TimerChanged():
            return _now(timer_words(event.direction, event.contact, event.expires_s))
        case happened.FarewellAsked():
            return _now(asked_words(event.contact, event.scope))
        case happened.FarewellDone():
            withdrawn = len(event.withdrawn)
            return _now(done_words(event.contact, event.scope, event.direction, withdrawn))
        case happened.MessagesDeleted():
            return _now(f"messages with {event.contact} were deleted here")
        case happened.ContactChanged():
            return _now(f"{event.contact} {_CHANGES.get(event.what, event.what)}")
        case happened.ContactRemoved():
            return _now(f"{event.contact} was removed")
        case happened.ContactTyping() | happened.ReachChanged():
            return None
        case happened.FileChanged():
            return None if event.file is None else _now(file_words(event.file))
        case happened.FileProgress():
            return None
        case happened.ConversationRead() | happened.ConversationUnread():
            return None
        case happened.InviteUsed():
            what = "is a contact by" if event.is_new else "used"
            return _now(f"{event.contact} {what} your invite {event.invite_id}")
        case happened.InviteAnswered():
            return _now(f"{event.contact} accepted: you are contacts")
        case happened.RequestsChanged():
            return _now(f"{event.waiting} ask to be a contact") if event.waiting else None
        case happened.InvitesChanged():
            return None
        case happened.ProfileChanged():
            seen = "invisible" if event.invisible else "visible to contacts"
            return _now(f"you are {event.name}, {seen}")
        case happened.PeerOnline():
            return _now(f"{sign('online')} {event.contact} is online ({event.address})")
        case happened.PeerOffline():
            return _now(f"{sign('offline')} {event.contact} is not connected")
        case happened.IdentityNoted():
            return None  # the change of the contact says it
        case happened.IdentityRotated():
            return _now(f"you have a new identity: {number_words(event.number)}")
        case happened.LaterIdentityFound(number=number, forked=forked):
            said = later_words(number, forked=forked)
            return _now(f"{sign('failed')} your identity is {said}; `loom identity`")
        case happened.IdentityRevoked():
            return _now("you revoked your identity")
        case happened.SessionStarted():
            return _now(f"new session with {event.contact}")
        case happened.MachineFound():
            return _now(
                f"{sign('failed')} another machine uses this identity: it has a session with "
                f"{event.contact}; decide with `loom machine`"
            )
        case happened.MachineDecided():
            return _now("this machine stays" if event.stays else "this profile is closed")
        case happened.PairingPeers(peers=peers):
            near = ", ".join(one.alias for one in peers) or "nobody"
            return _now(f"pairing nearby: {near}")
        case happened.PairingWords(words=words):
            return _now(f"pairing: compare {' '.join(words)}")
        case happened.PairingDone():
            return _now(f"{event.contact} is a verified contact")
        case happened.PairingFailed():
            return _now(f"{sign('failed')} {_warning_words(event)}")
        case happened.PairingStopped():
            return _now("pairing ended")
        case happened.Warned():
            return _now(f"{sign('failed')} {_warning_words(event)}")
        case happened.RoomPosted():
            return post_words(event)
        case happened.RoomJoined():
            return _now(f"you are in the room {event.room}")
        case happened.RoomLeft():
            by = f"{event.by} removed you from" if event.by else "you left"
            return _now(f"{by} the room {event.room}")
        case happened.RoomStateChanged() | happened.RoomRead() | happened.RoomUnread():
            return None
        case happened.RoomCopied(waits=waits):
            if waits:
                return _now(
                    f"{sign('failed')} this profile is an older copy: in {event.room} nothing is "
                    "posted or changed before a member has said what you did since"
                )
            return _now(f"{event.room}: a member has said what you did since: you may post again")
        case happened.RoomForked():
            return _now(
                f"{sign('failed')} {event.author} signed two statements under one number in "
                f"{event.room}: `loom room show` has both"
            )
        case happened.RoomOffered():
            return _now(
                f"{event.room}: {line_words(event.author, event.line)}: see `loom room offered`"
            )
        case happened.RoomKeyDiffers():
            return _now(
                f"{sign('failed')} {event.contact} says other keys in {event.room} than those they "
                "were admitted with: somebody pretends to be them there"
            )
        case happened.EventsGap():
            return f"Events {event.from_seq} to {event.to_seq} are no longer kept."
        case happened.NodeReady(port=0):
            return (
                f"The profile {printable(event.profile)} is closed: it can be read, and nothing is "
                "sent or received. `loom machine stay` opens it again; then start its node again."
            )
        case happened.NodeReady():
            return f"The node of {printable(event.profile)} listens on port {event.port}."
        case happened.AnchorReady():
            return f"The anchor {printable(event.anchor)} listens on port {event.port}."
        case happened.NodeStopped():
            return f"The node stopped: {printable(event.reason)}"


def statement_words(
    event: happened.MessageReacted | happened.MessagePinned | happened.MessageDeleted,
) -> str:
    """Who did what with which message."""
    if isinstance(event, happened.MessageDeleted):
        who = event.contact if event.direction == "in" else "you"
        count = len(event.message_ids)
        return printable(
            f"{who} deleted {'a message' if count == 1 else f'{count} messages'} for both"
        )
    if isinstance(event, happened.MessagePinned):
        what = "pinned" if event.on else "took back the pin of"
    else:
        what = f"reacted {event.emoji} to" if event.emoji else "took back the reaction to"
    return printable(f"{event.by or 'you'} {what}: {excerpt(event.body)}")


def _warning_words(event: happened.Warned | happened.PairingFailed) -> str:
    from loom.front.sentences import of_warning  # most daemons never warn: it takes memory

    return of_warning(event.code, event.facts)


def _were(many: int) -> str:
    return "was" if many == 1 else "were"


def _now(text: str) -> str:
    return f"{datetime.now().astimezone():%Y-%m-%d %H:%M}  {printable(text)}"
