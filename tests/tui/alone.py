"""The app over a fake node in a process of its own, which says things when told to on a pipe."""

import asyncio
import os
import sys
from pathlib import Path

from loom.tui.app import LoomApp
from tests.tui.talking import TalkingNode


async def main(folder: str, descriptor: int) -> None:
    """One conversation; each byte on the pipe is an incoming message, an `r` a reaction to one."""
    node = TalkingNode()
    for n in range(6):
        node.add(f"Person {n}", online=bool(n % 2))
    node.add("Ada", verified=True, session="established")
    node.say("Ada", *(f"what was said {n} " + "and more words " * (n % 4) for n in range(300)))
    said = 0

    def told() -> None:
        nonlocal said
        for byte in os.read(descriptor, 100):
            if byte == ord("r"):
                node.react(node.messages[-2], "\N{THUMBS UP SIGN}", "Ada")
                continue
            said += 1
            node.receive("Ada", f"message {said} says just a few ordinary words")

    asyncio.get_running_loop().add_reader(descriptor, told)
    await LoomApp(node, profile="measured", config=Path(folder)).run_async()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
