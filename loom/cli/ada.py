"""Ada, who answers in `loom demo`: a few kind words, no network, no memory beyond the talk."""

import re
from datetime import datetime

HELP = (
    "I am a small script with a warm heart. Ask me the time, say `echo` and some words, "
    "ask how this works, or whether it is safe; `/quit` ends our talk."
)
GOING_OFFLINE = (
    "And now I go offline. Write to me all the same: your anchor keeps it, sealed, until I am back."
)
_REMARKS = (
    "Noted. It came to me encrypted, and I read it with pleasure.",
    "I like that. Tell me more?",
    "Go on, I am all ears.",
    "That arrived whole, and a receipt is on its way back to you.",
)
_HOW_IT_WORKS = (
    "Your words were sealed with a key made for this one message, crossed a TCP link that is "
    "encrypted again, and lie in my encrypted database. I answer the same way."
)
_HOW_SAFE = (
    "Each message has its own key, mixed from X25519 and ML-KEM. Compare safety numbers with "
    "`/verify` before you trust a name. Nobody has audited this yet, so be careful."
)
_ANSWERS: tuple[tuple[str, str], ...] = (
    (
        r"^(hi|hello|hey|hallo|moin|servus|good (morning|day|evening))\b",
        "Hello! I am Ada. It is good to hear from you. Say `help` to see what I can do.",
    ),
    (r"^/?help\b|what can you do", HELP),
    (r"how are you|how do you do", "Very well, thank you: my keys are fresh. And you?"),
    (
        r"(who|what) are you|your name|are you (a )?(bot|human|real)",
        "I am Ada, a script on this machine. The network between us is real: TCP on loopback.",
    ),
    (r"how (does|do) (this|it|you|loom) work|what is (this|loom)", _HOW_IT_WORKS),
    (r"safe|secure|secret|encrypt|quantum", _HOW_SAFE),
    (r"thank|danke|merci", "You are very welcome."),
    (
        r"\b(bye|goodbye|see you|ciao)\b",
        "Good-bye! It was a pleasure. Type `/quit` to leave.",
    ),
    (
        r"\bjoke\b",
        "Two keys meet. Says one: I have told nobody. Says the other: neither have I.",
    ),
    (r"weather", "In here it is always the temperature of the processor."),
)


def answer(text: str, *, turn: int, now: datetime) -> str:
    """What Ada says to `text`, the `turn`th message of the talk."""
    said = " ".join(text.split())
    if not said:
        return "You sent me silence. I enjoyed it."
    if echoed := re.match(r"/?echo\b[:,]?\s*(.*)", said, re.IGNORECASE):
        return echoed[1] or "Echo what?"
    if re.search(r"\btime\b|\bdate\b|what day", said, re.IGNORECASE):
        return f"My clock says {now:%H:%M} on {now:%A %d %B %Y}."
    for pattern, words in _ANSWERS:
        if re.search(pattern, said, re.IGNORECASE):
            return words
    if re.fullmatch(r"[\d\s.+*/()-]+", said):
        return "I leave sums to my namesake. She wrote the first program, after all."
    if said.endswith("?"):
        return "A good question. I am too small to know, but I am glad you asked me."
    return _REMARKS[turn % len(_REMARKS)]
