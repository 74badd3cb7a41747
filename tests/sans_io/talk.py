"""A conversation of numbered texts, each of which must show exactly once."""

from tests.sans_io.pair import Pair


class Talk:
    """Numbered texts, so that each can be looked for."""

    def __init__(self, seed: int) -> None:
        self.pair = Pair(seed)
        self.written: dict[int, list[str]] = {0: [], 1: []}

    def write(self, side: int) -> None:
        """One more text."""
        body = f"{side}:{len(self.written[side])}"
        self.written[side].append(body)
        self.pair.nodes[side].write(body)

    def chatter(self) -> None:
        """None to two texts from each."""
        for side in (0, 1):
            for _ in range(self.pair.chance.randrange(3)):
                self.write(side)

    def rough_round(self, minutes: int = 1) -> None:
        """A link that loses, doubles, delays and reorders."""
        self.pair.round(lose=0.3, double=0.2, delay=0.3, minutes=minutes)

    def end(self) -> None:
        """The clocks are right and the link is good again; both have one more thing to say."""
        self.pair.alice.clock_ms = self.pair.bob.clock_ms = 0
        self.write(0)
        self.write(1)
        self.pair.settle()
        self.check()

    def check(self, *, in_order: bool = False) -> None:
        """Everything written shows exactly once."""
        for side in (0, 1):
            shown = self.pair.nodes[1 - side].shown
            assert (shown if in_order else sorted(shown)) == (
                self.written[side] if in_order else sorted(self.written[side])
            )
