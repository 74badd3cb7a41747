"""Texts in the scripts that a search treats in its own way, with all that may stand between."""

from hypothesis import strategies as st

_LETTERS = (
    *"abBcßÄéøЖйёΣς12",
    *"ａＢ１ªﬁ①㎏",
    *"東京都大學々〇",
    *"かがきアガー",
    *("\u30ab", "\uff76", "\uff9e", "\u3099"),  # KA, half-width KA and its mark, the mark
    *"한국학교하",
    *("\u1112", "\u1161", "\u11ab"),
    *"กรุงเทพที่น้ำ",
    *"မြန်ខ្មែ",
    *"हिन्दी",
    *"مُحَ",
    *("\u0301", "\u0323", "\u200d", "\u200b", "\u00ad", "\ufe0f", "\u20e3"),
    *"😀👍🏽🇩🇪❤",
    *("\U0001e900", "\ue000", "\U00020bb7"),
)
_BETWEEN = (*"     .,'-_:!\"()*^+", "\n", "\0", "\u3000", "・", "。", "’", "—", "€", "©")
MIXED = st.text(st.sampled_from(_LETTERS + _BETWEEN), max_size=30)
