"""A bot that says everything back, and misses nothing while it was away.

    LOOM_PASSPHRASE_FILE=secret python examples/echo_bot.py --profile bot --seen seen.txt

It attaches to the running `loom daemon` of the profile, or runs a node of its own meanwhile.
The number of the last event it has dealt with stands in a file: after a restart it asks for the
events after that one. An answer may go out twice if the bot is killed between sending it and
writing the number, but no message stays unanswered.
"""

import argparse
import asyncio
import os
from pathlib import Path

import loom
from loom.api.client import Client
from loom.api.events import AnyEvent, MessageReceived
from loom.api.message_commands import SendText
from loom.api.profiles import NodeOptions
from loom.errors import LoomError
from loom.front.sentences import on_command_line


async def answer(client: Client, event: AnyEvent) -> None:
    """Say it back."""
    if isinstance(event, MessageReceived):
        print(f"{event.contact}: {event.body!r}", flush=True)
        # `#` and the number is the contact, whatever it is called by now.
        await client.send(SendText(contact=f"#{event.contact_id}", body=f"echo: {event.body}"))


def last_seen(file: Path) -> int:
    """The last event dealt with; 0 at the very beginning."""
    return int(file.read_text()) if file.exists() else 0


def remember(file: Path, seq: int) -> None:
    """Write the number so that a crash leaves the old one or the new one, never half of it."""
    new = file.with_suffix(".new")
    new.write_text(f"{seq}\n")
    new.replace(file)


async def run(profile: str | None, seen: Path, passphrase: str | None) -> None:
    """Answer until the node ends."""
    options = NodeOptions(mdns_interface=os.environ.get("LOOM_MDNS_INTERFACE"))
    async with loom.open_profile(profile, passphrase=passphrase, options=options) as client:
        async for event in client.events(after=last_seen(seen)):
            await answer(client, event)
            if event.seq:  # live events (who comes, who types) have none
                remember(seen, event.seq)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Says everything back.")
    parser.add_argument("--profile", help="else LOOM_PROFILE, or the only one there is")
    parser.add_argument("--seen", type=Path, default=Path("echo_bot.seen"))
    chosen = parser.parse_args()
    file = os.environ.get("LOOM_PASSPHRASE_FILE")
    passphrase = Path(file).read_text().removesuffix("\n") if file else None
    try:
        asyncio.run(run(chosen.profile, chosen.seen, passphrase))
    except KeyboardInterrupt:
        pass
    except LoomError as error:
        raise SystemExit(f"echo_bot: {on_command_line(error)[0]}") from None


if __name__ == "__main__":
    main()
