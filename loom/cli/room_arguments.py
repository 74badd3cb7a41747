"""What several commands of rooms take."""

from typing import Annotated

import typer

Room = Annotated[str, typer.Argument(metavar="ROOM", help="A name, # and a number, or an id.")]
Member = Annotated[str, typer.Argument(metavar="MEMBER", help="A name, or the beginning of an id.")]
Channel = Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="Where to post.")]
Post = Annotated[
    str, typer.Argument(metavar="ID", help="The beginning of its id: `loom room history --ids`.")
]
