"""docs/MUTANTS.md speaks of code that is there; `make mutate` says whether it is complete."""

import tomllib

import pytest

from tests.mutants.survivors import ROOT, Explained, Mutant, explained

ROWS = explained()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.function}-{row.becomes}")
def test_an_explained_mutant_still_has_its_line(row: Explained) -> None:
    source = (ROOT / "loom" / row.file).read_text()
    assert row.was in " ".join(source.split())
    assert f"def {row.function.rpartition('.')[2]}(" in source
    assert row.was != row.becomes
    assert row.why.endswith(".")


def test_none_is_explained_twice() -> None:
    assert ROWS
    assert len({row[:4] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("function", "was", "becomes", "words"),
    [
        ("f", 'raise BadToken(what="x")', "raise BadToken(what=None)", True),
        ("f", 'raise BadToken(what="x") from error', 'raise BadToken(what="X") from error', True),
        ("f", 'raise BadToken(what="x") from error', 'raise Other(what="x") from error', False),
        ("Key.__repr__", 'return "Key(redacted)"', 'return "KEY(REDACTED)"', True),
        ("f", 'mac(key, "init", b"")', 'mac(key, "INIT", b"")', False),
        ("f", "if size > limit:", "if size >= limit:", False),
    ],
)
def test_only_words_of_errors_go_without_a_reason(
    function: str, was: str, becomes: str, words: bool
) -> None:
    assert Mutant("x.py", function, was, becomes, "lived").only_changes_words is words


def test_the_layers_that_hold_keys_are_mutated() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert settings["only_mutate"] == ["loom/core/*", "loom/crypto/*", "loom/wire/*"]
    assert all((ROOT / one).is_dir() for one in settings["pytest_add_cli_args_test_selection"])
