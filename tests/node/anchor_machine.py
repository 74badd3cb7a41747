"""A machine in the world of these tests on which an anchor runs."""

import random
import shutil
from pathlib import Path

from loom.anchor.anchor import Anchor, AnchorParts, prepare
from loom.anchor.limits import AnchorLimits
from loom.anchor.store import SCHEMA
from loom.api.anchor_commands import PairAnchor, UseAnchor
from loom.model import Address
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.harness import FakeClock, Person, World

PORT = 4_071


class AnchorMachine:
    """It can lose power, be wiped, and be put back to an old copy."""

    def __init__(self, world: World, name: str, limits: AnchorLimits | None = None) -> None:
        self.world = world
        self.name = name
        self.host = f"10.0.1.{len(world.anchors) + 1}"
        self.clock = FakeClock(world.loop)
        self.disk = Disk()
        self.limits = limits or AnchorLimits()
        self.is_running = False
        self.mask_key = random.Random(name).randbytes(16)
        self._folder = world.folder / f"anchor-{name}"
        self._random = random.Random(f"{world.seed}/{name}")
        self._anchor: Anchor | None = None
        self._database: OneThreadDatabase | None = None
        world.anchors.append(self)

    async def start(self) -> None:
        """Begin to listen."""
        self._folder.mkdir(exist_ok=True)
        is_new = not self.path.exists()
        self._database = database = OneThreadDatabase.on(self.disk, self.path, SCHEMA)
        if is_new:
            database.write_now(lambda db: prepare(db, self.mask_key, self.name))
        parts = AnchorParts(
            self.name,
            self._folder,
            database,
            self.limits,
            self.clock,
            self._random.randbytes,
            self.world.network.transport(self.host),
            lambda: [self.host],
        )
        self._anchor = Anchor(parts)
        await self._anchor.start(Address(self.host, PORT))
        self.is_running = True

    async def stop(self) -> None:
        """An orderly end."""
        if self._anchor is not None and self.is_running:
            self.is_running = False
            await self._anchor.close()

    async def crash(self) -> None:
        """Lose power: what is not committed never was."""
        if not self.is_running or self._anchor is None or self._database is None:
            return
        self.is_running = False
        self._database.is_dead = True
        self.world.network.crash(self.host)
        await self._anchor.close()

    async def wipe(self) -> None:
        """Everything is lost but the keys of the anchor itself."""
        await self.stop()
        for file in self._folder.glob("loom.db*"):
            file.unlink()
        await self.start()

    async def copy(self) -> Path:
        """A copy of the disk, made while it is off."""
        await self.stop()
        place = self._folder.with_name(f"{self._folder.name}-copy")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder, place)
        await self.start()
        return place

    async def put_back(self, copy: Path) -> None:
        """Be as at the time of the copy."""
        await self.stop()
        shutil.rmtree(self._folder)
        shutil.copytree(copy, self._folder)
        await self.start()

    async def forget_some(self, chance: random.Random) -> None:
        """It lies: some of what lies there never came."""
        await self.stop()
        database = OneThreadDatabase.on(Disk(), self.path, SCHEMA)
        db = database._writer.db
        for (seq,) in db.execute("SELECT seq FROM blobs").fetchall():
            if chance.random() < 0.5:
                db.execute("DELETE FROM blobs WHERE seq = ?", (seq,))
        if chance.random() < 0.5:
            db.execute("DELETE FROM bundles")
        db.commit()
        database.close()
        await self.start()

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._folder / "loom.db"

    @property
    def anchor(self) -> Anchor:
        """The running anchor."""
        assert self._anchor is not None
        return self._anchor

    async def text(self) -> str:
        """A pairing text."""
        given = await self.anchor.send(PairAnchor(addresses=[(self.host, PORT)], expires_s=3_600))
        return given.text

    async def serve(self, person: Person) -> None:
        """Somebody takes this anchor into use."""
        await person.do(UseAnchor(text=await self.text()))

    @property
    def queues(self) -> int:
        """How many it keeps."""
        return len(self.anchor._service.queues)

    @property
    def blobs(self) -> int:
        """How many lie here."""
        return self.anchor._service.blobs
