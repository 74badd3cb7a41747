"""A process that goes on when its terminal is gone."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import msgspec

from loom.api.events import AnchorReady, AnyEvent, NodeReady
from loom.control.lines import Failure, error_of, failure_of
from loom.errors import ControlError, LoomError


class _Report(msgspec.Struct, omit_defaults=True):
    """What the process behind says to the one in front, once."""

    ready: NodeReady | AnchorReady | None = None
    failed: Failure | None = None


def in_background(
    work: Callable[[Callable[[AnyEvent], None]], None],
) -> NodeReady | AnchorReady:
    """Run `work` in a process of its own session; returns when it told that it is ready.

    Called before any thread or event loop runs here, because neither survives a fork.

    Raises:
        LoomError: what the process behind raised before it was ready.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if (child := os.fork()) == 0:
        os.close(reading)
        _become_independent()
        _behind(work, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    try:
        report = msgspec.json.decode(told, type=_Report)
    except msgspec.DecodeError as error:
        raise ControlError(what="it ended while starting; its log says more") from error
    if report.ready is None:
        raise error_of(report.failed or failure_of(LoomError()))
    return report.ready


def _become_independent() -> None:
    """Leave the terminal's session for good (the second fork can never get a terminal again)."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.chdir("/")


def _behind(work: Callable[[Callable[[AnyEvent], None]], None], writing: int) -> NoReturn:
    def report(said: _Report) -> None:
        nonlocal writing
        if writing >= 0:
            os.write(writing, msgspec.json.encode(said))
            os.close(writing)
            writing = -1

    def tell(event: AnyEvent) -> None:
        if isinstance(event, NodeReady | AnchorReady):
            report(_Report(ready=event))

    code = 1
    try:
        work(tell)
        code = 0
    except LoomError as error:
        report(_Report(failed=failure_of(error)))
    except BaseException as error:
        import logging

        logging.getLogger(__name__).critical("the node ended", exc_info=error)
        report(_Report(failed=failure_of(LoomError())))
    os._exit(code)
