"""What of a name is seen at a glance: names with a skeleton in common look alike.

After Unicode Technical Standard #39, section 4. The pairs are those of its `confusables.txt`
(Unicode 15.1) that take a Cyrillic, Greek, Armenian or other Latin letter for a basic Latin one.
"""

import unicodedata
from functools import lru_cache
from typing import Final

_LIKE: Final = str.maketrans(
    {
        # Cyrillic
        **dict(zip("асеһіјӏорԛѕѵԝхуԁгпьк", "acehijlopqsvwxydrnbk", strict=True)),
        **dict(zip("АВСЕНІЈКМОРԚЅТѴԜХУҮԌЬ", "ABCEHIJKMOPQSTVWXYYGb", strict=True)),
        **dict(zip("ҽӕѡ", ("e", "ae", "w"), strict=True)),
        # Greek
        **dict(zip("αγικνορστυϲϳη", "ayikvopotucjn", strict=True)),
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC", strict=True)),
        # Armenian
        **dict(zip("օսհոցզՍՕ", "ouhngqUO", strict=True)),
        # Latin
        **dict(zip("ıȷɑɡɩʋᴄᴏᴠᴡᴢꜱƖǀøØłŁđĐħŧ", "ijagiucovwzslloOlLdDht", strict=True)),
        "0": "o",
        "1": "l",
        "|": "l",
    }
)
_CAPITAL_I: Final = str.maketrans({"I": "l"})
_KEPT: Final = ("L", "N", "S")
"""Letters, numbers and symbols: a bar may stand for an l."""
_WIDE: Final = str.maketrans({"m": "rn", "w": "vv"})


@lru_cache(maxsize=1 << 16)
def skeletons(name: str) -> frozenset[str]:
    """One for readers who see capitals, one for those who do not; none for a name of nothing."""
    plain = _bare(name).translate(_LIKE)
    if not plain:
        return frozenset()
    blind = _bare(plain.casefold()).translate(_LIKE)
    return frozenset(
        (f"A{plain.translate(_CAPITAL_I).translate(_WIDE)}", f"a{blind.translate(_WIDE)}")
    )


def _bare(text: str) -> str:
    """Without accents, width, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(one for one in decomposed if unicodedata.category(one)[0] in _KEPT)
