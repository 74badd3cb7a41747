"""Every error Loom raises, in one tree grouped by who can act.

    LoomError
    ├── UsageError            the caller asked for something that cannot be
    │   ├── InvalidToken      prefix, alphabet, version, length, checksum, spare bits, key
    │   ├── OwnToken, DuplicateContact, NameTaken, InvalidName, InvalidText
    │   ├── InvalidAddress, ForeignAddress, InvalidPhrase
    │   ├── ProfileExists, ProfileNotChosen, TerminalNeeded, ExtraMissing
    │   └── InvalidInput      anything else that was typed wrong
    ├── NotFound              what was named is not here
    │   └── ContactNotFound, MessageNotFound, ProfileNotFound, NoProfile, NodeNotRunning
    ├── PeerError             the other side broke the rules
    │   ├── MalformedMessage  bytes that are no valid encoding
    │   ├── AuthenticationError   a tag, signature or commitment that does not verify
    │   │   └── CardMismatch      a card that is not the contact's
    │   └── ProtocolViolation     well-formed, authentic, and still not allowed
    │       └── KeyUnavailable    an authentic header whose message key is gone
    ├── NetworkError          try again
    │   ├── PortInUse, PortNotAllowed, Unreachable, DiscoveryUnavailable
    │   └── NotDelivered, ControlError
    ├── StoreError            the disk, the keyslot or the database
    │   ├── WrongPassphrase, ProfileInUse, ProfileDamaged, ProfileTooNew
    │   └── DiskFull, StoreUnavailable, StateConflict, OutOfMemory
    └── DecisionNeeded        the user must decide
        └── IdentityChanged, ContactBlocked

A class's docstring is the sentence a user reads and `advice` what to do next; braces name the
facts, which are attributes. Facts never hold a secret. Front ends call `describe`; nothing else
turns an error into a sentence.
"""

import shlex
from string import Formatter
from typing import ClassVar


class LoomError(Exception):
    """Something went wrong inside Loom."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    advice: ClassVar[str] = "Run `loom doctor`; if it finds nothing, please report this."

    # Facts come over the control socket too, where one may be called `self`.
    def __init__(self, /, **facts: str | int) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return describe(self)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code})"


def describe(error: LoomError) -> tuple[str, str]:
    """The sentence for the user, and what to do next."""
    sentence = " ".join((type(error).__doc__ or LoomError.__doc__ or "").split())
    try:
        return sentence.format(**error.facts), _Advice().format(error.advice, **error.facts)
    except (KeyError, IndexError):
        return sentence, error.advice


class _Advice(Formatter):
    """`{name!q}` is a fact as one word of a shell's command line, at its end."""

    def convert_field(self, value: object, conversion: str | None) -> object:
        return (
            shell_word(str(value))
            if conversion == "q"
            else super().convert_field(value, conversion)
        )


def shell_word(text: str) -> str:
    """`text` as the last argument of a command that can be copied to a shell."""
    quoted = shlex.quote(text)
    return f"-- {quoted}" if text.startswith("-") else quoted


# --- the caller -------------------------------------------------------------------------------


class UsageError(LoomError):
    """That cannot be done as asked."""

    code = "usage"
    exit_code = 2


class InvalidInput(UsageError):
    """{what}."""

    code = "invalid_input"


class InvalidToken(UsageError):
    """This is not a valid Loom token: {reason}."""

    code = "invalid_token"
    advice = "Copy the whole token again: it starts with LOOM- and has 116 characters."


class OwnToken(UsageError):
    """This token is your own."""

    code = "own_token"
    advice = "Import the token that the other person exported."


class DuplicateContact(UsageError):
    """This token already belongs to your contact {name}."""

    code = "duplicate_contact"
    advice = "Use `loom contacts rename` to change the name."


class NameTaken(UsageError):
    """{name} already has another token here; nothing was changed."""

    code = "name_taken"
    advice = (
        "Another person? Choose another --name. Only if {name} gave you this token in place of the "
        "old one, add --replace; then compare safety numbers."
    )


class InvalidName(UsageError):
    """That name cannot be used: {reason}."""

    code = "invalid_name"
    advice = "Choose a name of 1 to 64 visible characters that nobody else here has."


class InvalidText(UsageError):
    """That text cannot be sent: {reason}."""

    code = "invalid_text"
    advice = "Send between 1 byte and 16 KiB of UTF-8 text; split a longer one."


class InvalidAddress(UsageError):
    """{address} is not an address."""

    code = "invalid_address"
    advice = "Write HOST:PORT, for example 192.0.2.7:4070 or [2001:db8::7]:4070."


class ForeignAddress(InvalidAddress):
    """{address} is not an address of this machine."""

    code = "foreign_address"
    advice = "Listen on one of this machine's addresses, or on 0.0.0.0:PORT or [::]:PORT for all."


class InvalidPhrase(UsageError):
    """These words are not a recovery phrase: {reason}."""

    code = "invalid_phrase"
    advice = "Type the 24 words in order, separated by spaces."


class ProfileExists(UsageError):
    """There is already a profile named {profile}."""

    code = "profile_exists"
    advice = "Choose another with -p PROFILE, or use the one there is."


class ProfileNotChosen(UsageError):
    """There are several profiles here: {profiles}."""

    code = "profile_not_chosen"
    advice = "Name one with -p PROFILE or LOOM_PROFILE."


class ExtraMissing(UsageError):
    """This needs packages that are not installed: {packages}."""

    code = "extra_missing"
    advice = "Install Loom with them, in a clone of it: `pipx install --force '.[{extra}]'`."


class TerminalNeeded(UsageError):
    """{what} needs a terminal, and there is none."""

    code = "terminal_needed"
    advice = "{remedy}"


