"""A bot in a room: answers who asks it something, and misses nothing while it was away.

    LOOM_PASSPHRASE_FILE=secret python examples/room_bot.py --profile bot --room Garden

It answers each post that mentions it by its name, `@Bot`, in the channel where it was asked. The
number of the last event it has dealt with stands in a file: after a restart it asks for the events
after that one. So an answer may go out twice, and no question stays unanswered.
"""

import argparse
import asyncio
import os
from pathlib import Path

import loom
from loom.api.client import Client
from loom.api.events import AnyEvent, RoomPosted
from loom.api.profiles import NodeOptions
from loom.api.room_commands import SendPost
from loom.errors import LoomError
from loom.front.sentences import on_command_line


async def answer(client: Client, room: str, event: AnyEvent) -> None:
    """Say what was asked back, as an answer to it."""
    if not isinstance(event, RoomPosted) or event.own or not event.mention:
        return
    if room in (event.room, event.room_id):
        print(f"{event.author} in {event.room}: {event.body!r}", flush=True)
        await client.send(
            SendPost(
                room=event.room_id,
                channel=event.channel,
                body=f"You asked: {event.body}",
                reply_to=event.post_id,
            )
        )


def last_seen(file: Path) -> int:
    """The last event dealt with; 0 at the very beginning."""
    return int(file.read_text()) if file.exists() else 0


def remember(file: Path, seq: int) -> None:
    """Write the number so that a crash leaves the old one or the new one, never half of it."""
    new = file.with_suffix(".new")
    new.write_text(f"{seq}\n")
    new.replace(file)


async def run(profile: str | None, room: str, seen: Path, passphrase: str | None) -> None:
    """Answer until the node ends."""
    options = NodeOptions(mdns_interface=os.environ.get("LOOM_MDNS_INTERFACE"))
    async with loom.open_profile(profile, passphrase=passphrase, options=options) as client:
        async for event in client.events(after=last_seen(seen)):
            await answer(client, room, event)
            if event.seq:  # live events have none
                remember(seen, event.seq)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Answers in a room.")
    parser.add_argument("--profile", help="else LOOM_PROFILE, or the only one there is")
    parser.add_argument("--room", required=True, help="its name or id")
    parser.add_argument("--seen", type=Path, default=Path("room_bot.seen"))
    chosen = parser.parse_args()
    file = os.environ.get("LOOM_PASSPHRASE_FILE")
    passphrase = Path(file).read_text().removesuffix("\n") if file else None
    try:
        asyncio.run(run(chosen.profile, chosen.room, chosen.seen, passphrase))
    except KeyboardInterrupt:
        pass
    except LoomError as error:
        raise SystemExit(f"room_bot: {on_command_line(error)[0]}") from None


if __name__ == "__main__":
    main()
