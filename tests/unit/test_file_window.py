"""How many pieces are asked for at a time."""

from loom.node.files.window import LEAST, Window
from loom.wire.limits import FILE_ASKED_MAX


def after(took_s: list[float], size: int = 8) -> int:
    """The window once pieces took so long, one after the other."""
    window = Window()
    window.size = size
    now_s = 100.0
    for one in took_s:
        window.asked(1, now_s)
        now_s += one
        window.waits(0, now_s)
    return window.size


def test_it_grows_while_nothing_waits() -> None:
    assert after([0.001] * 30) == FILE_ASKED_MAX
    assert after([0.2] * 30) == FILE_ASKED_MAX


def test_it_shrinks_while_pieces_wait_for_others() -> None:
    """A text would wait as long as they do."""
    assert after([0.001] + [0.01] * 30) == LEAST


def test_a_way_that_takes_long_is_no_queue() -> None:
    """Regression: where the time of the way itself varies by 20 ms, two pieces were asked for."""
    assert after([0.1, 0.12, 0.11] * 10) == FILE_ASKED_MAX
