"""Choosing a passphrase on the terminal."""

from collections.abc import Iterator

import pytest

from loom.cli import passphrase
from loom.config import Settings
from loom.errors import InvalidInput


def answer(monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """Type these; what the terminal showed between them."""
    lines: Iterator[str] = iter(typed)
    shown: list[str] = []
    monkeypatch.setattr(passphrase, "ask_hidden", lambda *_, **__: next(lines))
    monkeypatch.setattr(passphrase, "show", lambda text, **_: shown.append(text))
    return shown


def test_a_weak_passphrase_is_accepted_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = answer(monkeypatch, "Password1", "Password1")
    assert passphrase.read_new_passphrase(Settings()) == "Password1"
    assert shown == [
        "This passphrase is weak: more unrelated words make it stronger.\n",
    ]


def test_a_short_passphrase_is_refused_before_it_is_typed_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, "x")
    with pytest.raises(InvalidInput, match="use at least 8 characters"):
        passphrase.read_new_passphrase(Settings())


def test_an_existing_passphrase_may_be_short(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "x")
    assert passphrase.read_passphrase(Settings()) == "x"
