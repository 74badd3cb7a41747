"""The anchors that a profile uses: mailboxes for people who are rarely online together."""

import time
from typing import Annotated

import typer

from loom.api.anchor_commands import LeaveAnchor, ListAnchors, ReplaceAnchor, UseAnchor
from loom.api.anchor_views import Anchors, AnchorView
from loom.cli.anchor import add_service_to
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import sign
from loom.front.moments import when
from loom.front.reach import age_words, gone_words, left_words, silent_words, waiting_words
from loom.printable import printable

PANEL = "Network"
REPLACED = (
    "At the same anchor your old account is deleted. At another one it stays, as that is never "
    "asked again: its owner can remove it with `loom anchor accounts`."
)

Anchor = Annotated[
    str, typer.Argument(metavar="ANCHOR", help="Its number in `loom anchors`, or its address.")
]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What `loom anchor pair` printed there.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "Use one",
        ("use", use, "Use an anchor: paste the text that `loom anchor pair` printed there."),
        ("leave", leave, "Stop using an anchor."),
        ("replace", replace, "Make a new account, perhaps elsewhere, instead of this one."),
    )
    add_service_to(group)
    app.add_typer(
        group,
        name="anchor",
        help="Mailboxes on a machine that is always on.",
        rich_help_panel=PANEL,
    )
    add_commands(
        app, PANEL, ("anchors", anchors, "List the anchors in use, and the mail that waits.")
    )


def use(context: typer.Context, text: Text) -> None:
    _put_one(context, UseAnchor(text=text))


def replace(context: typer.Context, anchor: Anchor, text: Text) -> None:
    _put_one(context, ReplaceAnchor(anchor=anchor, text=text))
    Caller.of(context).output.note(REPLACED)


def leave(context: typer.Context, anchor: Anchor) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            view = await client.send(LeaveAnchor(anchor=anchor))
        caller.output.put(view, left_words(view))

    caller.run(work())


def anchors(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = await client.send(ListAnchors())
        if caller.options.json:
            for one in (*found.anchors, *found.waiting, *found.silent):
                caller.output.json(one)
        else:
            _show(caller, found)

    caller.run(work())


def _put_one(context: typer.Context, command: UseAnchor | ReplaceAnchor) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            view = await client.send(command)
        caller.output.put(
            view, f"In use: {view.addresses[0]}. Your contacts are told automatically."
        )

    caller.run(work())


def _show(caller: Caller, found: Anchors) -> None:
    if not found.anchors:
        caller.output.note("No anchor is in use: `loom anchor use TEXT` adds one.")
    else:
        heads = ("", "No", "Anchor", "Latency", "Lies there", "Oldest", "Last error")
        caller.output.table(heads, [_row(one) for one in found.anchors])
    for line in _waiting_lines(found):
        caller.output.note(line)


def anchor_lines(found: Anchors) -> list[str]:
    """The same without a table, a line each."""
    rows = []
    for view in found.anchors:
        up, _, address, latency, lies, oldest, trouble = _row(view)
        since = "" if oldest == "-" else f", the oldest since {oldest}"
        what = f"{up} {address}: {latency}, {lies} lie there{since}"
        rows.append(f"{what} ({trouble})" if trouble else what)
    return [*rows, *_waiting_lines(found)]


def _waiting_lines(found: Anchors) -> list[str]:
    now_ms = time.time_ns() // 1_000_000
    gone = [
        f"{printable(view.addresses[0])}: {words}."
        for view in found.anchors
        if (words := gone_words(view, now_ms))
    ]
    waiting = [
        f"{printable(one.contact)}: "
        + waiting_words(one.messages, ", ".join(one.anchors), when(one.since_ms), one.contact)
        + "."
        for one in found.waiting
    ]
    silent = [
        f"{printable(one.contact)}: "
        + silent_words(one.anchors, age_words(one.since_ms, now_ms), one.contact)
        + "."
        for one in found.silent
    ]
    return [*gone, *waiting, *silent]


def _row(view: AnchorView) -> tuple[str, ...]:
    return (
        sign("online" if view.up else "offline"),
        f"#{view.anchor_id}",
        ", ".join(view.addresses),
        "-" if view.latency_ms is None else f"{view.latency_ms} ms",
        f"{view.blobs} ({view.size_bytes // 1024} KiB)"
        + (f", files {view.bulk_bytes // 1024} KiB" if view.bulk_bytes else ""),
        when(view.oldest_at_ms) if view.oldest_at_ms else "-",
        view.warning or view.last_error or "",
    )
