"""Every error Loom raises, in one tree grouped by who can act.

    LoomError
    ├── UsageError            the caller asked for something that cannot be
    │   ├── InvalidToken      prefix, alphabet, length, version, checksum, spare bits, key
    │   │   ├── InvalidInvite     and hints, expiry
    │   │   └── InvalidPairingText
    │   ├── OwnToken, DuplicateContact, NameTaken, InvalidName, InvalidText
    │   ├── InvalidAddress, ForeignAddress, InvalidOnion, InvalidPhrase
    │   ├── NotPairing, TooManyTries, OwnAddress
    │   ├── MoveEndsAlike, MoveUnfinished
    │   ├── AnchorKnown, TooManyAnchors
    │   ├── ProfileExists, ProfileNotChosen, TerminalNeeded, ExtraMissing
    │   ├── FileOver          the state of a file does not allow it
    │   ├── LocalOnly         not on, or not from, another machine
    │   ├── MediaUnreadable, MetadataStays, DecodingUnconfined, NoSoundDevice
    │   └── InvalidInput      anything else that was typed wrong
    ├── NotFound              what was named is not here
    │   ├── ContactNotFound, MessageNotFound, NoMessageYet, ProfileNotFound, NoProfile
    │   ├── InviteNotFound, RequestNotFound, AnchorNotFound, MailFileOfNobody
    │   ├── RoomNotFound, MemberNotFound, PostNotFound
    │   ├── FileNotKnown, FileNotHere
    │   ├── NodeNotRunning, RemoteProfileNotFound, RemoteNodeNotRunning
    │   └── NoAnchor, AnchorNotRunning
    ├── PeerError             the other side broke the rules
    │   ├── MalformedMessage  bytes that are no valid encoding
    │   ├── AuthenticationError   a tag, signature or commitment that does not verify
    │   │   └── CardMismatch      a card that is not the contact's
    │   ├── FolderRefused     what was sent as a folder, and is none that is unpacked
    │   ├── ContentChanged, FileDiffers, FileUnreadable, FileWithdrawn, FileNotTaken
    │   └── ProtocolViolation     well-formed, authentic, and still not allowed
    │       ├── StaleHandshake, UnknownBundle
    │       └── KeyUnavailable    an authentic header whose message key is gone
    ├── NetworkError          try again
    │   ├── PortInUse, PortMoved, PortNotAllowed, DiscoveryUnavailable
    │   ├── Unreachable       ProxyNeeded, ProxyUnavailable: nobody was asked there
    │   ├── NobodyPairing, PairingLeft, PairingTimedOut
    │   ├── MoveLost, MoveRefused
    │   ├── AnchorRefused, AnchorClockApart, AccountNotRenewed
    │   ├── NotDelivered, NotTransferred, ControlError
    │   ├── FileWaits         the anchor of its receiver takes nothing now
    │   ├── RoomWaits         an older copy of the profile: a member must be heard first
    │   └── RemoteError       the machine of `--on`: RemoteUnreachable, RemoteLost,
    │                         RemoteLoomMissing, RemoteVersion
    ├── StoreError            the disk, the keyslot or the database
    │   ├── WrongPhrase, WrongBackupPassphrase, BackupDamaged, BackupTooNew
    │   ├── WrongPassphrase, CannotUnlock, ProfileInUse, ProfileMoved, ProfileClosed
    │   ├── ProfileDamaged, ProfileTooNew
    │   ├── DiskFull, StoreUnavailable, StateConflict, OutOfMemory
    │   └── FilesFull         more files than the profile may keep
    ├── OutputFailed          standard output takes nothing; the command itself was carried out
    └── DecisionNeeded        the user must decide
        └── IdentityChanged, ContactBlocked, ContactRevoked, OwnIdentityRevoked,
            WordsDiffer, CodeDiffers, InviteReused

An error is a code and facts, named by `fact_names`. Facts never hold a secret. What
a user reads is made by the front ends: `loom/front/sentences.py`.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar


class LoomError(Exception):
    """Something went wrong inside Loom."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    fact_names: ClassVar[tuple[str, ...]] = ()

    # Facts come over the control socket too, where one may be called `self`.
    def __init__(self, /, **facts: str | int) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        """Code and facts, for developers; front ends have sentences."""
        return ": ".join([self.code, *map(str, self.facts.values())])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code})"


def error_from(code: str, facts: Mapping[str, str | int]) -> LoomError:
    """The error of a code and facts; of an unknown code, a ControlError that names it."""
    for kind in kinds():
        if kind.code == code:
            return kind(**facts)
    return ControlError(what=f"an unknown error, {code}")


