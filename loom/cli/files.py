"""Files: offered, taken, saved, opened, removed."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from loom.api.client import Client
from loom.api.command import Command
from loom.api.contact_commands import ShowContact
from loom.api.events import FileChanged, FileProgress
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    DeclineFile,
    ListFiles,
    PauseFile,
    RemoveFile,
    ResumeFile,
    SetFileRules,
    ShowFile,
)
from loom.api.file_views import FileRules, FileView
from loom.api.profile_commands import Status
from loom.api.room_commands import ShowRoom
from loom.cli import terminal
from loom.cli.completion import contact_names, file_names, message_names, place_names, room_names
from loom.cli.file_opening import opened
from loom.cli.file_progress import Progress
from loom.cli.message_words import FILE_ID_LENGTH, file_words, whose
from loom.cli.messages import LATER, Moment, find
from loom.cli.opening import Caller, following
from loom.cli.options import Group, add_commands
from loom.cli.output import FileSaved
from loom.cli.room_posts import named_id
from loom.config import decodes_unconfined, without_tilde
from loom.errors import (
    ContactNotFound,
    ControlError,
    FileNotTaken,
    InvalidInput,
    LoomError,
    NotTransferred,
    OutputFailed,
    RoomNotFound,
    error_from,
)
from loom.front import file_pages, outgoing_files, received_files
from loom.front.durations import parse_timer
from loom.front.file_words import size_words, state_words
from loom.front.moments import moment_ms
from loom.front.outgoing_files import InRoom, Piped
from loom.front.plain_copies import plain_copy, sweep
from loom.front.sizes import parse_size
from loom.printable import printable
from loom.received_names import received_name

PANEL: Final = "Messages"
STANDARD: Final = "-"
LISTED: Final = 50
WAIT_IN_ROOM: Final = "--wait is for a contact: nobody in a room says that they have a file"
STDIN_NAME: Final = "Say what it is called there: --name NAME"
_ENDED: Final = ("declined", "cancelled", "failed")

Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Its last digits, as `loom files` shows them.", autocompletion=file_names
    ),
]
Ids = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...",
        help="Its last digits, as `loom files` shows them.",
        autocompletion=file_names,
    ),
]
Wait = Annotated[
    float | None,
    typer.Option("--wait", min=0, metavar="SECONDS", help="Wait until all of it has come."),
]
Larger = Annotated[
    str | None,
    typer.Option("--larger-than", metavar="SIZE", help="Only files larger than this: 10M, 1G."),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("send-file", send_file, "Offer files or folders to a contact or in a room."),
        ("open", open_, "Open a file that is here with its program, in a copy that is removed."),
    )
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=_list_by_default)
    add_commands(
        group,
        "",
        ("list", list_, "List files, newest first."),
        ("accept", accept, "Fetch files that were offered."),
        ("decline", decline, "Refuse files that were offered."),
        ("cancel", cancel, "End transfers, on both sides."),
        ("pause", pause, "Move no more of these files until they are resumed."),
        ("resume", resume, "Go on with paused files."),
        ("save", save, "Write a file that is here to a plain file, or unpack a folder."),
        ("remove", remove, "Delete files from this machine; their messages stay."),
        ("rules", rules, "Show or change what is accepted without asking, and the most kept."),
    )
    app.add_typer(
        group, name="files", help="Files, and what is done with them.", rich_help_panel=PANEL
    )


def send_file(
    context: typer.Context,
    contact: Annotated[
        str,
        typer.Argument(
            metavar="CONTACT|ROOM", help="A name, or # and a number.", autocompletion=place_names
        ),
    ],
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Files or folders; - reads standard input."),
    ],
    channel: Annotated[
        str | None,
        typer.Option("--channel", metavar="CHANNEL", help="Where in a room (general)."),
    ] = None,
    thread: Annotated[
        str | None,
        typer.Option("--thread", metavar="ID", help="In a room: in the thread of this post."),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", min=0, metavar="SECONDS", help="Wait until the other side has all of it."
        ),
    ] = None,
    caption: Annotated[
        str, typer.Option("--caption", metavar="TEXT", help="A text shown with the first file.")
    ] = "",
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="What it is called there; for one file."),
    ] = None,
    reply_to: Annotated[
        str | None,
        typer.Option(
            "--reply-to",
            metavar="ID",
            help="The message or post that it answers.",
            autocompletion=message_names,
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="1h|off",
            help="Let it disappear after so long, whatever `loom timer` says.",
        ),
    ] = None,
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata", help="Leave in a picture where, when and with what it was made."
        ),
    ] = False,
) -> None:
    caller = Caller.of(context)
    is_unconfined = decodes_unconfined(caller.home)
    expires_s = None if expires is None else parse_timer(expires)
    if name is not None and len(files) > 1:
        raise InvalidInput(what="--name is for one file")
    if STANDARD in files and not name:
        raise InvalidInput(what=STDIN_NAME)

    paths = [None if one == STANDARD else without_tilde(Path(one)) for one in files]
    plain = "" if name is None else received_name(name)

    async def offer(
        client: Client,
        to: str | InRoom,
        path: Path | None,
        piped: Piped | None,
        text: str,
        answered: str | None,
    ) -> FileView:
        with Progress.shown(caller.output, name or str(path)) as progress:
            message = await outgoing_files.offer(
                client.send,
                to,
                path or piped or Path(),
                caption=text,
                reply_to=answered,
                expires_s=expires_s,
                name=plain,
                is_remote=caller.host is not None,
                keep_metadata=keep_metadata,
                is_unconfined=is_unconfined,
                moved=progress.moved,
            )
        if message.file is None:
            raise ControlError(what="it answered without the file")
        return message.file

    async def work(piped: Piped | None) -> None:
        async with caller.client() if wait is None else caller.client(caller.online()) as client:
            after = (await client.send(Status())).last_seq
            is_room = channel is not None or thread is not None
            is_room = is_room or await _is_room(client, contact)
            to: str | InRoom = contact
            answered = None
            if is_room:
                if wait is not None:
                    raise InvalidInput(what=WAIT_IN_ROOM)
                in_thread = None if thread is None else await named_id(client, contact, thread)
                to = InRoom(contact, channel or "general", in_thread)
            if reply_to is not None and is_room:
                answered = await named_id(client, contact, reply_to)
            elif reply_to is not None:
                answered = (await find(client, contact, reply_to)).message_id
            offered: list[FileView] = []
            try:
                for number, path in enumerate(paths):
                    text, answers = ("", None) if number else (caption, answered)
                    offered.append(await offer(client, to, path, piped, text, answers))
            except LoomError:
                for file in offered:  # these are on their way, whatever became of the next one
                    caller.output.put(file, file_words(file))
                raise
            if wait is not None:
                offered = await _finished(caller, client, offered, after, wait)
        for file in offered:
            done = f"The file is {file.state}: do not send it again."
            caller.output.put(file, file_words(file), done=done)
        if caller.opened_here and wait is None:
            caller.output.note(f"Offered. {LATER}")

    for path in paths:
        if path is not None:
            _check_sendable(caller, path)
    caller.run(work(outgoing_files.piped(sys.stdin.buffer) if None in paths else None))


async def _is_room(client: Client, name: str) -> bool:
    """Whether it names a room; of a contact and a room of one name the contact is meant.

    Raises:
        ContactNotFound: it names neither.
    """
    try:
        await client.send(ShowContact(contact=name))
    except ContactNotFound:
        try:
            await client.send(ShowRoom(room=name))
        except RoomNotFound:
            pass
        else:
            return True
        raise
    return False


def list_(
    context: typer.Context,
    contact: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONTACT]", help="Only files with them.", autocompletion=contact_names
        ),
    ] = None,
    room: Annotated[
        str | None,
        typer.Option(
            "--room", metavar="ROOM", help="Only files in this room.", autocompletion=room_names
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="STATE", help="Only files in this state (offered, done)."),
    ] = None,
    larger_than: Larger = None,
    before: Moment = None,
    largest: Annotated[bool, typer.Option("--largest", help="The largest first.")] = False,
    limit: Annotated[int, typer.Option("-n", min=1, metavar="N", help="At most N.")] = LISTED,
) -> None:
    wanted = ListFiles(contact=contact or "", room=room or "", state=state or "", largest=largest)
    _list(Caller.of(context), _within(wanted, larger_than, before), limit)


def accept(context: typer.Context, ids: Ids, wait: Wait = None) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() if wait is None else caller.client(caller.online()) as client:
            after = (await client.send(Status())).last_seq
            files = [await client.send(AcceptFile(file_id=one)) for one in ids]
            if wait is not None:
                files = await _finished(caller, client, files, after, wait)
        for file in files:
            caller.output.put(file, file_words(file))

    caller.run(work())


def decline(context: typer.Context, ids: Ids) -> None:
    _change(context, [DeclineFile(file_id=one) for one in ids])


def cancel(context: typer.Context, ids: Ids) -> None:
    _change(context, [CancelFile(file_id=one) for one in ids])


def pause(context: typer.Context, ids: Ids) -> None:
    _change(context, [PauseFile(file_id=one) for one in ids])


def resume(context: typer.Context, ids: Ids) -> None:
    _change(context, [ResumeFile(file_id=one) for one in ids])


def save(
    context: typer.Context,
    file_id: Id,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]", help="A file or a folder; - prints it. Else it goes here."
        ),
    ] = None,
) -> None:
    caller = Caller.of(context)
    if caller.options.json and str(path) == STANDARD:
        raise InvalidInput(what="With --json, write the name of a file instead of -")

    async def work() -> None:
        async with caller.client() as client:
            file = await client.send(ShowFile(file_id=file_id))
            if str(path) == STANDARD:
                await _print(caller, client, file)
                return
            with Progress.shown(caller.output, file.name) as progress:
                saved = await received_files.save(
                    client.send, file, path or Path(), moved=progress.moved
                )
        where = saved.path.absolute()
        done = FileSaved(file_id=file.file_id, path=str(where), programs=saved.programs)
        caller.output.put(done, f"Saved: {printable(str(saved.path))}")
        _warn_of_programs(caller, saved)

    caller.run(work())


def remove(
    context: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Its last digits, as `loom files` shows them.",
            autocompletion=file_names,
        ),
    ] = None,
    larger_than: Larger = None,
    before: Moment = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    caller = Caller.of(context)
    if bool(ids) == (larger_than is not None or before is not None):
        raise InvalidInput(what="Give either ids, or --larger-than or --before")
    wanted = _within(ListFiles(kept=True), larger_than, before)

    async def work() -> None:
        async with caller.client() as client:
            found = list(ids or ())
            if not found:
                files = [one async for one in file_pages.each(client.send, wanted)]
                if files and not yes:
                    size = size_words(sum(one.size_bytes for one in files))
                    terminal.confirm(
                        f"{_counted(len(files))} ({size}) will be deleted from this machine.",
                        "Nothing was removed",
                    )
                found = [one.file_id for one in files]
            for one in found:
                file = await client.send(RemoveFile(file_id=one))
                caller.output.put(file, file_words(file))
        if not found and not caller.options.json:
            caller.output.note("Nothing to remove.")

    caller.run(work())


def rules(
    context: typer.Context,
    accept_from: Annotated[
        str | None,
        typer.Option(
            "--accept-from",
            metavar="nobody|verified|contacts",
            help="Whose files are fetched without asking.",
        ),
    ] = None,
    up_to: Annotated[
        str | None,
        typer.Option("--up-to", metavar="SIZE", help="How large such a file may be: 500k, 10M."),
    ] = None,
    rooms: Annotated[
        bool | None,
        typer.Option(
            "--rooms/--no-rooms", help="Whether files of that size in rooms are fetched, too."
        ),
    ] = None,
    quota: Annotated[
        str | None,
        typer.Option("--quota", metavar="SIZE", help="The most that all files may take: 10G."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    command = SetFileRules(
        accept_from=accept_from,
        accept_max_bytes=None if up_to is None else parse_size(up_to),
        quota_bytes=None if quota is None else parse_size(quota),
        accept_in_rooms=rooms,
    )

    async def work() -> None:
        async with caller.client() as client:
            found = await client.send(command)
        caller.output.put(found, _rules_words(found))

    caller.run(work())


def open_(
    context: typer.Context,
    file_id: Id,
    program: Annotated[
        str | None,
        typer.Option("--with", metavar="PROGRAM", help="Open it with this program."),
    ] = None,
    keep: Annotated[
        float,
        typer.Option(
            "--keep",
            min=1,
            max=86_400,
            metavar="SECONDS",
            help="Remove the copy after so long at the latest (300).",
            show_default=False,
        ),
    ] = 300.0,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            file = await client.send(ShowFile(file_id=file_id))
            _check_harmless(file, [file.name] if file.is_executable else [])
            with plain_copy(file.size_bytes, caller.profile_folder) as copy:
                with Progress.shown(caller.output, file.name) as progress:
                    saved = await received_files.save(
                        client.send, file, copy.folder, moved=progress.moved
                    )
                if saved.path.is_file():
                    _check_harmless(file, saved.programs)
                _warn_of_programs(caller, saved)
                if not copy.is_in_memory:
                    caller.output.note("There is no memory for it: the copy lies on the disk.")
                running = await opened(caller.output, file, saved.path, program, keep)
            if running is not None:
                await running.wait()

    caller.run(work())


def _within(wanted: ListFiles, larger_than: str | None, before: str | None) -> ListFiles:
    """Only files of some size and age."""
    size = None if larger_than is None else parse_size(larger_than)
    return replace(wanted, larger_than_bytes=size, before_ms=moment_ms(before))


def _list_by_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _list(Caller.of(context), ListFiles(), LISTED)


def _list(caller: Caller, wanted: ListFiles, limit: int) -> None:
    sweep()

    async def work() -> None:
        async with caller.client() as client:
            answer = await file_pages.at_most(client.send, wanted, limit)
        files = answer.files
        if caller.options.json:
            for one in files:
                caller.output.json(one)
            return
        if files:
            rows = [
                [
                    one.file_id[-FILE_ID_LENGTH:],
                    whose(one),
                    one.name,
                    size_words(one.size_bytes),
                    state_words(one),
                    _day(one.offered_at_ms),
                ]
                for one in files
            ]
            caller.output.table(["Id", "With", "Name", "Size", "State", "Offered"], rows)
        else:
            caller.output.note("Nothing found.")
        if len(files) == limit < answer.total:
            caller.output.note(f"There are {answer.total:,} files: loom files list -n N shows N.")
        if answer.kept_bytes:
            most = f" of {size_words(answer.quota_bytes)}" if answer.quota_bytes else ""
            caller.output.note(f"Files take {size_words(answer.kept_bytes)}{most} on this machine.")

    caller.run(work())


def _change(context: typer.Context, commands: Sequence[Command[FileView]]) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            for command in commands:
                file = await client.send(command)
                caller.output.put(file, file_words(file))

    caller.run(work())


async def _finished(
    caller: Caller, client: Client, files: list[FileView], after: int, wait_s: float
) -> list[FileView]:
    """The files when all of their content has arrived where it goes.

    Raises:
        NotTransferred: not in time.
        FileNotTaken: one of them was declined or cancelled.
    """
    found = {one.file_id: one for one in files}
    names = ", ".join(one.name for one in files)
    size_bytes = sum(one.size_bytes for one in files)
    moved = {one.file_id: one.received_bytes for one in files}
    try:
        with Progress.shown(caller.output, names) as progress:
            async with asyncio.timeout(wait_s), following(client, after) as events:
                if _all_done(found):
                    return list(found.values())
                async for event in events:
                    file_id = getattr(event, "file_id", "")
                    if file_id not in found:
                        continue
                    if isinstance(event, FileProgress):
                        moved[file_id] = event.received_bytes
                        progress.moved(sum(moved.values()), size_bytes)
                    elif isinstance(event, FileChanged):
                        found[file_id] = await client.send(ShowFile(file_id=file_id))
                        if _all_done(found):
                            progress.moved(size_bytes, size_bytes)
                            return list(found.values())
    except TimeoutError as error:
        for one in found.values():
            caller.output.put(one, file_words(one))
        raise NotTransferred(timeout_s=f"{wait_s:g}") from error
    raise ControlError(what="it ended before all of it had come")


def _all_done(files: dict[str, FileView]) -> bool:
    """Raises FileNotTaken: one of them never will be."""
    for one in files.values():
        if one.state in _ENDED:
            if one.why:
                raise error_from(one.why, {"name": one.name, "state": one.state})
            raise FileNotTaken(name=one.name, state=one.state)
    return all(one.state == "done" for one in files.values())


def _check_sendable(caller: Caller, path: Path) -> None:
    """Look at everything before anything is sent, and say what of a folder will be left out."""
    found = outgoing_files.measure(path)
    if found.left_out:
        what = "1 link or device" if found.left_out == 1 else f"{found.left_out} links or devices"
        caller.output.note(f"{printable(found.name)}: {what} in it will not be sent.")


async def _print(caller: Caller, client: Client, file: FileView) -> None:
    """All of it on standard output. Raises OutputFailed."""
    if sys.stdout.isatty():
        raise InvalidInput(what="It would fill the screen: write it to a file or into a pipe")
    async with aclosing(received_files.pieces(client.send, file)) as coming:
        async for piece in coming:
            try:
                await asyncio.to_thread(caller.output.data, piece)
            except OutputFailed as error:
                raise OutputFailed(what=error.facts["what"], done="Not all was written.") from error


def _check_harmless(file: FileView, programs: list[str]) -> None:
    """Raises InvalidInput: opening it may run what somebody sent."""
    if programs:
        raise InvalidInput(
            what=f"{printable(file.name)} is a program, and opening it may run it: look at it "
            f"first, where `loom files save {file.file_id[-FILE_ID_LENGTH:]}` writes it"
        )


def _warn_of_programs(caller: Caller, saved: received_files.Saved) -> None:
    if saved.programs and not caller.options.json:
        names = ", ".join(printable(one) for one in saved.programs)
        caller.output.note(f"Careful, opening this may run what somebody sent: {names}")


def _rules_words(found: FileRules) -> str:
    who = {"nobody": "from nobody", "verified": "from verified contacts"}.get(
        found.accept_from, "from all contacts"
    )
    is_none = found.accept_from == "nobody" and not found.accept_in_rooms
    who += " and in rooms" if found.accept_in_rooms else ""
    size = "" if is_none else f", up to {size_words(found.accept_max_bytes)}"
    return f"Fetched without asking: {who}{size}. Most kept: {size_words(found.quota_bytes)}."


def _counted(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _day(at_ms: int) -> str:
    with suppress(ValueError, OverflowError, OSError):
        return time.strftime("%Y-%m-%d", time.localtime(at_ms / 1_000))
    return ""
