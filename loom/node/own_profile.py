"""What contacts are told of the owner, as every part of the node sees it."""

from loom.mentions import mentions
from loom.model import OwnProfile


class OwnProfileNow:
    """`value` is replaced when a change is stored."""

    def __init__(self, value: OwnProfile) -> None:
        self.value = value

    @property
    def name(self) -> str:
        """How the owner would like to be called."""
        return self.value.name

    def is_addressed(self, body: str) -> bool:
        """Whether a text mentions the owner."""
        return bool(mentions(body, self.value.name))