def kinds(kind: type[LoomError] = LoomError) -> Iterator[type[LoomError]]:
    """`kind` and every class below it."""
    yield kind
    for narrower in kind.__subclasses__():
        yield from kinds(narrower)


# --- the caller -------------------------------------------------------------------------------


class UsageError(LoomError):
    """An object was used in a way that its state does not allow."""

    code = "usage"
    exit_code = 2


class InvalidInput(UsageError):
    """Anything typed wrong that has no error of its own; `what` is a sentence without its stop."""

    code = "invalid_input"
    fact_names = ("what",)


class InvalidToken(UsageError):
    """Not a token."""

    code = "invalid_token"
    fact_names = ("reason",)


class InvalidInvite(InvalidToken):
    """Not an invite that can be used."""

    code = "invalid_invite"


class InvalidPairingText(InvalidToken):
    """Not a text by which an anchor is taken into use."""

    code = "invalid_pairing_text"


class OwnToken(UsageError):
    """One's own token, where a contact's is wanted."""

    code = "own_token"


class AnchorKnown(UsageError):
    """This profile has an account at the anchor."""

    code = "anchor_known"
    fact_names = ("anchor",)


class TooManyAnchors(UsageError):
    """No further account."""

    code = "too_many_anchors"
    fact_names = ("most",)


class DuplicateContact(UsageError):
    """The token belongs to a contact already."""

    code = "duplicate_contact"
    fact_names = ("name",)


class NameTaken(UsageError):
    """The name belongs to a contact with another token."""

    code = "name_taken"
    fact_names = ("name",)


class InvalidName(UsageError):
    """A name that cannot be kept."""

    code = "invalid_name"
    fact_names = ("reason",)


class InvalidText(UsageError):
    """A text that cannot be sent."""

    code = "invalid_text"
    fact_names = ("reason",)


class InvalidAddress(UsageError):
    """Not HOST:PORT."""

    code = "invalid_address"
    fact_names = ("address",)


class ForeignAddress(InvalidAddress):
    """An address to listen on that no interface of this machine has."""

    code = "foreign_address"


class InvalidOnion(InvalidAddress):
    """A name under .onion that no onion service has: cut off, mistyped, or of an old version."""

    code = "invalid_onion"


class InvalidPhrase(UsageError):
    """Not a recovery phrase, or not this identity's."""

    code = "invalid_phrase"
    fact_names = ("reason",)


class ProfileExists(UsageError):
    """The new profile's name is taken."""

    code = "profile_exists"
    fact_names = ("profile",)


class ProfileNotChosen(UsageError):
    """There are several profiles and none was named."""

    code = "profile_not_chosen"
    fact_names = ("profiles",)


class ExtraMissing(UsageError):
    """Optional packages are not installed; `extra` is the name of their group."""

    code = "extra_missing"
    fact_names = ("packages", "extra")


class LocalOnly(UsageError):
    """Something that a node does for its own machine alone; `what` begins a sentence."""

    code = "local_only"
    fact_names = ("what",)


class MediaUnreadable(UsageError):
    """A picture or a sound that cannot be shown or played."""

    code = "media_unreadable"
    fact_names = ("reason",)


class MetadataStays(UsageError):
    """A file may say where it was made, and that cannot be cut out of it."""

    code = "metadata_stays"
    fact_names = ("name",)


class DecodingUnconfined(UsageError):
    """This system cannot lock a decoder in, and nobody allowed for that."""

    code = "decoding_unconfined"


class NoSoundDevice(UsageError):
    """There is nothing to record or play with; `reason` is the system's."""

    code = "no_sound_device"
    fact_names = ("what", "reason")


class TerminalNeeded(UsageError):
    """Something must be asked or shown on a terminal, and there is none."""

    code = "terminal_needed"
    fact_names = ("what", "remedy")


class NotPairing(UsageError):
    """Nobody is being paired with: no pairing runs, or these words are over."""

    code = "not_pairing"


class TooManyTries(UsageError):
    """Words were compared too often lately; another try is allowed in `wait_s` seconds."""

    code = "too_many_tries"
    fact_names = ("wait_s",)


class OwnAddress(UsageError):
    """This node itself answers at the address."""

    code = "own_address"


class MoveEndsAlike(UsageError):
    """Both machines of a move send, or both receive."""

    code = "move_ends_alike"


class MoveUnfinished(UsageError):
    """Something that a move does not allow as far as it is; `what` says why."""

    code = "move_unfinished"
    fact_names = ("what",)


