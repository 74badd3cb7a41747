"""Folders: what is packed, and that no archive unpacks to more than a new folder of plain files."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import FolderRefused, InvalidInput
from loom.front import folder_packing, folder_unpacking, free_names
from loom.front.folder_packing import PackedFolder
from loom.front.folder_unpacking import Unpacking
from loom.received_names import received_name

Tar = list[tuple[tarfile.TarInfo, bytes]]


def unpack(data: bytes, into: Path, *, piece: int = 700, name: str = "got") -> Path:
    with Unpacking(into, name, len(data)) as unpacking:
        for at in range(0, len(data), piece):
            unpacking.feed(data[at : at + piece])
        return unpacking.finish()


def packed(path: Path) -> bytes:
    folder = PackedFolder.of(path)
    data = b"".join(folder.pieces(1_000))
    assert len(data) == folder.size_bytes
    return data


def tree(path: Path) -> dict[str, bytes | None]:
    return {
        str(one.relative_to(path)): one.read_bytes() if one.is_file() else None
        for one in path.rglob("*")
    }


def tar_of(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, data in entries:
            info.size = info.size or len(data)
            tar.addfile(info, io.BytesIO(data.ljust(info.size, b"\0")) if data else None)
    return file.getvalue()


def plain(name: str, data: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


def special(name: str, kind: bytes, to: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info, b""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    mine = tmp_path / "mine"
    (mine / "b" / "deep").mkdir(parents=True)
    (mine / "empty").mkdir()
    (mine / "a.txt").write_bytes(b"hello")
    (mine / "b" / "nothing").write_bytes(b"")
    (mine / "b" / "deep" / "big.bin").write_bytes(os.urandom(600_000))
    (mine / "b" / ("long " * 40 + ".txt")).write_bytes(b"1" * 512)
    (mine / "Ünïcödé 漢字.txt").write_bytes(b"2" * 513)
    return mine


def test_a_folder_arrives_as_it_was(mine: Path, tmp_path: Path) -> None:
    got = unpack(packed(mine), tmp_path)
    assert got == tmp_path / "got"
    assert tree(got) == tree(mine)
    assert {one.stat().st_mode & 0o777 for one in got.rglob("*") if one.is_file()} == {0o600}
    assert {one.stat().st_mode & 0o777 for one in got.rglob("*") if one.is_dir()} == {0o700}


def test_the_same_content_is_the_same_bytes_whoever_has_it_and_when(
    mine: Path, tmp_path: Path
) -> None:
    other = unpack(packed(mine), tmp_path)
    os.utime(other / "a.txt", (1, 1))
    (other / "a.txt").chmod(0o640)
    assert packed(other) == packed(mine)
    with tarfile.open(fileobj=io.BytesIO(packed(mine))) as tar:
        infos = tar.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in infos} == {
        (0, 0, "", "", 0)
    }
    assert [one.name for one in infos if "/" not in one.name] == [
        *("a.txt", "b", "empty", "Ünïcödé 漢字.txt")
    ]


def test_links_and_devices_are_left_out(mine: Path) -> None:
    before = packed(mine)
    (mine / "link").symlink_to("/etc/passwd")
    (mine / "b" / "up").symlink_to("..")
    os.mkfifo(mine / "pipe")
    folder = PackedFolder.of(mine)
    assert folder.left_out == 3
    assert folder.files == 5
    assert packed(mine) == before


def test_a_file_that_changes_while_it_is_packed_ends_it(mine: Path) -> None:
    folder = PackedFolder.of(mine)
    (mine / "a.txt").write_bytes(b"hello, hello")
    with pytest.raises(InvalidInput, match=r"a\.txt changed"):
        list(folder.pieces(100))
    folder = PackedFolder.of(mine)
    (mine / "a.txt").unlink()
    (mine / "a.txt").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match=r"a\.txt cannot be read"):
        list(folder.pieces(100))


def test_a_folder_that_became_a_link_is_not_followed(mine: Path, tmp_path: Path) -> None:
    folder = PackedFolder.of(mine)
    (mine / "b").rename(tmp_path / "elsewhere")
    (mine / "b").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(folder.pieces(100))


def test_more_than_the_other_side_would_take_is_not_packed(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_packing, "FOLDER_ENTRIES_MAX", 7)
    with pytest.raises(InvalidInput, match="more than 7 files and folders"):
        PackedFolder.of(mine)
    monkeypatch.setattr(folder_packing, "FOLDER_ENTRIES_MAX", 8)
    monkeypatch.setattr(folder_packing, "FOLDER_DEPTH_MAX", 2)
    with pytest.raises(InvalidInput, match="too deep"):
        PackedFolder.of(mine)


def test_a_name_that_is_no_text_is_packed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Path(os.fsdecode(bytes(tmp_path / "mine") + b"/caf\xe9.txt")).write_bytes(b"1")
    assert tree(unpack(packed(tmp_path / "mine"), tmp_path)) == {"caf_.txt": b"1"}


TRAVERSALS = ["../x", "a/../../x", "/x", "//x", "./x", "a//x", "..", ".", "", "a/.", "a/..", "/"]


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_no_path_leads_out(name: str, kind: bytes, tmp_path: Path) -> None:
    folder = special("a", tarfile.DIRTYPE)
    data = tar_of(folder, special(name, kind))
    with pytest.raises(FolderRefused):
        unpack(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "entries",
    [
        [special("a", tarfile.SYMTYPE, "/etc")],
        [special("a", tarfile.SYMTYPE, ".."), plain("a/x")],
        [plain("b"), special("a", tarfile.LNKTYPE, "b")],
        [special("a", tarfile.LNKTYPE, "/etc/passwd")],
        [special("a", tarfile.CHRTYPE)],
        [special("a", tarfile.BLKTYPE)],
        [special("a", tarfile.FIFOTYPE)],
        [special("a", tarfile.CONTTYPE)],
        [special("a", tarfile.GNUTYPE_SPARSE)],
        [special("a", b"Z")],
        [plain("a/x")],
        [plain("a"), plain("a/x")],
        [special("a", tarfile.DIRTYPE), special("b", tarfile.DIRTYPE), plain("a/x")],
        [plain("a/" * 40 + "x")],
    ],
    ids=range(14),
)
def test_no_link_device_or_thing_out_of_place(entries: Tar, tmp_path: Path) -> None:
    with pytest.raises(FolderRefused):
        unpack(tar_of(*entries), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sparse_members_and_long_names_of_other_tars_are_refused(tmp_path: Path) -> None:
    sparse, data = plain("a")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": str(1 << 40)}
    with pytest.raises(FolderRefused):
        unpack(tar_of((sparse, data)), tmp_path)
    with pytest.raises(FolderRefused):
        unpack(tar_of(plain("n" * 300), form=tarfile.GNU_FORMAT), tmp_path)


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a tar" * 100,
        bytes(511),
        bytes(512) + b"more",
        _header("a", 1 << 40) + bytes(1_024),
        _header("a", -1) + bytes(1_024),
        _header("a", 100),
        _header("a", 100) + bytes(512),
        _header("a", 7, tarfile.DIRTYPE) + bytes(1_536),
        _header("x", 1 << 33, tarfile.XHDTYPE) + bytes(1_536),
        _header("x", 0, tarfile.XHDTYPE) + bytes(1_536),
        _header("x", 512, tarfile.XHDTYPE) + bytes(1_536),
        _header("x", 9, tarfile.XHDTYPE) + b"9 path=a\n".ljust(512, b"\0") + bytes(1_024),
        _header("x", 10, tarfile.XHDTYPE) + b"99 path=a\n".ljust(512, b"\0") + bytes(1_024),
        _header("x", 9, tarfile.XHDTYPE) + b"0 path=a\n".ljust(512, b"\0") + bytes(1_024),
        _header("x", 11, tarfile.XHDTYPE) + b"11 uid=1234\n".ljust(512, b"\0") + bytes(1_024),
    ],
    ids=range(16),
)
def test_what_is_no_archive_of_a_folder_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(FolderRefused):
        unpack(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_of_many_names_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_unpacking, "FOLDER_ENTRIES_MAX", 20)
    with pytest.raises(FolderRefused, match="more than 20 files"):
        unpack(tar_of(*(plain(f"{number}", b"") for number in range(21))), tmp_path)
    monkeypatch.setattr(free_names, "TRIES_MAX", 5)
    with pytest.raises(InvalidInput, match="There are 5 of the name a"):
        unpack(tar_of(*(plain("a", b"") for _ in range(6))), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_name_inside_is_a_received_name_and_none_is_overwritten(tmp_path: Path) -> None:
    names = ["con", ".bashrc", "a:b", "a?b", "a\\b", "x\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "-rf"]
    entries = [plain(name, str(number).encode()) for number, name in enumerate(names)]
    folders = [special("d:", tarfile.DIRTYPE), plain("d:/1"), special("d?", tarfile.DIRTYPE)]
    got = unpack(tar_of(*entries, *folders, plain("d?/2")), tmp_path)
    assert got.parent == tmp_path
    assert tree(got) == {
        "_con": b"0",
        "bashrc": b"1",
        "a_b": b"2",
        "a_b (2)": b"3",
        "a_b (3)": b"4",
        "xgpj.exe": b"5",
        "_rf": b"6",
        "d_": None,
        "d_/1": b"x",
        "d_ (2)": None,
        "d_ (2)/2": b"x",
    }


def test_a_folder_that_is_there_stays_and_the_new_one_lies_beside_it(
    mine: Path, tmp_path: Path
) -> None:
    for taken in ("got", "got (2)"):
        (tmp_path / taken).mkdir()
        (tmp_path / taken / "a.txt").write_text("mine")
    (tmp_path / "got (3)").symlink_to(tmp_path / "got")
    got = unpack(packed(mine), tmp_path)
    assert got == tmp_path / "got (4)"
    assert (tmp_path / "got" / "a.txt").read_text() == "mine"


def test_programs_inside_are_named(tmp_path: Path) -> None:
    data = tar_of(
        plain("a.exe"), plain("photo.jpg", b"\x7fELF"), plain("b.txt"), plain("c.sh", b"")
    )
    with Unpacking(tmp_path, "got", len(data)) as unpacking:
        for at in range(len(data)):
            unpacking.feed(data[at : at + 1])
        unpacking.finish()
        assert unpacking.programs == ["a.exe", "photo.jpg", "c.sh"]


def _folders() -> st.SearchStrategy[dict[str, object]]:
    names = st.text(
        st.characters(
            exclude_characters="/\0", categories=("L", "M", "N", "P", "S", "Z", "Cc", "Cf")
        ),
        max_size=8,
    )
    return st.recursive(
        st.binary(max_size=1_500),
        lambda inner: st.dictionaries(names.filter(lambda one: one not in ("", ".", "..")), inner),
        max_leaves=8,
    ).filter(lambda one: isinstance(one, dict))  # type: ignore[return-value]


def _write(path: Path, content: dict[str, object]) -> None:
    path.mkdir()
    for name, inner in content.items():
        if isinstance(inner, dict):
            _write(path / name, inner)
        else:
            assert isinstance(inner, bytes)
            (path / name).write_bytes(inner)


def _leaves(content: dict[str, object]) -> Iterator[bytes]:
    for inner in content.values():
        if isinstance(inner, dict):
            yield from _leaves(inner)
        else:
            assert isinstance(inner, bytes)
            yield inner


@given(content=_folders(), piece=st.integers(1, 3_000))
def test_no_file_of_any_folder_is_lost(
    content: dict[str, object], piece: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    there = tmp_path_factory.mktemp("any")
    _write(there / "mine", content)
    got = unpack(packed(there / "mine"), there, piece=piece)
    found = tree(got)
    assert sorted(one for one in found.values() if one is not None) == sorted(_leaves(content))
    for name in found:
        assert all(
            one.split(" (")[0] == received_name(one).split(" (")[0] for one in name.split("/")
        )


@given(data=st.data())
def test_a_changed_archive_unpacks_or_is_refused_and_leaves_nothing_else(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    there = tmp_path_factory.mktemp("changed")
    archive = bytearray(tar_of(special("a", tarfile.DIRTYPE), plain("a/é" + "y" * 120, b"z" * 700)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive) - 1))
        archive[at] = data.draw(st.integers(0, 255))
    try:
        unpack(bytes(archive), there)
    except (FolderRefused, InvalidInput):
        assert list(there.iterdir()) == []
    else:
        assert [one.name for one in there.iterdir()] == ["got"]
