"""Two processes on loopback: from sending to the receipt, durable on both disks."""

from bench.harness import Contender, Row, Target, Unit, pending
from bench.peers import echo, toxcore

ROWS = (
    Row(
        "receipt",
        "receipt time, one in flight, two processes",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.node.node")),
            Contender("toxcore", toxcore.receipt),
            Contender("asyncio echo", echo.round_trip),
        ),
        (Target("toxcore", at_most=1 / 50),),
    ),
    Row(
        "acknowledged-32",
        "acknowledged with 32 in flight",
        Unit.RATE,
        (
            Contender("loom", pending("loom.node.node")),
            Contender("toxcore", toxcore.acknowledged_32),
            Contender("asyncio echo", echo.echoed_32),
        ),
        (Target("toxcore", at_least=30),),
    ),
    Row(
        "acknowledged-2048",
        "acknowledged with 2,048 in flight",
        Unit.RATE,
        (
            Contender("loom", pending("loom.node.node")),
            Contender("toxcore", toxcore.acknowledged_2048),
            Contender("asyncio echo", echo.echoed_2048),
        ),
        (Target("toxcore", at_least=1),),
    ),
)