class FileOver(UsageError):
    """Something that a file in this state does not allow; `state` is its state."""

    code = "file_over"
    fact_names = ("name", "state")


# --- not here ---------------------------------------------------------------------------------


class NotFound(LoomError):
    """What was named is not here."""

    code = "not_found"
    exit_code = 4
    fact_names: ClassVar[tuple[str, ...]] = ("what",)


class ContactNotFound(NotFound):
    """No contact has this name or number."""

    code = "contact_not_found"
    fact_names = ("name",)


class AnchorNotFound(NotFound):
    """No account of that name."""

    code = "anchor_not_found"
    fact_names = ("anchor",)


class MailFileOfNobody(NotFound):
    """A file of mail that no contact wrote for this profile."""

    code = "mail_file_of_nobody"
    fact_names = ()


class MessageNotFound(NotFound):
    """The conversation has no message of this id."""

    code = "message_not_found"
    fact_names = ("message_id",)


class NoMessageYet(NotFound):
    """`last` or `theirs` where that side has no message; `whose`: yours or theirs."""

    code = "no_message_yet"
    fact_names = ("whose",)


class InviteNotFound(NotFound):
    """There is no open invite of this number."""

    code = "invite_not_found"
    fact_names = ("number",)


class RequestNotFound(NotFound):
    """Nobody waits for a decision under this number."""

    code = "request_not_found"
    fact_names = ("number",)


class RoomNotFound(NotFound):
    """No room has this name."""

    code = "room_not_found"
    fact_names = ("name",)


class MemberNotFound(NotFound):
    """Nobody in the room has this name."""

    code = "member_not_found"
    fact_names = ("name", "room")


class PostNotFound(NotFound):
    """The room has no such post."""

    code = "post_not_found"
    fact_names = ("post_id",)


class FileNotKnown(NotFound):
    """No file has this id, or several have ids that begin so."""

    code = "file_not_found"
    fact_names = ("file_id",)


class FileNotHere(NotFound):
    """The content of a file is not on this machine, or not all of it."""

    code = "file_not_here"
    fact_names = ("name",)


class ProfileNotFound(NotFound):
    """No profile has this name."""

    code = "profile_not_found"
    fact_names: ClassVar[tuple[str, ...]] = ("profile",)


class NoProfile(ProfileNotFound):
    """There is no profile at all."""

    code = "no_profile"
    fact_names = ()


class RemoteProfileNotFound(ProfileNotFound):
    """The other machine has no profile, or none of that name."""

    code = "remote_profile_not_found"
    fact_names = ("host",)


class NodeNotRunning(NotFound):
    """No process serves the profile."""

    code = "node_not_running"
    fact_names: ClassVar[tuple[str, ...]] = ()


class NoAnchor(NotFound):
    """No anchor of this machine is meant, or none of that name is here."""

    code = "no_anchor"
    fact_names = ("anchor",)


class AnchorNotRunning(NotFound):
    """No process serves this anchor."""

    code = "anchor_not_running"
    fact_names = ("anchor",)


class RemoteNodeNotRunning(NodeNotRunning):
    """No process serves the profile on the other machine."""

    code = "remote_node_not_running"
    fact_names = ("host",)


# --- the peer ---------------------------------------------------------------------------------


class PeerError(LoomError):
    """The other side broke the rules; nothing of it was kept."""

    code = "peer_error"


class MalformedMessage(PeerError):
    """Bytes that are no valid encoding."""

    code = "malformed_message"
    fact_names = ("what",)


class AuthenticationError(PeerError):
    """A tag, signature or commitment that does not verify."""

    code = "authentication_error"
    fact_names = ("what",)


class CardMismatch(AuthenticationError):
    """A card that is not the contact's."""

    code = "card_mismatch"


class FileNotTaken(PeerError):
    """A transfer that was waited for will not go on; `state`: declined, cancelled or failed."""

    code = "file_not_taken"
    fact_names = ("name", "state")


class FolderRefused(PeerError):
    """What was sent as a folder is none that Loom unpacks; `reason` is a clause."""

    code = "folder_refused"
    fact_names = ("reason",)


class ContentChanged(PeerError):
    """The sender's file is no longer what was offered."""

    code = "file_changed"
    fact_names = ("name",)


class FileUnreadable(PeerError):
    """The sender's file can no longer be read on the sender's machine."""

    code = "file_unreadable"
    fact_names = ("name",)