# --- not here ---------------------------------------------------------------------------------


class NotFound(LoomError):
    """{what} was not found."""

    code = "not_found"
    exit_code = 4
    advice = "Check the spelling."


class ContactNotFound(NotFound):
    """There is no contact named {name}."""

    code = "contact_not_found"
    advice = "See `loom contacts`; add one with `loom token import`."


class MessageNotFound(NotFound):
    """There is no message {message_id} in this conversation."""

    code = "message_not_found"
    advice = "See `loom history --json` for the ids."


class ProfileNotFound(NotFound):
    """There is no profile {profile} here."""

    code = "profile_not_found"
    advice = "See `loom profiles`; create one with `loom init --name NAME`."


class NoProfile(ProfileNotFound):
    """There is no profile here yet."""

    code = "no_profile"
    advice = "Create one with `loom init --name NAME`."


class NodeNotRunning(NotFound):
    """No node is running for this profile."""

    code = "node_not_running"
    advice = "Start one with `loom daemon`."


# --- the peer ---------------------------------------------------------------------------------


class PeerError(LoomError):
    """The other side sent something that Loom refuses."""

    code = "peer_error"
    advice = "Nothing was kept. If it repeats, compare Loom versions with that person."


class MalformedMessage(PeerError):
    """Bytes that are no valid encoding: {what}."""

    code = "malformed_message"


class AuthenticationError(PeerError):
    """Bytes that do not verify: {what}."""

    code = "authentication_error"


class CardMismatch(AuthenticationError):
    """Somebody answered with the keys of another identity; nothing was accepted."""

    code = "card_mismatch"
    advice = "Ask that person for a new token and compare safety numbers with `loom verify`."


class ProtocolViolation(PeerError):
    """The other side broke the protocol: {what}."""

    code = "protocol_violation"


class KeyUnavailable(ProtocolViolation):
    """A message arrived whose key is gone: {what}."""

    code = "key_unavailable"


# --- the network ------------------------------------------------------------------------------


class NetworkError(LoomError):
    """The network did not answer."""

    code = "network_error"
    advice = "Loom tries again by itself; check the connection."


class PortInUse(NetworkError):
    """Port {port} on {host} is taken by another program."""

    code = "port_in_use"
    advice = "Choose another with --listen HOST:PORT, or port 0 for any free one."


class PortNotAllowed(NetworkError):
    """This user may not listen on port {port} of {host}."""

    code = "port_not_allowed"
    advice = "Choose a port from 1024 up with --listen HOST:PORT, or port 0 for any free one."


class Unreachable(NetworkError):
    """Nobody answered at {address}."""

    code = "unreachable"
    advice = "Is Loom running there, has that person imported your token, are both clocks right?"


class DiscoveryUnavailable(NetworkError):
    """Nobody can be found on this network: {what}."""

    code = "discovery_unavailable"
    advice = "Everything else works; give an address with `loom connect CONTACT HOST:PORT`."


class NotDelivered(NetworkError):
    """Not delivered within {timeout_s} seconds; the message stays queued."""

    code = "not_delivered"
    exit_code = 5
    advice = "It leaves by itself when a node runs here and your contact can be reached."


class ControlError(NetworkError):
    """The running node did not answer as expected: {what}."""

    code = "control_error"
    advice = "Restart it: `loom stop`, then `loom daemon`."


# --- the store --------------------------------------------------------------------------------


class StoreError(LoomError):
    """The profile could not be read or written."""

    code = "store_error"


class WrongPassphrase(StoreError):
    """The passphrase is wrong."""

    code = "wrong_passphrase"
    exit_code = 3
    advice = (
        "Try again; capital letters count. A lost passphrase cannot be recovered: the 24 words "
        "bring the identity back in a new profile."
    )


class ProfileInUse(StoreError):
    """The profile {profile} is in use by another process."""

    code = "profile_in_use"
    exit_code = 6
    advice = "Wait for that command to end, or `loom stop` the node."


class ProfileDamaged(StoreError):
    """The profile is damaged: {what}."""

    code = "profile_damaged"
    advice = (
        "Copy the folder to a safe place first. "
        "Then restore it from a backup, or start over with `loom restore`."
    )


class ProfileTooNew(StoreError):
    """This profile was written by a newer Loom (database version {found}, known {known})."""

    code = "profile_too_new"
    advice = "Update Loom, then try again. Nothing was changed."


class DiskFull(StoreError):
    """The disk is full."""

    code = "disk_full"
    advice = "Free some space. Nothing was lost; what was not stored was not sent."


class StoreUnavailable(StoreError):
    """The profile's files cannot be used: {what}."""

    code = "store_unavailable"
    advice = "Check that the folder exists, belongs to you and can be written."


class OutOfMemory(StoreError):
    """Opening the profile takes {memory_mib} MiB of memory, and there is not so much."""

    code = "out_of_memory"
    advice = "Close other programs, or open it on a larger machine."


class StateConflict(StoreError):
    """The conversation changed meanwhile; nothing was written."""

    code = "state_conflict"
    advice = "Try again."


# --- the user ---------------------------------------------------------------------------------


class DecisionNeeded(LoomError):
    """You must decide before this can go on."""

    code = "decision_needed"


class IdentityChanged(DecisionNeeded):
    """The identity of {name} has changed; nothing is sent to it until you verify it again."""

    code = "identity_changed"
    exit_code = 7
    advice = "Compare the numbers of `loom verify {name!q}` in person, then add --confirm."


class ContactBlocked(DecisionNeeded):
    """{name} is blocked."""

    code = "contact_blocked"
    advice = "Use `loom contacts unblock {name!q}` first."
