"""Events as they happen: printed, or each given to a program."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Final, get_args

import typer

from loom.api.client import Client
from loom.api.contact_commands import ShowContact
from loom.api.events import AnyEvent
from loom.cli.completion import contact_names, event_types
from loom.cli.events import put_event
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.output import ProgramRan, line_of
from loom.cli.program import Program
from loom.errors import InvalidInput
from loom.printable import printable

PANEL: Final = "Messages"
SEQ_MAX: Final = (1 << 63) - 1
TIMEOUT_S: Final = 30.0

After = Annotated[
    int | None,
    typer.Option(
        "--after",
        min=0,
        max=SEQ_MAX,
        metavar="SEQ",
        help="First the stored events after this one.",
    ),
]
OfContact = Annotated[
    str | None,
    typer.Option(
        "--contact",
        metavar="CONTACT",
        help="Only events of this contact.",
        autocompletion=contact_names,
    ),
]
OfType = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only events of this type (message.received) or kind (message); may be repeated.",
        autocompletion=event_types,
    ),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("listen", listen, "Print events as they happen, until the node stops."),
    )
    add_commands(
        app,
        PANEL,
        ("watch", watch, "Run a program for each event, until the node stops."),
        all_after_first=True,
    )


def listen(
    context: typer.Context, after: After = None, contact: OfContact = None, kinds: OfType = None
) -> None:
    caller = Caller.of(context)
    wanted = _known(kinds or [])

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            contact_id = await _number_of(client, contact)
            async with following(client, after) as events:
                async for event in events:
                    if _is_wanted(event, contact_id, wanted):
                        put_event(caller.output, event)
        caller.output.note("The node has stopped.")

    caller.run(work())


def watch(
    context: typer.Context,
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM",
            help="The program and its arguments. It gets the event as JSON on standard input.",
        ),
    ],
    runs: Annotated[
        bool, typer.Option("--exec", help="Run what follows, without a shell.")
    ] = False,
    after: After = None,
    contact: OfContact = None,
    kinds: OfType = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            min=0.1,
            max=86_400,
            metavar="SECONDS",
            help="End a run that takes longer (30).",
            show_default=False,
        ),
    ] = TIMEOUT_S,
) -> None:
    caller = Caller.of(context)
    if not runs:
        raise InvalidInput(what="Write --exec before the program")
    wanted = _known(kinds or [])
    run_by = Program.found(
        program, timeout_s=timeout, added=_same_profile(caller), quiet=caller.options.json
    )

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            contact_id = await _number_of(client, contact)
            async with following(client, after) as events:
                async for event in events:
                    if _is_wanted(event, contact_id, wanted):
                        await _tell(caller, run_by, event)
        caller.output.note("The node has stopped.")

    caller.run(work())


async def _tell(caller: Caller, program: Program, event: AnyEvent) -> None:
    """One run. The next event waits for its end in the node, which loses no stored one."""
    outcome = await program.run(line_of(event))
    kind = _type_of(event)
    if caller.options.json:
        caller.output.json(
            ProgramRan(seq=event.seq, event=kind, outcome=outcome.name, exit_code=outcome.exit_code)
        )
    elif outcome.name != "done":
        number = f" {event.seq}" if event.seq else ""
        caller.output.note(f"{outcome.words} (event{number}, {kind}).")


def _same_profile(caller: Caller) -> dict[str, str]:
    """What makes `loom` in the program mean this profile; on another machine nothing does."""
    if caller.host is not None:
        return {}
    home = caller.options.home
    return {
        "LOOM_PROFILE": caller.profile,
        **({} if home is None else {"LOOM_HOME": str(home.absolute())}),
    }


async def _number_of(client: Client, contact: str | None) -> int | None:
    if contact is None:
        return None
    return (await client.send(ShowContact(contact=contact))).contact_id


def _is_wanted(event: AnyEvent, contact_id: int | None, kinds: Sequence[str]) -> bool:
    if contact_id is not None and getattr(event, "contact_id", None) != contact_id:
        return False
    name = f"{_type_of(event)}."
    return not kinds or any(name.startswith(f"{kind}.") for kind in kinds)


def _type_of(event: AnyEvent) -> str:
    return str(event.__struct_config__.tag)


def _known(kinds: Sequence[str]) -> Sequence[str]:
    """Raises InvalidInput: no event is of such a type."""
    types = [str(one.__struct_config__.tag) for one in get_args(AnyEvent)]
    for kind in kinds:
        if not any(f"{one}.".startswith(f"{kind}.") for one in types):
            close = difflib.get_close_matches(kind, types, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise InvalidInput(what=f"There is no event {printable(kind)}{meant}")
    return kinds
