"""Refusing one stranger with 200 contacts: time, and that no public-key operation runs."""

from bench.harness import Contender, Row, Target, Unit, pending
from bench.peers import primitives

ROWS = (
    Row(
        "stranger",
        "refusing one stranger, 200 contacts",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.core.link")),
            Contender("200 x hmac.digest", primitives.hmac_200),
        ),
        (Target("200 x hmac.digest", at_most=1.5),),
    ),
    Row(
        "stranger-calls",
        "public-key calls for one stranger",
        Unit.CALLS,
        (Contender("loom", pending("loom.core.link")),),
        (Target(at_most=0),),
    ),
)
