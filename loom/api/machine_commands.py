"""What may be asked of the node about the machines that use its identity."""

from loom.api.command import Command
from loom.api.machine_views import MachineView


class ShowMachine(Command[MachineView], frozen=True, kw_only=True, tag="show_machine"):
    """Whether another machine uses this identity, and what was decided."""


class DecideMachine(Command[MachineView], frozen=True, kw_only=True, tag="decide_machine"):
    """Answer the question that `MachineFound` asks.

    Args:
        stays: this machine goes on, with new sessions; else it is closed: the node ends, and what
            is here can be read but nothing is sent from it. A later `stays` opens it again.
    """

    stays: bool
