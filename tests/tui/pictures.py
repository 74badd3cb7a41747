"""Pictures of the app, kept to be compared with what it paints now."""

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "snapshots"


def bare(picture: str) -> str:
    """An exported picture without what is not in it: nothing remote, the same at each run."""
    # The ids in a picture are a checksum of its content.
    picture = re.sub(r"terminal-\d+", "terminal", picture)
    # Nothing is fetched to look at one: the reader's own fonts do.
    picture = re.sub(r"@font-face \{[^}]*\}|<!--.*?-->", "", picture, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def compare(name: str, picture: str, folder: Path = FOLDER) -> None:
    """The picture against the kept one; a new one lies beside it where they differ."""
    picture = bare(picture)
    kept = folder / f"{name}.svg"
    if os.environ.get("LOOM_SNAPSHOTS") == "write":
        kept.write_text(picture, encoding="utf-8")
        return
    if not kept.exists() or kept.read_text(encoding="utf-8") != picture:
        beside = Path(os.environ.get("TMPDIR", "/tmp")) / f"loom-{name}.svg"  # noqa: S108
        beside.write_text(picture, encoding="utf-8")
        pytest.fail(f"{kept} looks different now: see {beside}")