class FileDiffers(PeerError):
    """What came is not what was offered: its sender lies, or is broken."""

    code = "file_differs"
    fact_names = ("name",)


class FileWithdrawn(PeerError):
    """Its sender serves a file no longer."""

    code = "file_withdrawn"
    fact_names = ("name",)


class ProtocolViolation(PeerError):
    """Well-formed, authentic, and still not allowed."""

    code = "protocol_violation"
    fact_names = ("what",)


class StaleHandshake(ProtocolViolation):
    """A handshake of a session that is over, or older than one that was accepted."""

    code = "stale_handshake"


class UnknownBundle(ProtocolViolation):
    """A handshake on a bundle whose private halves are gone."""

    code = "unknown_bundle"


class KeyUnavailable(ProtocolViolation):
    """An authentic header whose message key is gone."""

    code = "key_unavailable"


# --- the network ------------------------------------------------------------------------------


class NetworkError(LoomError):
    """The network did not answer; trying again may help."""

    code = "network_error"


class PortInUse(NetworkError):
    """Another program listens there."""

    code = "port_in_use"
    fact_names: ClassVar[tuple[str, ...]] = ("port", "host")


class PortMoved(PortInUse):
    """The remembered port was taken, so the node listens on `instead` until it restarts."""

    code = "port_moved"
    fact_names = ("port", "host", "instead")


class PortNotAllowed(NetworkError):
    """This user may not listen on the port."""

    code = "port_not_allowed"
    fact_names = ("port", "host")


class Unreachable(NetworkError):
    """No connection to the address."""

    code = "unreachable"
    fact_names: ClassVar[tuple[str, ...]] = ("address",)


class ProxyNeeded(Unreachable):
    """An onion service, and no proxy that finds it; nobody was asked for its address."""

    code = "proxy_needed"
    fact_names: ClassVar[tuple[str, ...]] = ("address",)


class ProxyUnavailable(Unreachable):
    """The proxy cannot be used, so what goes through it was not dialled."""

    code = "proxy_unavailable"
    fact_names = ("proxy", "reason")


class DiscoveryUnavailable(NetworkError):
    """mDNS cannot be used."""

    code = "discovery_unavailable"
    fact_names = ("what",)


class NobodyPairing(NetworkError):
    """Nobody who pairs answered at the address."""

    code = "nobody_pairing"
    fact_names = ("address",)


class PairingLeft(NetworkError):
    """The other side, or the network, ended a pairing."""

    code = "pairing_left"


class MoveLost(NetworkError):
    """The other machine of a move is not reached any more."""

    code = "move_lost"


class MoveRefused(NetworkError):
    """The new machine of a move does not go on; `reason`: no_room, damaged or failed."""

    code = "move_refused"
    fact_names = ("reason",)


class PairingTimedOut(NetworkError):
    """A pairing took too long."""

    code = "pairing_timed_out"


class AnchorRefused(NetworkError):
    """The anchor takes this text no more."""

    code = "anchor_refused"
    fact_names = ("anchor",)


class AccountNotRenewed(NetworkError):
    """The anchor gives no other account in place of the one there is."""

    code = "account_not_renewed"
    fact_names = ("anchor",)


class AnchorClockApart(NetworkError):
    """The anchor's clock and this machine's are a day apart or more."""

    code = "anchor_clock_apart"
    fact_names = ("anchor", "hours")


class FileWaits(NetworkError):
    """What is left of a file waits here: the anchor where its receiver reads takes nothing now."""

    code = "file_waits"
    fact_names = ("contact", "reason")


class RoomWaits(NetworkError):
    """An older copy of the profile signs nothing in a room before a member was heard."""

    code = "room_waits"
    fact_names = ("room",)


class NotDelivered(NetworkError):
    """No receipt in the time that was given; the message stays queued."""

    code = "not_delivered"
    exit_code = 5
    fact_names = ("timeout_s",)


class NotTransferred(NetworkError):
    """Not all of a file in the time that was given; the transfer goes on."""

    code = "not_transferred"
    exit_code = 5
    fact_names = ("timeout_s",)


class ControlError(NetworkError):
    """The running node did not answer as expected."""

    code = "control_error"
    fact_names = ("what",)


class RemoteError(NetworkError):
    """The program at the other end of the line to `host` does not speak as Loom does."""

    code = "remote_error"
    fact_names: ClassVar[tuple[str, ...]] = ("host", "what")


class RemoteUnreachable(RemoteError):
    """ssh opened no line; `what` is its own reason."""

    code = "remote_unreachable"


