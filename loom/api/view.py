"""What every answer of the node is, and the one that has nothing to show."""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """One JSON object on a line; `v` is the version of the shape."""

    v: int = 1


class Done(View, frozen=True, kw_only=True, tag="done"):
    """The command was carried out and has nothing to show."""
