"""Which links a text offers, and the addresses behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.printable import printable
from loom.tui.links import LINK_MAX, find_links, host_of


@pytest.mark.parametrize(
    ("text", "shown", "address"),
    [
        ("https://x.example/a_(b)", "https://x.example/a_(b)", "https://x.example/a_(b)"),
        ("(see https://x.example/a_(b)).", "https://x.example/a_(b)", "https://x.example/a_(b)"),
        ("[https://x.example/]", "https://x.example/", "https://x.example/"),
        ("<https://x.example/?q=1&r=[2]>,", "https://x.example/?q=1&r=[2]", None),
        ("so https://x.example/a-b_c. And", "https://x.example/a-b_c", None),
        ("'https://x.example'!?", "https://x.example", None),
        ("https://müller.example/", "https://müller.example/", "https://xn--mller-kva.example/"),
        ("https://MÜLLER.example:80/", None, "https://xn--mller-kva.example:80/"),
        ("https://x.example/Käse?ö=ü#ß", None, "https://x.example/K%C3%A4se?%C3%B6=%C3%BC#%C3%9F"),
        ("https://x.example/100%25", None, "https://x.example/100%25"),
        ("请看https://例え.jp/日本。谢谢", "https://例え.jp/日本", None),
        ("HTTP://X.example/a", "HTTP://X.example/a", "HTTP://X.example/a"),
    ],
)
def test_where_a_link_ends_and_where_it_goes(
    text: str, shown: str | None, address: str | None
) -> None:
    """A bracket, an umlaut in the host and one in the path once cut it off."""
    [link] = find_links(text)
    assert text[link.start : link.end] == (shown or text)
    assert link.address == (address or link.address)


@pytest.mark.parametrize(
    ("text", "name", "reads", "scripts", "user"),
    [
        ("https://x.example:80/@a", "x.example:80", "", (), ""),
        ("https://MÜLLER.example/", "xn--mller-kva.example", "müller.example", (), ""),
        ("https://xn--mller-kva.example/", "xn--mller-kva.example", "müller.example", (), ""),
        ("https://bаnk.example/", "xn--bnk-6cd.example", "bаnk.example", ("Cyrillic", "Latin"), ""),
        ("https://xn--bnk-6cd.example", None, "bаnk.example", ("Cyrillic", "Latin"), ""),
        ("https://日本のweb.jp/", "xn--web-kc4b805ycvb.jp", "日本のweb.jp", (), ""),
        ("https://bank.example@evil.example/", "evil.example", "", (), "bank.example"),
        ("https://bänk.example@evil.example/", "evil.example", "", (), "b%C3%A4nk.example"),
        ("https://xn--99999999999.example/", "xn--99999999999.example", "", (), ""),
    ],
)
def test_where_an_address_leads_is_said(
    text: str, name: str | None, reads: str, scripts: tuple[str, ...], user: str
) -> None:
    [link] = find_links(text)
    host = host_of(link.address)
    assert host == (name or host.name, reads, scripts, user)
    assert link.is_plain == (not scripts and not user)


def test_a_markdown_link_is_its_address_and_never_its_label() -> None:
    text = "[https://bank.example](https://evil.example/a_(b)) and [x](<https://y.example/>)"
    found = [text[one.start : one.end] for one in find_links(text)]
    assert found == ["https://bank.example", "https://evil.example/a_(b)", "https://y.example/"]
    assert [one.address for one in find_links(text)] == found


def test_a_browser_finds_the_same_host() -> None:
    """It takes a backslash for a slash."""
    for text in ("https://good.example\\@evil.example", "https://good.example\\.evil.example"):
        assert [one.address for one in find_links(text)] == ["https://good.example"]
    assert find_links("https://bank.example\u2215login.evil.example/") == []


def test_what_is_no_link() -> None:
    for text in ("https://", "https://...", "https:///x", "ftp://x.example", "http ://x"):
        assert find_links(text) == []
    assert find_links("https://x.example/" + "a" * LINK_MAX) == []


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_address_holds_what_a_terminal_obeys(tail: str) -> None:
    for text in (f"https://{tail}", f"https://x.example/{tail}"):
        body = printable(text, multiline=True)
        for link in find_links(body):
            assert link.address.isascii()
            assert link.address.isprintable()
            assert " " not in link.address
