"""Runs the `loom` command that follows, and notes in a file each chunk of a file that it stores.

counting.py LOG PYTHON -m loom ARGUMENT ...
"""

import os
import runpy
import sys

from loom.storage.file_store import FileStore


def main() -> None:
    """See above."""
    log, _, _, module, *arguments = sys.argv[1:]
    write = FileStore.write
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def noted(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        write(store, blob_id, index, sealed)
        os.write(out, f"{blob_id.hex()}:{index}\n".encode())

    FileStore.write = noted  # type: ignore[method-assign, assignment]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
