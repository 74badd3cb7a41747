"""Remote text made harmless: what another person wrote can be shown, never obeyed."""

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MARKS_MAX = 4
TAB = "    "

_ZWNJ, _ZWJ = "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"
_SELECTORS = "\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}"
_IDEOGRAPHIC_SPACE = "\N{IDEOGRAPHIC SPACE}"
_LINE_ENDS = "\n\v\f\r\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
# Letters and marks that show nothing: fillers, inherent vowels, the combining joiner.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def printable(text: str, *, multiline: bool = False) -> str:
    """`text` without anything that moves a cursor, hides, reorders or overflows its cell.

    Controls become U+FFFD, so an escape sequence shows as its letters; bidirectional controls,
    tags and invisible characters vanish; after a base stand at most four marks. Line ends and
    tabs become a space, with `multiline` a newline and four spaces. Applying it twice changes
    nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    if multiline:
        text = text.replace("\r\n", "\n")
    shown = [part for part in (_shown(character, multiline) for character in text) if part]
    # What was dropped may have been the neighbour that a joiner stood for.
    while len(kept := _kept(shown)) < len(shown):
        shown = kept
    return "".join(kept)


def first_sign(text: str) -> str:
    """The first character as a person sees it, with all that belongs to it.

    As UAX 29 says of extended grapheme clusters, without Hangul syllables and Indic conjuncts.
    """
    end = 1
    while end < len(text) and _continues(text, end):
        end += 1
    return text[:end]


def _continues(text: str, position: int) -> bool:
    """Whether a character belongs to the sign before it."""
    before, character = text[position - 1], text[position]
    return (
        _is_mark(character)
        or character == _ZWJ
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or (before == _ZWJ and _is_emoji(character))
        or (position == 1 and all("\U0001f1e6" <= one <= "\U0001f1ff" for one in text[:2]))
    )


def _kept(shown: list[str]) -> list[str]:
    """Without the joiners, selectors and marks that have nothing to stand on."""
    kept: list[str] = []
    marks = 0
    for position, part in enumerate(shown):
        before = kept[-1] if kept else ""
        after = shown[position + 1] if position + 1 < len(shown) else ""
        if part in (_ZWJ, _ZWNJ):
            if not _joins(part, before, after):
                continue
        elif part in _SELECTORS:
            if not before or before.isspace() or _is_mark(before) or before in (_ZWJ, _ZWNJ):
                continue
        elif _is_mark(part):
            marks += 1
            if marks > MARKS_MAX or not before or before == "\n":
                continue
        else:
            marks = 0
        kept.append(part)
    return kept


def _shown(character: str, multiline: bool) -> str:
    """What stands for one character, before its neighbours are looked at; "" for nothing."""
    if character in (_ZWJ, _ZWNJ):
        return character
    if character in _LINE_ENDS:
        return "\n" if multiline else " "
    if character == "\t":
        return TAB if multiline else " "
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Zs":
            return character if character == _IDEOGRAPHIC_SPACE else " "
        case "Cc" | "Cs" | "Co":
            return REPLACEMENT
        case "Cn":
            # Emoji are newer than this Python's tables; nothing else unassigned is needed.
            return character if "\U0001f000" <= character <= "\U0001faff" else REPLACEMENT
        case "Mn" if _is_selector(character) and character not in _SELECTORS:
            return ""
    return "" if character in _INVISIBLE else character


def _is_selector(character: str) -> bool:
    return (
        "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
        or "\u180b" <= character <= "\u180f"
    )


def _is_mark(character: str) -> bool:
    return unicodedata.category(character[-1]).startswith("M")


def _joins(joiner: str, before: str, after: str) -> bool:
    """Whether a joiner changes how its neighbours look, rather than hiding between them."""
    if not before or not after:
        return False
    if _is_joining_script(before) and _is_joining_script(after):
        return True
    return joiner == _ZWJ and _is_emoji(before) and _is_emoji(after)


def _is_joining_script(character: str) -> bool:
    """Arabic to Sinhala, where both joiners are part of spelling."""
    return ("\u0600" <= character <= "\u0dff" and character.isalpha()) or _is_virama(character)


def _is_virama(character: str) -> bool:
    return unicodedata.combining(character[-1]) == 9


def _is_emoji(character: str) -> bool:
    return (
        character in _SELECTORS
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U0001f000" <= character <= "\U0001faff"
        or unicodedata.category(character[-1]) == "So"
    )
