"""What a front end is shown of which machine uses the identity."""

from loom.api.view import View


class MachineView(View, frozen=True, kw_only=True, tag="machine"):
    """Whether another machine uses this identity.

    `state`: alone, none was found; asks, the owner must decide; closed, this one is. `contacts`:
    those with whom another one has a session, to whom nothing is sent until then.
    """

    state: str
    contacts: list[str]
