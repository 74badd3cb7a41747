"""The words of a text as the search knows them, and what a query looks for among them.

One folding serves the index, the query and the marks on hits, so that they cannot disagree.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

TYPED_MAX: Final = 1_000
"""Characters of a query that are read."""
TERMS_MAX: Final = 32
VERSION: Final = f"1 {unicodedata.unidata_version}"
"""An index that was made with another one holds other words."""

_FOLDED_MAX: Final = 20_000
"""Characters whose folding is kept in memory."""
_HIDES: Final = "\N{COMBINING GRAPHEME JOINER}\N{ARABIC TATWEEL}"
_QUOTES: Final = {ord(one): '"' for one in "\u201c\u201d\u201e\u201f\uff02"}

# Scripts that are written without spaces, and emoji: two letters of the first tell as much as three
# of the second, which are alphabets.
_DENSE: Final = (
    "\u1100-\u11ff\u2600-\u2bff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U0001f000-\U0001faff\U00020000-\U0003ffff"
)
_SPARSE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua980-\ua9ff\uaa60-\uaa7f"
_BETWEEN: Final = r"\x00-/:-@\[-`{-\x7f"
_OTHERS: Final = f"[^{_BETWEEN}{_DENSE}{_SPARSE}]"
# Compiled by their first use, which takes 2 ms each: opening a profile needs neither.
_RUN: Final = f"([{_DENSE}]+)|[{_SPARSE}]+"
_PIECE: Final = f"[{_DENSE}]+|[{_SPARSE}]+|{_OTHERS}+"
_AFTER_INDIC: Final = re.compile("[^\x00-\u0dff]")
"""No run has a letter before these; looking for one of them is quick."""
_TYPED: Final = re.compile(r'([A-Za-z]+:)?"[^"]*"?|\S+')
# What composes with the character before it: jamo, and the marks of half-width kana.
_JOINS: Final = re.compile("[\u1160-\u11ff\uff9e\uff9f\uffa0-\uffdc]")


class Term(NamedTuple):
    """What one word or phrase of a query looks for: these pieces, one right after the other.

    A piece is a word, or a run of a script without spaces, which the term's ends may cut.
    """

    pieces: tuple[str, ...]
    is_prefix: bool
    """The last word may go on."""


# --- folding ---


def fold(text: str) -> str:
    """NFKC, without case, accents, vowel points and signs; what separates words is ASCII."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).translate(_folded)


class _Folded(dict[int, str]):
    """The folding of each character."""

    def __missing__(self, code: int) -> str:
        if len(self) >= _FOLDED_MAX:
            self.clear()
        self[code] = folded = _fold_one(chr(code))
        return folded


_folded: Final = _Folded()


def _fold_one(character: str) -> str:
    if character.isascii():
        return character.lower()
    category = unicodedata.category(character)
    if category == "Cf" or character in _HIDES or "\U0001f3fb" <= character <= "\U0001f3ff":
        return ""
    if (
        category == "Me"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    ):
        return ""
    if category[0] in "LMN" or category == "Co" or (category == "So" and character >= "\u2600"):
        decomposed = unicodedata.normalize("NFKD", character).casefold()
        kept = "".join(one for one in decomposed if not _is_accent(one))
        return unicodedata.normalize("NFC", kept)
    return " "


def _is_accent(character: str) -> bool:
    """By the canonical combining class: the others are letters of their scripts."""
    place = unicodedata.combining(character)
    return place == 1 or 10 <= place <= 36 or place >= 200


# --- the index ---


def index_text(body: str) -> str:
    """A body as FTS5's `ascii` tokenizer is given it: folded, runs cut into overlapping pieces."""
    if (latin := _folded_latin(body)) is not None:
        return latin
    folded = fold(body)
    return re.sub(_RUN, _cut_run, folded) if _AFTER_INDIC.search(folded) else folded


def _folded_latin(text: str) -> str | None:
    """`fold` of Latin-1 in a fifth of the time; None: some letter does not fold to one such."""
    try:
        folded = text.replace("ß", "ss").encode("latin-1").translate(_latin())
    except UnicodeEncodeError:
        return None
    return None if 0 in folded else folded.decode("latin-1")


