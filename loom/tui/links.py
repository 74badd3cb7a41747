"""Links in a text: where they stand, and the ASCII address that a terminal is given for each."""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import quote

LINK_MAX: Final = 2_000
"""Characters; a longer one is only text."""
_BEGINNING: Final = re.compile(r"https?://", re.IGNORECASE)
_PASTED: Final = re.compile(r"\bLOOM-[A-Z2-7]{70,495}\b", re.IGNORECASE | re.ASCII)
"""A token or an invite in one piece; which it is, its reader finds out."""
_ENDING: Final = ".,;:!?'*~"
"""What ends a sentence or a quotation rather than a link."""
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_OUTSIDE: Final = '<>"`\N{REPLACEMENT CHARACTER}'
_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))


class Link(NamedTuple):
    """A link's place in the text; `address` is printable ASCII, or a `LOOM-` text."""

    start: int
    end: int
    address: str


def find_links(text: str) -> list[Link]:
    """The links of a harmless text (see `printable`)."""
    found: list[Link] = []
    end = 0
    for beginning in _BEGINNING.finditer(text):
        if beginning.start() < end:
            continue
        end = _trimmed(text, beginning.end(), _end(text, beginning.end()))
        address = _address(text[beginning.start() : end], beginning.end() - beginning.start())
        if address:
            found.append(Link(beginning.start(), end, address))
    taken = [range(one.start, one.end) for one in found]
    found += [
        Link(*one.span(), one[0].upper())
        for one in _PASTED.finditer(text)
        if not any(one.start() in place for place in taken)
    ]
    return sorted(found)


def is_pasted(address: str) -> bool:
    """Whether a link adds somebody, and is nothing that a browser or a terminal opens."""
    return address.startswith("LOOM-")


def _end(text: str, at: int) -> int:
    """Where a space, or punctuation of another script, ends it."""
    while at < len(text):
        one = text[at]
        if one.isspace() or one in _OUTSIDE:
            break
        if not one.isascii() and unicodedata.category(one)[0] not in "LMNSC":
            break
        at += 1
    return at


def _trimmed(text: str, start: int, end: int) -> int:
    """Without the sentence's punctuation; a closing bracket stays if it was opened inside."""
    while end > start:
        last = text[end - 1]
        opening = _BRACKETS.get(last)
        is_open = opening is None or text.count(opening, start, end) < text.count(last, start, end)
        if last not in _ENDING and (opening is None or not is_open):
            break
        end -= 1
    return end


def _address(link: str, host_at: int) -> str:
    """The link in ASCII: the host as IDNA does, the rest as UTF-8 with percent signs."""
    host = re.split(r"[/?#]", link[host_at:], maxsplit=1)[0]
    labels = host.split(".")
    if len(link) > LINK_MAX or not any(map(str.isalnum, host)) or any(map(_is_mixed, labels)):
        return ""
    labels = [_label(one) for one in labels]
    return quote(link[:host_at] + ".".join(labels) + link[host_at + len(host) :], safe=_KEPT)


def _is_mixed(label: str) -> bool:
    """Whether a name mixes letters that look alike, as one made to be taken for another does."""
    scripts = {unicodedata.name(one, "").split(" ")[0] for one in label if one.isalpha()}
    return len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1


def _label(label: str) -> str:
    name, colon, port = label.partition(":")
    if name.isascii():
        return label
    name = unicodedata.normalize("NFC", name.lower())
    return f"xn--{name.encode('punycode').decode('ascii')}{colon}{port}"
