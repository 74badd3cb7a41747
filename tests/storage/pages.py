"""What a file holds once decrypted: every page, also free ones and those of the log."""

from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

PAGE_BYTES = 4_096
IV_AND_MAC_BYTES = 80
SALT_BYTES = 16
LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24


def decrypted(path: Path, key: bytes) -> bytes:
    """All pages of the database and of its log, in the clear (SQLCipher 4, 4,096-byte pages)."""
    data = path.read_bytes()
    pages = [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]
    clear = [_page(page, key, SALT_BYTES if i == 0 else 0) for i, page in enumerate(pages)]
    return b"".join(clear + _log_pages(path.with_name(path.name + "-wal"), key))


def _log_pages(path: Path, key: bytes) -> list[bytes]:
    log = path.read_bytes()[LOG_HEADER_BYTES:] if path.exists() else b""
    size = FRAME_HEADER_BYTES + PAGE_BYTES
    frames = [log[at : at + size] for at in range(0, len(log) - size + 1, size)]
    return [
        _page(frame[24:], key, SALT_BYTES if frame[:4] == b"\0\0\0\1" else 0) for frame in frames
    ]


def _page(page: bytes, key: bytes, skip: int) -> bytes:
    end = PAGE_BYTES - IV_AND_MAC_BYTES
    cipher = Cipher(AES(key), CBC(page[end : end + 16])).decryptor()
    return cipher.update(page[skip:end]) + cipher.finalize()
