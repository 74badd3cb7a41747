"""Commands about the owner's identity."""

from loom.api import identity_commands as api
from loom.api.identity_views import IdentityView
from loom.node.commands.handlers import Handlers
from loom.node.identity.own import OwnIdentity


class IdentityCommands:
    """Show, rotate, take a later one, revoke."""

    def __init__(self, identity: OwnIdentity) -> None:
        self._identity = identity
        self.handlers: Handlers = {
            api.ShowIdentity: self._show,
            api.RotateIdentity: self._rotate,
            api.TakeLaterIdentity: self._take,
            api.RevokeIdentity: self._revoke,
        }

    async def _show(self, command: api.ShowIdentity) -> IdentityView:
        return await self._identity.view()

    async def _rotate(self, command: api.RotateIdentity) -> IdentityView:
        await self._identity.rotate(command.phrase)
        return await self._identity.view()

    async def _take(self, command: api.TakeLaterIdentity) -> IdentityView:
        await self._identity.take_later(command.phrase)
        return await self._identity.view()

    async def _revoke(self, command: api.RevokeIdentity) -> IdentityView:
        await self._identity.revoke(command.phrase)
        return await self._identity.view()
