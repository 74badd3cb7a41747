"""`loom`, killed by itself at one step: MODULE:NAME:before|after:COUNT, then a command line."""

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def die_at(step: str) -> None:
    """Kill this process, without any warning, before or after the COUNT-th call of a function."""
    module_name, name, when, count = step.split(":")
    place: Any = importlib.import_module(module_name)
    *outer, last = name.split(".")
    for one in outer:
        place = getattr(place, one)
    function: Callable[..., Any] = getattr(place, last)
    left = [int(count)]

    @functools.wraps(function)
    def dying(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if not left[0] and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, last, dying)


if __name__ == "__main__":
    die_at(sys.argv[1])
    from loom.cli.main import main

    sys.argv = ["loom", *sys.argv[5:]]
    main()
