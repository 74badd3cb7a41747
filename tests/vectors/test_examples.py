"""The bytes that docs/PROTOCOL.md shows are those of the vectors."""

import pytest

from tests.vectors import examples
from tests.vectors.examples import FIGURES, PROTOCOL, Part, figure, item


def test_the_specification_shows_the_bytes_of_the_vectors() -> None:
    """`python -m tests.vectors.examples` writes them."""
    text = PROTOCOL.read_text("utf-8")
    assert examples.with_figures(text) == text


def test_every_figure_stands_in_the_specification_once() -> None:
    assert sorted(examples.named(PROTOCOL.read_text("utf-8"))) == sorted(FIGURES)


@pytest.mark.parametrize(
    "parts", [[item("a", 2)], [Part("a", 5)], [item("a", 1), Part("b", 1)]], ids=str
)
def test_a_layout_that_is_not_that_of_the_bytes_is_noticed(parts: list[Part]) -> None:
    with pytest.raises(ValueError, match="bytes"):
        figure(b"\0\0\0\1xyz", parts)