class RemoteLost(RemoteError):
    """The line broke; what was asked last may have been carried out."""

    code = "remote_lost"
    fact_names = ("host",)


class RemoteLoomMissing(RemoteError):
    """The shell over there found no program of that name."""

    code = "remote_loom_missing"
    fact_names = ("host",)


class RemoteVersion(RemoteError):
    """Two versions of Loom that do not understand each other."""

    code = "remote_version"
    fact_names = ("host", "theirs", "ours")


# --- the store --------------------------------------------------------------------------------


class StoreError(LoomError):
    """The profile could not be read or written."""

    code = "store_error"


class WrongPassphrase(StoreError):
    """The passphrase does not open the keyslot."""

    code = "wrong_passphrase"
    exit_code = 3


class CannotUnlock(StoreError):
    """Keyring or security key do not open the profile; `what` is a sentence."""

    code = "cannot_unlock"
    fact_names = ("what",)
    exit_code = 3


class WrongBackupPassphrase(StoreError):
    """The passphrase does not open the backup."""

    code = "wrong_backup_passphrase"
    exit_code = 3


class WrongPhrase(StoreError):
    """These recovery words are of another identity than the backup."""

    code = "wrong_phrase"
    exit_code = 3


class BackupDamaged(StoreError):
    """A backup of which too much cannot be read, or none at all."""

    code = "backup_damaged"
    fact_names = ("what",)


class BackupTooNew(StoreError):
    """A newer Loom wrote the backup."""

    code = "backup_too_new"


class ProfileInUse(StoreError):
    """Another process holds the profile's lock."""

    code = "profile_in_use"
    exit_code = 6
    fact_names = ("profile",)


class ProfileMoved(StoreError):
    """The profile was moved to another machine, and never runs here again."""

    code = "profile_moved"
    fact_names = ("profile",)


class ProfileClosed(StoreError):
    """The identity is used on another machine: this profile can be read, and sends nothing."""

    code = "profile_closed"
    exit_code = 6


class ProfileDamaged(StoreError):
    """Files of the profile are missing or have wrong bytes."""

    code = "profile_damaged"
    fact_names = ("what",)


class ProfileTooNew(StoreError):
    """A newer Loom wrote the database."""

    code = "profile_too_new"
    fact_names = ("found", "known")


class DiskFull(StoreError):
    """No space for the profile's files; nothing was changed."""

    code = "disk_full"


class FilesFull(StoreError):
    """The files of a profile would take more than it may keep."""

    code = "files_full"
    fact_names = ("quota_mib",)


class StoreUnavailable(StoreError):
    """The profile's files cannot be used."""

    code = "store_unavailable"
    fact_names = ("what",)


class OutOfMemory(StoreError):
    """Argon2id needs more memory than there is."""

    code = "out_of_memory"
    fact_names = ("memory_mib",)


class StateConflict(StoreError):
    """The stored conversation is not the one that was changed; nothing was written."""

    code = "state_conflict"


# --- the output -------------------------------------------------------------------------------


class OutputFailed(LoomError):
    """Standard output could not be written; `done` says in a sentence what was done before."""

    code = "output_failed"
    fact_names = ("what", "done")


# --- the user ---------------------------------------------------------------------------------


class DecisionNeeded(LoomError):
    """The user must decide before this can go on."""

    code = "decision_needed"


class IdentityChanged(DecisionNeeded):
    """Nothing is sent to a contact with a new identity until it is verified."""

    code = "identity_changed"
    exit_code = 7
    fact_names = ("name",)


class ContactBlocked(DecisionNeeded):
    """Nothing is sent to a blocked contact."""

    code = "contact_blocked"
    fact_names = ("name",)


class ContactRevoked(DecisionNeeded):
    """A contact ended their identity for good: nothing is ever sent to it again."""

    code = "contact_revoked"
    exit_code = 7
    fact_names = ("name",)


class OwnIdentityRevoked(DecisionNeeded):
    """The owner ended their identity for good: nobody takes anything from it."""

    code = "own_identity_revoked"


class WordsDiffer(DecisionNeeded):
    """The words of a pairing are not the same on both sides: somebody may be in between."""

    code = "words_differ"
    exit_code = 8


class CodeDiffers(DecisionNeeded):
    """What a contact's screen shows is not of the identity known here; nothing was changed."""

    code = "code_differs"
    exit_code = 8
    fact_names = ("name",)


class InviteReused(DecisionNeeded):
    """Somebody used an invite that was used before; `name` is the contact who came first."""

    code = "invite_reused"
    fact_names = ("number", "name")
