"""A bot that adds up the numbers in a message, as an answer to it.

    LOOM_PASSPHRASE_FILE=secret python examples/sum_bot.py --profile bot

An edited message gets its answer edited, a deleted one has it deleted for both, and one without
a number is shrugged at. It needs no file: which message it answered stands in the history. What
came while it was away stays unanswered (`echo_bot.py` shows how to miss nothing).
"""

import argparse
import asyncio
import os
import re
from pathlib import Path
from typing import Final

import loom
from loom.api.client import Client
from loom.api.events import AnyEvent, MessageDeleted, MessageEdited, MessageReceived
from loom.api.message_commands import DeleteMessages, EditMessage, History, React, SendText
from loom.api.profiles import NodeOptions
from loom.errors import LoomError
from loom.front.sentences import on_command_line

SHRUG: Final = "\N{SHRUG}"
LOOK_BACK: Final = 500
"""Answers further back than so many messages are left as they are."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


async def answer(client: Client, event: AnyEvent) -> None:
    """Do what there is to do about an event."""
    match event:
        case MessageReceived() | MessageEdited() if event.direction == "in":
            await _add_up(client, f"#{event.contact_id}", event.message_id, event.body)
        case MessageDeleted() if event.direction == "in":
            contact = f"#{event.contact_id}"
            ids = [
                one for asked in event.message_ids for one in await _given(client, contact, asked)
            ]
            if ids:
                command = DeleteMessages(contact=contact, message_ids=ids, for_both=True)
                await client.send(command)


async def _add_up(client: Client, contact: str, asked: str, body: str) -> None:
    numbers = _NUMBER.findall(body)
    given = await _given(client, contact, asked)
    sign = "" if numbers else SHRUG
    if sign or given:  # nothing is to be taken back of a message that was never looked at
        await client.send(React(contact=contact, message_id=asked, emoji=sign))
    if not numbers:
        return
    total = f"{sum(map(float, numbers)):g}"
    if given:
        await client.send(EditMessage(contact=contact, message_id=given[0], body=total))
    else:
        await client.send(SendText(contact=contact, body=total, reply_to=asked))


async def _given(client: Client, contact: str, asked: str) -> list[str]:
    """The ids of one's own answers to a message."""
    page = await client.send(History(contact=contact, limit=LOOK_BACK))
    return [
        one.message_id
        for one in page.messages
        if (one.direction, one.reply_to, one.deleted) == ("out", asked, False)
    ]


async def run(profile: str | None, passphrase: str | None) -> None:
    """Answer until the node ends; one contact's trouble ends nothing."""
    options = NodeOptions(mdns_interface=os.environ.get("LOOM_MDNS_INTERFACE"))
    async with loom.open_profile(profile, passphrase=passphrase, options=options) as client:
        print("ready", flush=True)
        async for event in client.events():
            try:
                await answer(client, event)
            except LoomError as error:  # removed, blocked, or the message is gone by now
                print(on_command_line(error)[0], flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Adds up the numbers in a message.")
    parser.add_argument("--profile", help="else LOOM_PROFILE, or the only one there is")
    chosen = parser.parse_args()
    file = os.environ.get("LOOM_PASSPHRASE_FILE")
    passphrase = Path(file).read_text().removesuffix("\n") if file else None
    try:
        asyncio.run(run(chosen.profile, passphrase))
    except KeyboardInterrupt:
        pass
    except LoomError as error:
        raise SystemExit(f"sum_bot: {on_command_line(error)[0]}") from None


if __name__ == "__main__":
    main()
