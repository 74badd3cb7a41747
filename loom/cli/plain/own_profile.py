"""What contacts are told of oneself, typed and shown as lines."""

from loom.api.client import Client
from loom.api.profile_commands import SetProfile, ShowProfile
from loom.cli.output import Output
from loom.cli.own_profile import profile_words


class OwnProfile:
    """The commands that are about no contact."""

    def __init__(self, output: Output, client: Client) -> None:
        self._output = output
        self._client = client

    async def profile(self, name: str) -> None:
        """`/profile`: a name is told, none shows what is told."""
        await (self._tell(SetProfile(name=name)) if name else self._tell(ShowProfile()))

    async def status(self, text: str) -> None:
        """`/status`: none takes it back."""
        await self._tell(SetProfile(status=text))

    async def away(self, _: str) -> None:
        """`/away`."""
        await self._tell(SetProfile(away=True))

    async def back(self, _: str) -> None:
        """`/back`."""
        await self._tell(SetProfile(away=False))

    async def invisible(self, _: str) -> None:
        """`/invisible`."""
        await self._tell(SetProfile(invisible=True))

    async def visible(self, _: str) -> None:
        """`/visible`."""
        await self._tell(SetProfile(invisible=False))

    async def _tell(self, command: SetProfile | ShowProfile) -> None:
        view = await self._client.send(command)
        self._output.put(view, profile_words(view))