@cache
def _latin() -> bytes:
    """What each letter of Latin-1 folds to; 0 where that is not one of them."""
    folded = [fold(chr(code)) for code in range(256)]
    return bytes(ord(one) if len(one) == 1 and one <= "\xff" else 0 for one in folded)


def _cut_run(run: re.Match[str]) -> str:
    return f" {' '.join(_grams(run[0], 2 if run[1] else 3))} "


def _grams(run: str, size: int) -> list[str]:
    """The pieces that begin at each of its letters; at its end they are shorter."""
    return [run[start : start + size] for start in range(len(run))]


def _gram_size(piece: str) -> int:
    """Of how many letters the pieces of a run are; 0 for a word."""
    run = re.match(_RUN, piece)
    return 0 if run is None else 2 if run[1] else 3


# --- a query ---


def typed_words(text: str) -> list[str]:
    """The words of a query and its phrases in quotes, each as it was typed."""
    return [one[0] for one in _TYPED.finditer(text[:TYPED_MAX].translate(_QUOTES))]


def terms(text: str) -> list[Term]:
    """What a query looks for; all of it must be in a message."""
    found = (_term(word) for word in typed_words(text))
    return list(dict.fromkeys(one for one in found if one is not None))[:TERMS_MAX]


@lru_cache(maxsize=64)
def _term(word: str) -> Term | None:
    pieces = tuple(re.findall(_PIECE, fold(word)))
    is_closed = word.endswith('"') and word.count('"') > 1
    return Term(pieces, not is_closed) if pieces else None


def fts_phrase(term: Term) -> str:
    """A term as FTS5 is asked for it."""
    *before, last = term.pieces
    tokens: list[str] = []
    for piece in before:
        size = _gram_size(piece)
        tokens += _grams(piece, size) if size else [piece]
    size = _gram_size(last)
    is_prefix = term.is_prefix
    if size:
        # In the text, the run may go on.
        whole = len(last) - size + 1
        is_prefix = whole < 1
        tokens += [last] if is_prefix else _grams(last, size)[:whole]
    else:
        tokens.append(last)
    return f'"{" ".join(tokens)}"{"*" if is_prefix else ""}'


# --- hits ---


def hits(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where a text holds what these words of a query (see `typed_words`) look for."""
    wanted = [_pattern(term) for term in map(_term, words) if term is not None]
    if not wanted:
        return []
    whole, places = _with_places(text)
    return [
        (places[one.start()][0], places[one.end() - 1][1])
        for pattern in wanted
        for one in pattern.finditer(whole)
    ]


def _with_places(text: str) -> tuple[str, Sequence[tuple[int, int]]]:
    """A text folded, and from where to where each of its letters was in the text."""
    if text.isascii():
        return fold(text), [(at, at + 1) for at in range(len(text))]
    folded: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        part = fold(text[start:end])
        folded.append(part)
        places += [(start, end)] * len(part)
    return "".join(folded), places


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """The parts of a text that are folded on their own."""
    start = 0
    for at in range(1, len(text)):
        one = text[at]
        if one.isascii() or not (
            unicodedata.combining(one) or _JOINS.match(one) or _folded[ord(one)] == ""
        ):
            yield start, at
            start = at
    if text:
        yield start, len(text)


@lru_cache(maxsize=64)
def _pattern(term: Term) -> re.Pattern[str]:
    """What finds a term in a folded text, as FTS5 finds it in the index."""
    parts = []
    for at, piece in enumerate(term.pieces):
        one = _kind(piece)
        is_word = one is _OTHERS
        is_last = at == len(term.pieces) - 1
        before = f"(?<!{one})" if at or is_word else ""
        after = f"(?!{one})" if not is_last or (is_word and not term.is_prefix) else ""
        parts.append(f"{before}{re.escape(piece)}{after}")
    return re.compile(f"[{_BETWEEN}]*".join(parts))


def _kind(piece: str) -> str:
    """The letters that a piece like this is made of, as a pattern of one."""
    size = _gram_size(piece)
    return f"[{_DENSE if size == 2 else _SPARSE}]" if size else _OTHERS
