"""What each group of commands offers."""

from collections.abc import Awaitable, Callable
from typing import Any

Handlers = dict[type, Callable[[Any], Awaitable[Any]]]
