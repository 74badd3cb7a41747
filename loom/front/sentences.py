"""What a user reads of an error: its sentence, and what to do next in this front end.

A row is found by the error's code. `{name}` is a fact, `{name:word}` the same as the last word of
a shell command. `tests/unit/test_sentences.py` checks that every code has a row, and that a row
uses only facts that its error carries.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from loom.errors import LoomError, error_from


class Words(NamedTuple):
    """One error in words. An empty advice: the sentence says what to do."""

    sentence: str
    command_line: str
    app: str


def _both(sentence: str, advice: str) -> Words:
    return Words(sentence, advice, advice)


_RETRY: Final = "Loom tries again by itself; check the connection."
_REFUSED: Final = "Nothing was kept. If it happens again, compare Loom versions with them."
_COPY_FIRST: Final = (
    "Copy its folder to a safe place first. Then restore it from a backup, or start over"
)

WORDS: Final[Mapping[str, Words]] = {
    "error": Words(
        "Something went wrong inside Loom.",
        "Run `loom doctor`; if it finds nothing, please report this.",
        "If it happens again, /report copies a diagnostic report.",
    ),
    # the caller
    "usage": Words(
        "That cannot be done as asked.", "See `loom --help`.", "/help shows what can be done."
    ),
    "invalid_input": _both("{what}.", ""),
    "invalid_token": _both(
        "This is not a valid Loom token: {reason}.",
        "Copy the whole token again: it starts with LOOM- and has 116 characters.",
    ),
    "invalid_invite": _both(
        "This invite cannot be used: {reason}.",
        "Copy the whole text again, or ask for a new one.",
    ),
    "invalid_pairing_text": Words(
        "This is not the pairing text of an anchor: {reason}.",
        "Copy the whole text that `loom anchor pair` printed there.",
        "Copy the whole text that loom anchor pair printed there.",
    ),
    "own_token": Words(
        "This token is your own.",
        "Import the token that the other person exported.",
        "Paste the token that the other person gave you.",
    ),
    "duplicate_contact": Words(
        "This token already belongs to your contact {name}.",
        "`loom contacts rename` changes the name.",
        "/open {name} shows the conversation, /rename changes the name.",
    ),
    "name_taken": Words(
        "{name} already has another token here; nothing was changed.",
        "Another person? Choose another --name. Only if {name} gave you this token in place of "
        "the old one, add --replace; then compare safety numbers.",
        "Another person? Choose another name. Only if {name} gave you this token in place of "
        "the old one, replace the old one; then compare safety numbers.",
    ),
    "invalid_name": _both(
        "That name cannot be used: {reason}.",
        "Choose a name of 1 to 64 visible characters that nobody else here has.",
    ),
    "invalid_text": _both(
        "That text cannot be sent: {reason}.",
        "A message has between 1 byte and 16 KiB of UTF-8 text; split a longer one.",
    ),
    "invalid_address": _both(
        "{address} is not an address.",
        "Write HOST:PORT, for example 192.0.2.7:4070 or [2001:db8::7]:4070.",
    ),
    "foreign_address": _both(
        "{address} is not an address of this machine.",
        "Listen on one of this machine's addresses, or on 0.0.0.0:PORT or [::]:PORT for all.",
    ),
    "invalid_onion": _both(
        "{address} is not the address of an onion service.",
        "Copy it again: 56 letters and digits, then .onion, a colon and the port.",
    ),
    "invalid_phrase": _both(
        "These words cannot be used: {reason}.",
        "Type the 24 words in order, separated by spaces.",
    ),
    "profile_exists": Words(
        "There is already a profile named {profile}.",
        "Choose another with -p PROFILE, or use that one.",
        "Choose another name, or open that profile.",
    ),
    "profile_not_chosen": Words(
        "There are several profiles here: {profiles}.",
        "Choose one with -p PROFILE or LOOM_PROFILE.",
        "Choose one of them.",
    ),
    "extra_missing": _both(
        "This needs packages that are not installed: {packages}.",
        "Install Loom with them, in a clone of it: `pipx install --force '.[{extra}]'`.",
    ),
    "local_only": Words(
        "{what} works only on the machine where the node runs.",
        "Leave out --on, and do it there.",
        "Do it there.",
    ),
    "media_unreadable": _both(
        "This cannot be shown or played: {reason}.", "Save it, and open it with another program."
    ),
    "metadata_stays": Words(
        "{name} may say where and when it was made, and Loom cannot cut that out of it.",
        "Send it as PNG, JPEG, WebP or GIF, or as it is with --keep-metadata.",
        "Send it as PNG, JPEG, WebP or GIF, or attach it as it is, with everything it says.",
    ),
    "decoding_unconfined": _both(
        "This system cannot lock a decoder in (seccomp), so Loom shows no pictures and plays no "
        "sound.",
        "To decode all the same, write unconfined = true under [media] into config.toml.",
    ),
    "no_sound_device": _both(
        "There is nothing here to {what} with: {reason}.",
        "Connect one, or see whether the system's own programs can {what}.",
    ),
    "terminal_needed": _both("{what} needs a terminal, and there is none.", "{remedy}"),
    "not_pairing": Words(
        "There is nobody to answer: that pairing is over.",
        "Start again with `loom pair`, both of you.",
        "Start again, both of you.",
    ),
    "too_many_tries": _both(
        "Words were compared three times within five minutes, and that is the limit.",
        "Wait {wait_s} seconds, then start again, both of you.",
    ),
    "own_address": Words(
        "This is your own address.",
        "Type the address that their `loom pair` shows.",
        "Type the address that their screen shows.",
    ),
    "move_ends_alike": Words(
        "Both machines send, or both receive.",
        "Run `loom move send` on the old one and `loom move receive` on the new one.",
        "Send on the old one and receive on the new one.",
    ),
    "move_unfinished": Words(
        "That is not possible now: {what}.",
        "Run `loom move send` here and `loom move receive` there: the move goes on where it was.",
        "Send again here and receive there: the move goes on where it was.",
    ),
    # not here
    "not_found": _both("{what} was not found.", "Check the spelling."),
    "contact_not_found": Words(
        "There is no contact named {name}.",
        "`loom contacts` lists them; `loom token import` adds one.",
        "/add adds one.",
    ),
    "message_not_found": Words(
        "There is no message {message_id} in this conversation.",
        "`loom history CONTACT --ids` shows the numbers.",
        "It was deleted, perhaps in another window.",
    ),
    "no_message_yet": Words(
        "There is no message of {whose} here yet.",
        "Name another one by its number: `loom history CONTACT --ids` shows the numbers.",
        "Name another one by its number.",
    ),
    "invite_not_found": Words(
        "There is no open invite with the number {number}.",
        "`loom invites` lists them.",
        "It was used, it expired, or it was revoked in another window.",
    ),
    "request_not_found": Words(
        "There is no request with the number {number}.",
        "`loom requests` lists them.",
        "It was decided on in another window, or is older than seven days.",
    ),
    "room_not_found": Words(
        "There is no room {name} here.",
        "`loom room list` lists them.",
        "/rooms lists them.",
    ),
    "member_not_found": Words(
        "Nobody in {room} is called {name}.",
        "`loom room members` lists them: the beginning of an id names somebody, too.",
        "They left, or were removed.",
    ),
    "room_waits": _both(
        "This profile is an older copy of itself. In {room} nothing is posted or changed before a "
        "member has said what you did since.",
        "Wait until a member is connected or has answered by mail, then try again.",
    ),
    "post_not_found": Words(
        "The room has no post {post_id}.",
        "`loom room history ROOM --ids` shows the ids.",
        "It was deleted, or it has not come yet.",
    ),
    "file_not_found": Words(
        "There is no file {file_id}, or several begin so.",
        "`loom files` shows the ids.",
        "It was deleted, perhaps in another window.",
    ),
    "file_not_here": Words(
        "{name} is not on this machine, or not all of it.",
        "`loom files` shows how far it got.",
        "Accept it, or wait until all of it has come.",
    ),
    "file_over": Words(
        "That cannot be done with {name}: it is {state}.",
        "`loom files` shows how far each file got.",
        "Its line in the conversation shows how far it got.",
    ),
    "file_changed": _both(
        "{name} is no longer the file that was offered.", "It must be sent again."
    ),
    "file_unreadable": _both(
        "{name} can no longer be read on its sender's machine.", "It must be sent again."
    ),
    "file_differs": _both(
        "What arrived as {name} is not what was offered.", "Nothing was kept. Ask the sender."
    ),
    "file_withdrawn": _both("The sender of {name} no longer offers it.", "Ask for it again."),
    "files_full": Words(
        "The files of this profile may take {quota_mib} MiB, and that is used up.",
        "`loom files list` shows what can be removed, `loom files rules` changes the limit.",
        "Remove files that you no longer need, or change the limit in the settings.",
    ),
    "profile_not_found": Words(
        "There is no profile {profile} here.",
        "`loom profiles` lists them; `loom init --name NAME` creates one.",
        "Choose another, or create one.",
    ),
    "no_profile": Words(
        "There is no profile here yet.", "Create one with `loom init --name NAME`.", "Create one."
    ),
    "node_not_running": Words(
        "No node is running for this profile.",
        "Start one with `loom daemon`.",
        "Ctrl-Q quits; start Loom again.",
    ),
    "no_anchor": Words(
        "No anchor {anchor} runs or is kept on this machine.",
        "`loom anchor init --name NAME` makes one; -p NAME chooses one of several.",
        "An anchor is made and run from a shell.",
    ),
    "anchor_not_running": Words(
        "The anchor {anchor} is not running.",
        "Start it with `loom anchor serve`.",
        "An anchor is made and run from a shell.",
    ),
    "remote_profile_not_found": Words(
        "There is no such profile on {host}.",
        "`ssh {host:word} loom profiles` lists those there; -p chooses one.",
        "It was there before: look on that machine.",
    ),
    "remote_node_not_running": Words(
        "No node is running for this profile on {host}.",
        "Start one there: `ssh -t {host:word} loom daemon --background`.",
        "Start loom daemon there.",
    ),
    # the peer
    "peer_error": _both("The other side sent something that Loom refuses.", _REFUSED),
    "malformed_message": _both(
        "The other side sent bytes that are no valid encoding: {what}.", _REFUSED
    ),
    "authentication_error": _both("They sent bytes that do not verify: {what}.", _REFUSED),
    "card_mismatch": Words(
        "Someone answered with the keys of another identity; nothing was accepted.",
        "Ask your contact for a new token and compare safety numbers with `loom verify`.",
        "Ask your contact for a new token and compare safety numbers with /verify.",
    ),
    "stale_handshake": _both("The other side began a session that is over: {what}.", _REFUSED),
    "unknown_bundle": _both(
        "The other side began a session on keys that are gone here: {what}.",
        "Nothing to do: both sides begin again by themselves.",
    ),
    "file_not_taken": Words(
        "{name} was not transferred: it is {state}.",
        "`loom files` shows all files. Offer it again with `loom send-file`.",
        "Offer it again.",
    ),
    "folder_refused": _both(
        "What was sent as a folder cannot be unpacked: {reason}.",
        "Nothing was kept. Ask the sender for another one.",
    ),
    "protocol_violation": _both("The other side broke the protocol: {what}.", _REFUSED),
    "key_unavailable": _both("A message arrived whose key is gone: {what}.", _REFUSED),
    # the network
    "network_error": _both("The network did not answer.", _RETRY),
    "port_in_use": Words(
        "Port {port} on {host} is taken by another program.",
        "Choose another with --listen HOST:PORT, or port 0 for any free one.",
        "Close that program, then start Loom again.",
    ),
    "port_moved": _both(
        "Port {port} on {host} is taken by another program. Listening on {instead} this time.",
        "Contacts on this network find the new port by themselves; tell the others.",
    ),
    "port_not_allowed": Words(
        "This user may not listen on port {port} of {host}.",
        "Choose a port from 1024 up with --listen HOST:PORT, or port 0 for any free one.",
        "Choose a port from 1024 up.",
    ),
    "mail_file_of_nobody": _both(
        "This file of mail is not from any of your contacts, or not for this profile.",
        "Ask whose it is; they must be a contact here, and you one there.",
    ),
    "anchor_not_found": Words(
        "There is no anchor {anchor} here.",
        "`loom anchors` lists them; `loom anchor use TEXT` adds one.",
        "The screen of anchors lists them.",
    ),
    "anchor_known": _both("The anchor {anchor} is in use already.", "Nothing to do."),
    "too_many_anchors": Words(
        "{most} anchors are in use already, and that is the most.",
        "`loom anchor leave ANCHOR` makes room.",
        "Leave one first.",
    ),
    "anchor_refused": Words(
        "The anchor {anchor} does not take this text any more.",
        "Ask for a new one there: `loom anchor pair`.",
        "Ask the person who runs it for a new one.",
    ),
    "file_waits": _both(
        "What is left of a file for {contact} waits here: {reason}.",
        "Nothing is lost. It goes on by itself, over a link, too.",
    ),
    "account_not_renewed": Words(
        "The anchor {anchor} gave no new account. Who had your old keys may use the account there.",
        "Ask its owner for a new text, then `loom anchor replace {anchor} TEXT`.",
        "Ask its owner for a new text, and replace it in /anchors.",
    ),
    "anchor_clock_apart": _both(
        "The clock of the anchor {anchor} is {hours} hours off: nothing is read there.",
        "Set the clock that is wrong.",
    ),
    "unreachable": _both(
        "Nobody answered at {address}.",
        "Is Loom running there, have they imported your token, and are both clocks right?",
    ),
    "proxy_needed": Words(
        "{address} can be reached only through Tor, and no proxy is set.",
        "Start Tor, then the node with --proxy socks5://127.0.0.1:9050, or set it in config.toml.",
        'Start Tor, put [network] and proxy = "socks5://127.0.0.1:9050" at the end of config.toml, '
        "then start Loom again.",
    ),
    "proxy_unavailable": _both(
        "The proxy {proxy} cannot be used: {reason}. Nothing is dialled around it.",
        "Start it; Loom tries again by itself.",
    ),
    "discovery_unavailable": Words(
        "Nobody can be found on this network: {what}.",
        "Everything else works; give an address with `loom connect CONTACT HOST:PORT`.",
        "Everything else works; give an address with /connect HOST:PORT.",
    ),
    "nobody_pairing": Words(
        "Nobody is pairing at {address}.",
        "Is `loom pair` running there, and is that person comparing words with nobody else?",
        "Is pairing on there, and is that person comparing words with nobody else?",
    ),
    "pairing_left": _both(
        "The other person is gone, or the connection is; nothing was kept.",
        "Start again, both of you.",
    ),
    "pairing_timed_out": _both(
        "The words were not answered in time; nothing was kept.", "Start again, both of you."
    ),
    "move_lost": Words(
        "The connection to the other machine was lost.",
        "Run the same command again on both machines: it goes on where it was. If one of them knows"
        " nothing of this move, give --start-over to the other one.",
        "Do the same again on both machines: the move goes on where it was.",
    ),
    "move_refused": _both(
        "The new machine does not go on ({reason}): see what it says.",
        "Nothing is lost. Run the same command again on both machines once that is mended.",
    ),
    "not_delivered": Words(
        "Not delivered within {timeout_s} seconds; the message stays queued.",
        "It is sent by itself when a node runs here and your contact can be reached.",
        "It is sent by itself when your contact can be reached.",
    ),
    "not_transferred": Words(
        "Not all was transferred within {timeout_s} seconds; the rest goes on by itself.",
        "`loom files` shows how far it is. A node has to run here, and your contact be reachable.",
        "It goes on by itself when your contact can be reached.",
    ),
    "control_error": Words(
        "The running node did not answer as expected: {what}.",
        "Restart it: `loom stop`, then `loom daemon`.",
        "Ctrl-Q quits; start Loom again.",
    ),
    "remote_error": Words(
        "{host} did not answer as Loom does: {what}.",
        "Try `ssh {host:word} loom --version`: both machines need a Loom that knows --on.",
        "Both machines need the same version of Loom.",
    ),
    "remote_unreachable": Words(
        "ssh did not reach {host}: {what}.",
        "Try `ssh {host:word}` by itself, then again.",
        "Loom tries again by itself; if ssh has to ask for something, quit and start again.",
    ),
    "remote_lost": Words(
        "The connection to {host} broke.",
        "What was asked last may have been carried out: look before you repeat it.",
        "What was asked last may have been carried out: look before you repeat it.",
    ),
    "remote_loom_missing": Words(
        "The shell on {host} finds no loom.",
        "Install Loom there, or say where it is with --remote-command.",
        "Install Loom there.",
    ),
    "remote_version": _both(
        "{host} has Loom {theirs}, this machine {ours}: they do not understand each other.",
        "Install the same version on both, then restart the node there.",
    ),
    # the store
    "store_error": Words(
        "The profile could not be read or written.",
        "Run `loom doctor`; if it finds nothing, please report this.",
        "/log may say more.",
    ),
    "wrong_passphrase": _both(
        "The passphrase is wrong.",
        "Try again; capital letters count. A lost passphrase cannot be recovered: the 24 words "
        "bring the identity back in a new profile.",
    ),
    "cannot_unlock": Words(
        "{what}.",
        "The passphrase opens it; `loom unlock list` shows the other ways there are.",
        "The passphrase opens it.",
    ),
    "wrong_backup_passphrase": _both(
        "This is not the passphrase of this backup.",
        "Give the one that you chose for backups; capital letters count. Without it nobody can "
        "read this backup.",
    ),
    "wrong_phrase": _both(
        "These recovery words are not those of this backup.",
        "Give the 24 words of the profile that it was made of.",
    ),
    "backup_damaged": _both(
        "The backup cannot be restored: {what}.",
        "Nothing was changed. Try another copy of it, or an earlier one.",
    ),
    "backup_too_new": _both(
        "This backup was written by a newer Loom.",
        "Update Loom, then try again. Nothing was changed.",
    ),
    "profile_in_use": Words(
        "The profile {profile} is in use by another process.",
        "Wait for that command, or stop it: `loom stop`, or `loom anchor stop` for an anchor.",
        "Close the other Loom, then try again.",
    ),
    "profile_moved": Words(
        "The profile {profile} was moved to another machine and does not run here any more.",
        "Use it there. `loom move wipe` deletes what is left of it here.",
        "Use it there.",
    ),
    "profile_closed": Words(
        "This profile is closed, because its identity is used on another machine.",
        "What is here can be read. `loom machine stay` opens it again.",
        "What is here can be read; the command line opens it again.",
    ),
    "profile_damaged": Words(
        "The profile is damaged: {what}.", f"{_COPY_FIRST} with `loom restore`.", f"{_COPY_FIRST}."
    ),
    "profile_too_new": _both(
        "This profile was written by a newer Loom (database version {found}, known {known}).",
        "Update Loom, then try again. Nothing was changed.",
    ),
    "disk_full": _both(
        "The disk is full.",
        "Free some space. Nothing was lost; what was not stored was not sent.",
    ),
    "store_unavailable": _both(
        "The profile's files cannot be used: {what}.",
        "Check that the folder exists, belongs to you and can be written.",
    ),
    "out_of_memory": _both(
        "Opening the profile takes {memory_mib} MiB of memory, and that much is not free.",
        "Close other programs, or open it on a larger machine.",
    ),
    "state_conflict": _both(
        "The conversation changed meanwhile; nothing was written.", "Try again."
    ),
    "output_failed": _both("Standard output could not be written: {what}.", "{done}"),
    # the user
    "decision_needed": Words(
        "You must decide before this can go on.",
        "`loom contacts` shows what needs it.",
        "/contact shows what needs it.",
    ),
    "identity_changed": Words(
        "The identity of {name} has changed; nothing is sent or received until you verify it.",
        "Compare the numbers of `loom verify {name:word}` in person, then add --confirm.",
        "Compare safety numbers in person with /verify.",
    ),
    "contact_revoked": Words(
        "{name} has revoked this identity for good; nothing is sent to it any more.",
        "Ask them for a new token, then `loom token import TOKEN --name {name:word} --replace`.",
        "Ask them for a new token, and add it under the same name.",
    ),
    "own_identity_revoked": _both(
        "You have revoked this identity for good; nobody takes anything from it any more.",
        "Make a new profile, and give your contacts its token.",
    ),
    "words_differ": _both(
        "The words are not the same on both screens; nothing was kept.",
        "You met somebody else, or somebody is between you: try again close together.",
    ),
    "code_differs": Words(
        "This is not what {name} and you share: somebody may be intercepting your messages. "
        "Nothing was changed.",
        "Write nothing private. Meet {name}, import the token that {name} shows you with "
        "`loom token import TOKEN --name {name:word} --replace`, and verify again.",
        "Write nothing private. Meet {name}, add the token that {name} shows you in place of "
        "the old one, and verify again.",
    ),
    "contact_blocked": Words(
        "{name} is blocked.",
        "Use `loom contacts unblock {name:word}` first.",
        "Use /unblock first.",
    ),
    "invite_reused": Words(
        "Somebody used invite {number} again; {name} was first.",
        "Compare safety numbers with `loom verify {name:word}`: who was first may be a stranger.",
        "Compare safety numbers with {name}: who was first may be a stranger.",
    ),
}


def on_command_line(error: LoomError) -> tuple[str, str]:
    """The sentence, and what to do next at a shell."""
    words = WORDS[error.code]
    return _filled(words.sentence, error), _filled(words.command_line, error)


def in_app(error: LoomError) -> str:
    """The sentence and what to do next in the app, by its keys and slash commands."""
    words = WORDS[error.code]
    return f"{_filled(words.sentence, error)} {_filled(words.app, error)}".rstrip()


def of_warning(code: str, facts: Mapping[str, str | int]) -> str:
    """The sentence of a warning that a node gave."""
    error = error_from(code, facts)
    return _filled(WORDS[error.code].sentence, error)


def shell_word(text: str) -> str:
    """`text` as the last argument of a command that can be copied to a shell."""
    from shlex import quote

    return f"-- {quote(text)}" if text.startswith("-") else quote(text)


class _Fact(str):
    __slots__ = ()

    def __format__(self, form: str) -> str:
        return shell_word(self) if form == "word" else str(self)


class _Facts(dict[str, _Fact]):
    """Another version of Loom may leave a fact out; a sentence with a gap is still one."""

    def __missing__(self, name: str) -> _Fact:
        return _Fact("?")


def _filled(words: str, error: LoomError) -> str:
    return words.format_map(_Facts({name: _Fact(fact) for name, fact in error.facts.items()}))
