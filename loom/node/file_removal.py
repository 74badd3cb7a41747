"""What no file holds any more leaves the disk, after its keys have left the database."""

import asyncio
import logging
from collections.abc import Callable

from loom.errors import LoomError
from loom.model import FileId
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.storage.file_store import FileStore

log = logging.getLogger(__name__)


class Removal:
    """One per node."""

    def __init__(self, database: Database, store: FileStore) -> None:
        self._database = database
        self._store = store
        self.on_gone: Callable[[FileId], None] = lambda file_id: None
        """A file is served and fetched no longer."""

    async def start(self) -> None:
        """Finish what was begun before; content that nothing names goes, uploads do."""

        def look(db: Db) -> set[bytes]:
            for upload in files.uploads(db):
                files.delete(db, upload.row_id)
            return files.blobs(db)

        try:
            known = await self._database.write(look)
            await asyncio.to_thread(self._store.remove_others, known)
            await self.run()
        except LoomError as error:
            log.warning("files: %s", error.code)

    async def run(self) -> None:
        """Nothing of a file that is gone is on the disk afterwards, or after the next time."""
        try:
            while gone := await self._database.read(files.gone):
                for one in gone:
                    self.on_gone(one.file_id)
                blobs = [one.blob_id for one in gone if one.blob_id is not None]
                if blobs:
                    await asyncio.to_thread(self._remove, blobs)
                done = [one.file_id for one in gone]
                await self._database.write(lambda db: files.was_removed(db, done))  # noqa: B023
        except LoomError as error:
            log.warning("files: not removed yet: %s", error.code)

    def _remove(self, blobs: list[bytes]) -> None:
        for one in blobs:
            self._store.remove(one)
