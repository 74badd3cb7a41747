"""The README's pictures show the app as it is. After an intended change: `make screenshots`."""

import re

import pytest

from tests.tui.pictures import compare
from tests.tui.screenshots import FOLDER, PRESSED, paint

README = FOLDER.parents[1] / "README.md"


@pytest.mark.parametrize("name", PRESSED)
async def test_the_app_looks_as_in_the_readme(name: str) -> None:
    compare(name, await paint(name), FOLDER)


def test_the_readme_shows_each_and_says_what_is_on_it() -> None:
    shown = dict(re.findall(r"!\[([^\]]+)\]\(docs/images/(\w+)\.svg\)", README.read_text()))
    assert set(shown.values()) == set(PRESSED)
    assert all(len(words.split()) > 5 for words in shown)


def test_a_picture_fetches_nothing() -> None:
    for file in FOLDER.glob("*.svg"):
        # Names of namespaces are no addresses that a reader's machine goes to.
        text = file.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"@import|@font-face|\bsrc\s*[:=]|href|url\((?!#)", text), file
