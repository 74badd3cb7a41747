"""Carries out what front ends ask: one method a command, found by the command's type."""

from typing import TYPE_CHECKING, TypeVar, cast

from loom.api.commands import Command
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.habits import HabitCommands
from loom.node.commands.messages import MessageCommands
from loom.node.commands.network import NetworkCommands

if TYPE_CHECKING:
    from loom.node.node import Node

R = TypeVar("R")


class Commands:
    """All commands of a node."""

    def __init__(self, node: "Node") -> None:
        self._handlers = (
            MessageCommands(node).handlers
            | ContactCommands(node).handlers
            | NetworkCommands(node).handlers
            | HabitCommands(node).handlers
        )

    async def carry_out(self, command: Command[R]) -> R:
        """The command's result, or the LoomError that stood in its way."""
        return cast(R, await self._handlers[type(command)](command))
