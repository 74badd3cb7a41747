"""Session and link handshakes, in units of one post-quantum signature."""

from bench.harness import Contender, Row, Target, Unit, pending
from bench.peers import primitives

SIGNATURE = Contender("ML-DSA-65 sign + verify", primitives.mldsa_sign_verify)

ROWS = (
    Row(
        "session-handshake",
        "whole session handshake, both sides' CPU",
        Unit.SECONDS,
        (Contender("loom", pending("loom.core.handshake")), SIGNATURE),
        (Target(SIGNATURE.name, at_most=4),),
    ),
    Row(
        "link-handshake",
        "whole link handshake, both sides' CPU",
        Unit.SECONDS,
        (Contender("loom", pending("loom.core.link")), SIGNATURE),
        (Target(SIGNATURE.name, at_most=0.6),),
    ),
)
