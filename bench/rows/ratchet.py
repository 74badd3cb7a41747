"""The Double Ratchet: in order, ping-pong, in reverse."""

from bench.harness import Contender, Row, Target, Unit, pending
from bench.peers import double_ratchet, vodozemac

ROWS = (
    Row(
        "in-order",
        "encrypt + decrypt, 64 B, in order",
        Unit.RATE,
        (
            Contender("loom", pending("loom.core.ratchet")),
            Contender("vodozemac", vodozemac.in_order),
            Contender("DoubleRatchet", double_ratchet.in_order),
        ),
        (Target("vodozemac", at_least=0.6), Target("DoubleRatchet", at_least=3)),
    ),
    Row(
        "ping-pong",
        "one turn with a new ratchet key",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.core.ratchet")),
            Contender("vodozemac", vodozemac.ping_pong),
            Contender("DoubleRatchet", double_ratchet.ping_pong),
        ),
        (Target("vodozemac", at_most=3), Target("vodozemac", at_most=2.5, stretch=True)),
    ),
    Row(
        "reverse",
        "of 1,000 in reverse, delivered",
        Unit.MESSAGES,
        (
            Contender("loom", pending("loom.core.ratchet")),
            Contender("vodozemac", vodozemac.reversed_kept),
        ),
        (Target(at_least=1_000),),
    ),
    Row(
        "reverse-cost",
        "each of 1,000 in reverse",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.core.ratchet")),
            Contender("loom in order", pending("loom.core.ratchet")),
        ),
        (Target("loom in order", at_most=1.5),),
    ),
)
