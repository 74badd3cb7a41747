"""A bug ends the app with a place, and shows nothing of what people wrote: terminals keep it."""

from io import StringIO

import pytest
from rich.console import Console

from loom.tui.drawing import DrawnApp

SECRET = "what somebody wrote"


def _fail() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        error.add_note(SECRET)
        failures = [ValueError(SECRET), ExceptionGroup(SECRET, [TypeError(SECRET)])]
        raise ExceptionGroup(SECRET, failures) from error


async def test_an_unexpected_error_shows_its_place_and_no_value() -> None:
    app = DrawnApp[None]()
    with pytest.raises(ExceptionGroup) as caught:
        _fail()
    try:
        raise caught.value
    except ExceptionGroup:
        app._fatal_error()
    shown = StringIO()
    Console(file=shown, width=200).print(*app._exit_renderables)
    for name in ("_fail", "KeyError", "ValueError", "TypeError"):
        assert name in shown.getvalue()
    assert SECRET not in shown.getvalue()
