"""A folder that somebody sent, on its way to a disk."""

import io
import tarfile
import tempfile
from pathlib import Path

from fuzz.draw import Draw
from fuzz.target import Target
from loom.errors import FolderRefused, InvalidInput
from loom.front.folder_unpacking import Unpacking
from loom.received_names import received_name

_KINDS = (
    *(tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE),
    *(tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XGLTYPE),
)
_NAMES = (
    *(
        "a",
        "b",
        "a/b",
        "a/b/c",
        "..",
        "../x",
        "/x",
        "a/../x",
        "a/./x",
        "a//x",
        "",
        ".bashrc",
        "nul",
    ),
    *(
        "a:b",
        "a?b",
        "x" * 120,
        "\u202egpj.exe",
        "a/\udcff",
        "out",
        "out/x",
        "~",
        "-rf",
        "a" + "/a" * 40,
    ),
)


def _archive(draw: Draw) -> bytes:
    file = io.BytesIO()
    form = draw.choice((tarfile.PAX_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as tar:
        for _ in range(draw.number(8)):
            info = tarfile.TarInfo(draw.choice(_NAMES))
            info.type = draw.choice(_KINDS)
            info.linkname = draw.choice(("../outside", "/etc", "a", "."))
            content = draw.some() if info.type == tarfile.REGTYPE else b""
            info.size = draw.integer(40) if draw.number(8) == 1 else len(content)
            if draw.number(8) == 1:
                info.pax_headers = {"GNU.sparse.realsize": "1" * 12}
            tar.addfile(info)
            file.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))
            tar.offset += len(content) + -len(content) % tarfile.BLOCKSIZE
    return file.getvalue()


def _names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def run(data: bytes) -> None:
    """Whatever is unpacked is one new folder of private plain files, or nothing at all."""
    draw = Draw(data)
    archive = draw.edited(_archive(draw)) if draw.flag() else draw.rest()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as made:  # noqa: S108
        outside, into = Path(made, "outside"), Path(made, "into")
        for one in (outside, into):
            one.mkdir()
        (into / "got").symlink_to(outside)
        try:
            with Unpacking(into, "got", len(archive)) as unpacking:
                unpacking.feed(archive[:600])
                unpacking.feed(archive[600:])
                unpacking.finish()
        except (FolderRefused, InvalidInput) as error:
            str(error)
            assert _names_in(into) == ["got"]
        else:
            assert _names_in(into) == ["got", "got (2)"]
        assert _names_in(outside) == []
        assert _names_in(Path(made)) == ["into", "outside"]
        for one in (into / "got (2)").rglob("*"):
            assert not one.is_symlink()
            assert one.stat().st_mode & 0o7777 == (0o700 if one.is_dir() else 0o600)
            assert received_name(one.name.partition(" (")[0]) == one.name.partition(" (")[0]
        size = sum(one.stat().st_size for one in (into / "got (2)").rglob("*") if one.is_file())
        assert size <= len(archive)


TARGET = Target(
    run=run,
    seeds=(
        b"\1\0\3" + bytes(60),
        b"\1\0\7" + bytes(range(64)),
        b"\1\1\7" + bytes(reversed(range(200))),
        b"\1\0\4\1\1\0\0\0\2\0\0\4abcd\0\0" + bytes(40),
        b"\0" + bytes(1_024),
    ),
    max_bytes=2_048,
    executions=300,
)
