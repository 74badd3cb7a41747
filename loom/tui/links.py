"""Links in a text: where they stand, and the ASCII address that a terminal is given for each."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

from loom.printable import printable

LINK_MAX: Final = 2_000
"""Characters; a longer one is only text."""
_BEGINNING: Final = re.compile(r"https?://", re.IGNORECASE)
_PASTED: Final = re.compile(r"\bLOOM-[A-Z2-7]{70,495}\b", re.IGNORECASE | re.ASCII)
"""A token or an invite in one piece; which it is, its reader finds out."""
_ENDING: Final = ".,;:!?'*~"
"""What ends a sentence or a quotation rather than a link."""
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_OUTSIDE: Final = '<>"`\\\N{REPLACEMENT CHARACTER}'
"""Browsers take a backslash for a slash, so what stands before an @ behind it is the host."""
_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))


class Link(NamedTuple):
    """A link's place in the text; `address` is printable ASCII, or a `LOOM-` text."""

    start: int
    end: int
    address: str

    @property
    def is_plain(self) -> bool:
        """Whether a terminal may open it without a question: no host made to look like another."""
        host = host_of(self.address)
        return not is_pasted(self.address) and not host.scripts and not host.user


class Host(NamedTuple):
    """Where an address leads."""

    name: str
    """In ASCII, names in punycode, with its port."""
    reads: str
    """In its own letters, if these are others."""
    scripts: tuple[str, ...]
    """Of letters that one of its labels mixes though they look alike."""
    user: str
    """What stands before an @, and is no host."""


def find_links(text: str) -> list[Link]:
    """The links of a harmless text (see `printable`)."""
    found: list[Link] = []
    end = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() < end:
            continue
        end = _trimmed(text, beginning.end(), _end(text, beginning.end()))
        address = _address(text[beginning.start() : end])
        if address:
            found.append(Link(beginning.start(), end, address))
    taken = [range(one.start, one.end) for one in found]
    found += [
        Link(*one.span(), one[0].upper())
        for one in _PASTED.finditer(text)
        if not any(one.start() in place for place in taken)
    ]
    return sorted(found)


@lru_cache(maxsize=512)
def host_of(address: str) -> Host:
    """The host of an address that `find_links` found."""
    netloc = _split(address)[1]
    user, _, name = netloc.rpartition("@")
    labels = [_decoded(one) for one in name.split(".")]
    reads = ".".join(labels)
    mixed = next((found for one in labels if len(found := _scripts(one)) > 1), ())
    return Host(name, reads if reads != name else "", mixed, user)


def is_pasted(address: str) -> bool:
    """Whether a link adds somebody, and is nothing that a browser or a terminal opens."""
    return address.startswith("LOOM-")


def _end(text: str, at: int) -> int:
    """Where a space, or punctuation of another script, ends it."""
    while at < len(text):
        one = text[at]
        if one.isspace() or one in _OUTSIDE:
            break
        if text.startswith("](", at):  # the address of a Markdown link, not one in its label
            break
        if not one.isascii() and unicodedata.category(one)[0] not in "LMNSC":
            break
        at += 1
    return at


def _trimmed(text: str, start: int, end: int) -> int:
    """Without the sentence's punctuation; a closing bracket stays if it was opened inside."""
    over = {
        closing: text.count(closing, start, end) - text.count(opening, start, end)
        for closing, opening in _BRACKETS.items()
    }
    while end > start:
        last = text[end - 1]
        if last not in _ENDING and over.get(last, 0) <= 0:
            break
        if last in over:
            over[last] -= 1
        end -= 1
    return end


def _split(link: str) -> tuple[str, str, str]:
    """Its beginning, its host with user and port, and the rest."""
    beginning, slashes, rest = link.partition("//")
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return beginning + slashes, netloc, rest[len(netloc) :]


def _address(link: str) -> str:
    """The link in ASCII: the host as IDNA does, the rest as UTF-8 with percent signs."""
    beginning, netloc, rest = _split(link)
    user, at, host = netloc.rpartition("@")
    is_odd = any(not one.isascii() and unicodedata.category(one)[0] not in "LMN" for one in host)
    if len(link) > LINK_MAX or not any(map(str.isalnum, host)) or is_odd:
        return ""  # what is odd in a host may look like the slash that ends it
    name = ".".join(map(_label, host.split(".")))
    return quote(beginning + user + at + name + rest, safe=_KEPT)


def _scripts(label: str) -> tuple[str, ...]:
    """The scripts that a name mixes, where letters of them look alike; one alone is no mix."""
    names = {unicodedata.name(one, "").split(" ")[0] for one in label if one.isalpha()}
    return tuple(sorted(one.capitalize() for one in names & _ALIKE))


_ALIKE: Final = {"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN", "LISU"}


def _label(label: str) -> str:
    name, colon, port = label.partition(":")
    if name.isascii():
        return label
    name = unicodedata.normalize("NFC", name.lower())
    return f"xn--{name.encode('punycode').decode('ascii')}{colon}{port}"


def _decoded(label: str) -> str:
    """A label in its own letters; one that cannot be read as it is."""
    name, colon, port = label.partition(":")
    if not name.lower().startswith("xn--"):
        return label
    try:
        read = name[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label
    return printable(read) + colon + port
