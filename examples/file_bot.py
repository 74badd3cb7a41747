"""A bot that takes files from verified contacts, saves them, and answers with their SHA-256.

    LOOM_PASSPHRASE_FILE=secret python examples/file_bot.py --profile bot --into inbox

It attaches to the running `loom daemon` of the profile, or runs a node of its own meanwhile. What
it saves is plain; names are made harmless, and nothing that is there is overwritten. A file whose
answer did not go out before the bot was killed is saved again at its next start, beside the first.
"""

import argparse
import asyncio
import hashlib
import os
from pathlib import Path

import loom
from loom.api.client import Client
from loom.api.contact_commands import ShowContact
from loom.api.events import FileChanged, MessageReceived
from loom.api.file_commands import AcceptFile, DeclineFile, ListFiles, RemoveFile
from loom.api.file_views import FileView
from loom.api.message_commands import SendText
from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions
from loom.errors import LoomError
from loom.front.file_pages import each
from loom.front.received_files import save
from loom.front.sentences import on_command_line

LARGEST_BYTES = 100_000_000


def sha256(path: Path) -> str:
    """Of a file; of a folder that was sent, how many files it holds."""
    if path.is_dir():
        return f"a folder of {sum(one.is_file() for one in path.rglob('*'))} files"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def handle(client: Client, file: FileView, into: Path) -> None:
    """Decide about an offer; save what has come."""
    if file.direction == "out":
        return
    contact = f"#{file.contact_id}"
    if file.state == "offered":
        known = await client.send(ShowContact(contact=contact))
        is_wanted = known.verified and file.size_bytes <= LARGEST_BYTES
        decide = AcceptFile if is_wanted else DeclineFile
        await client.send(decide(file_id=file.file_id))
    elif file.state == "done" and file.is_here:
        saved = await save(client.send, file, into)
        text = f"{saved.path.name}: {await asyncio.to_thread(sha256, saved.path)}"
        await client.send(SendText(contact=contact, body=text, reply_to=file.message_id))
        await client.send(RemoveFile(file_id=file.file_id))
        print(saved.path, flush=True)


async def run(profile: str | None, into: Path, passphrase: str | None) -> None:
    """Take files until the node ends; first those that came while the bot was away."""
    options = NodeOptions(mdns_interface=os.environ.get("LOOM_MDNS_INTERFACE"))
    async with loom.open_profile(profile, passphrase=passphrase, options=options) as client:
        after = (await client.send(Status())).last_seq
        for file in [one async for one in each(client.send, ListFiles())]:
            await handle(client, file, into)
        async for event in client.events(after=after):
            if isinstance(event, MessageReceived | FileChanged) and event.file is not None:
                await handle(client, event.file, into)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Takes files, and says their SHA-256.")
    parser.add_argument("--profile", help="else LOOM_PROFILE, or the only one there is")
    parser.add_argument("--into", type=Path, default=Path("inbox"), help="an own folder")
    chosen = parser.parse_args()
    chosen.into.mkdir(mode=0o700, exist_ok=True)
    file = os.environ.get("LOOM_PASSPHRASE_FILE")
    passphrase = Path(file).read_text().removesuffix("\n") if file else None
    try:
        asyncio.run(run(chosen.profile, chosen.into, passphrase))
    except KeyboardInterrupt:
        pass
    except LoomError as error:
        raise SystemExit(f"file_bot: {on_command_line(error)[0]}") from None


if __name__ == "__main__":
    main()
