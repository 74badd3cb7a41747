"""The encrypted store against plain SQLite, both durable at every commit."""

from bench.harness import Contender, Row, Target, Unit, pending
from bench.peers import sqlite

ROWS = (
    Row(
        "insert-one",
        "durable insert with full-text index, one per commit",
        Unit.RATE,
        (
            Contender("loom", pending("loom.storage.messages")),
            Contender("sqlite", sqlite.insert_one),
        ),
        (Target("sqlite", at_least=0.6),),
    ),
    Row(
        "insert-grouped",
        "durable insert with full-text index, 100 per commit",
        Unit.RATE,
        (
            Contender("loom", pending("loom.storage.messages")),
            Contender("sqlite", sqlite.insert_grouped),
        ),
        (Target("sqlite", at_least=0.6),),
    ),
    Row(
        "unlock",
        "unlock without Argon2id",
        Unit.SECONDS,
        (Contender("loom", pending("loom.storage.vault")), Contender("sqlite", sqlite.open_)),
        (Target("sqlite", at_most=3),),
    ),
    Row(
        "newest-50",
        "newest 50 of a conversation of 1,000,000",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.storage.messages")),
            Contender("sqlite", sqlite.newest_50),
        ),
        (Target("sqlite", at_most=1.5),),
    ),
)
