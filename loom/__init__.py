"""Loom: a serverless end-to-end encrypted messenger for the terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loom.app import open_profile

__version__ = "0.1.0"
__all__ = ["__version__", "open_profile"]


def __getattr__(name: str) -> object:
    if name == "open_profile":  # imported on first use: `loom --version` must stay quick
        from loom.app import open_profile

        return open_profile
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
