"""What every answer of the node is."""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """One JSON object on a line; `v` is the version of the shape."""

    v: int = 1
