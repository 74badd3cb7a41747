"""What an idle daemon keeps in memory."""

from bench.harness import Contender, Row, Target, Unit, pending

ROWS = (
    Row(
        "idle-memory",
        "idle daemon, 500 contacts, resident",
        Unit.MIB,
        (Contender("loom", pending("loom.node.node")),),
        (Target(at_most=60),),
    ),
)
