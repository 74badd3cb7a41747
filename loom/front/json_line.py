"""One JSON object on one line: the same for `--json` and for what is exported."""

import re
from typing import Final

import msgspec

_encoder = msgspec.json.Encoder()
# Lossless for a JSON reader, harmless for a terminal: C1 controls, line and bidi controls.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def json_line(value: msgspec.Struct) -> str:
    """One object on one line, with `v` and `type`."""
    text = _encoder.encode(value).decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
