"""No ProVerif model changes without losing its verdict, and none stands without one."""

import sys
from pathlib import Path

import pytest

from tests.formal import models
from tests.formal.__main__ import main

BOOK = models.load()
NAMES = sorted(path.stem for path in models.FOLDER.glob("*.pv"))


def test_every_model_has_expectations_and_every_expectation_a_model() -> None:
    assert NAMES
    assert sorted(BOOK.models) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_is_of_the_file_as_it_stands_or_says_that_it_is_not(name: str) -> None:
    model = BOOK.models[name]
    obtained_here = model.obtained_on == models.digest(name)
    assert obtained_here is not bool(model.not_rerun), (
        f"{name}.pv has changed since its verdict was obtained: run it (`make formal`) and record"
        " its hash, or say in not_rerun why not"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_query_has_a_verdict(name: str) -> None:
    verdicts = BOOK.models[name].verdicts
    assert len(verdicts) == models.queries(models.path_of(name).read_text("utf-8"))
    assert set(verdicts) <= set(models.KNOWN_VERDICTS)


def test_rules_that_matter_have_a_variant_without_them() -> None:
    """A model that proves its property without the rule too shows nothing about the rule."""
    wanted = {
        "link_neg_replay_msg1": "rand is remembered",
        "link_neg_tampered_token": "the card pins the token's key",
        "link_neg_kci_init": "own key kept",
        "link_neg_kci_resp": "own key kept",
        "hs_neg_card_not_pinned": "cards are pinned",
        "hs_neg_last_prekey_leak": "prekeys are deleted",
        "hs_auth_last_no_cache": "prekeys serve once",
        "chain_neg_old_fingerprint": "a statement carries the old card",
    }
    for name, rule in wanted.items():
        assert "true" not in BOOK.models[name].verdicts, rule
    negative = {name for name in NAMES if "_neg_" in name}
    assert {name for name in negative if "true" in BOOK.models[name].verdicts} == set()


def test_the_readme_shows_what_is_recorded() -> None:
    """`python -m tests.formal --table` writes it."""
    readme = models.README.read_text("utf-8")
    assert models.with_table(readme, BOOK) == readme


SUMMARY = """\
RESULT not attacker(secret[]) is true.

--------------------------------------------------------------
Verification summary:

Query not attacker(secret[]) is true.

Query inj-event(RConf(fpB[],fpA[],k_1)) ==> inj-event(IDone(fpA[],fpB[],k_1)) is false.

Query event(RPub(fpB[],fpA[],t)) ==>
event(IStart(fpA[],fpB[],t)) cannot
be proved.

--------------------------------------------------------------
"""


@pytest.mark.parametrize(
    ("output", "verdicts"),
    [
        (SUMMARY, ["true", "false", "cannot be proved"]),
        (
            f"Verification summary:\n\nObservational equivalence is true.\n\n{'-' * 62}\n",
            ["true"],
        ),
        ("RESULT not attacker(secret[]) is true.\n", []),
        ("File 'x.pv', line 3, character 1: Error: syntax error\n", []),
        ("", []),
    ],
    ids=["three", "equivalence", "cut off", "syntax error", "nothing"],
)
def test_the_verdicts_are_read_from_the_summary(output: str, verdicts: list[str]) -> None:
    assert models.verdicts_in(output) == verdicts


@pytest.fixture
def proverif(tmp_path: Path) -> Path:
    """A program that says `true` to every query it is given."""
    script = tmp_path / "proverif"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from pathlib import Path\n"
        "count = Path(sys.argv[1]).read_text().count('query ') or 1\n"
        "print('Verification summary:\\n')\n"
        "print('Query x is true.\\n\\n' * count + '-' * 62)\n"
    )
    script.chmod(0o700)
    return script


def test_the_runner_tells_an_expected_verdict_from_another(
    proverif: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--proverif", str(proverif), "link_auth", "hs_auth"]) == 0
    assert main(["--proverif", str(proverif), "link_auth", "hs_neg_card_not_pinned"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2].endswith(": true: EXPECTED false")
    assert told[-1] == "1 not as expected: hs_neg_card_not_pinned"


CUT_OFF = """\
RESULT inj-event(X) ==>
inj-event(Y) cannot
be proved.
RESULT (but event(X) ==> event(Y) is true.)
RESULT event(X) is false.
Starting query event(Z) is
"""


@pytest.mark.parametrize(
    ("said", "verdicts"),
    [
        ("", [models.NO_VERDICT] * 3),
        (
            CUT_OFF,
            ["cannot be proved", "false", models.NO_VERDICT],
        ),
    ],
)
def test_a_model_that_takes_too_long_has_the_verdicts_it_came_to(
    tmp_path: Path, said: str, verdicts: list[str]
) -> None:
    script = tmp_path / "proverif"
    script.write_text(
        f"#!{sys.executable}\nimport time\nprint({said!r}, end='', flush=True)\ntime.sleep(60)\n"
    )
    script.chmod(0o700)
    assert models.run([str(script)], "link_auth", 1.0) == verdicts


def test_without_proverif_the_runner_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--proverif", "no-such-program"]) == 0
    assert capsys.readouterr().out.startswith("SKIPPED: no model was run")


def test_a_changed_model_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = models.path_of("hs_auth").read_text("utf-8") + "\n"
    (tmp_path / "hs_auth.pv").write_text(changed, "utf-8")
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    with pytest.raises(AssertionError, match="has changed since"):
        test_a_verdict_is_of_the_file_as_it_stands_or_says_that_it_is_not("hs_auth")
