"""Walks through every schedule of the model, breadth first."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from tests.model.delivery import Delivery
from tests.model.promises import is_agreed, is_delivered
from tests.model.world import Broken, Budget, Step, World

ROUNDS: Final = 6
_NOTHING_MORE: Final = Budget((0, 0), (0, 0))


class Explored(NamedTuple):
    """How far a walk went."""

    worlds: int
    steps: int
    is_complete: bool


def explore(rules: Delivery, first: World, limit: int) -> Explored:
    """Every world within the budget, breadth first, and from each a quiet end.

    Raises:
        Broken: a promise fails; the message tells the shortest way there.
    """
    came_from: dict[World, tuple[World, Step] | None] = {first: None}
    settled: dict[World, bool] = {}
    layer, steps = [first], 0
    while layer:
        following: list[World] = []
        for world in layer:
            try:
                rules.check(world)
                if not _settles(rules, world, settled):
                    raise Broken(
                        "not all is delivered on one session though nothing fails any more"
                    )
                for step, after in rules.successors(world):
                    steps += 1
                    if after not in came_from:
                        came_from[after] = world, step
                        following.append(after)
            except Broken as broken:
                raise Broken(f"{broken}: {_way(came_from, world)}") from broken
            if len(came_from) >= limit:
                return Explored(len(came_from), steps, is_complete=False)
        layer = following
    return Explored(len(came_from), steps, is_complete=True)


def _settles(rules: Delivery, world: World, settled: dict[World, bool]) -> bool:
    """Whether a few quiet hours deliver everything, and then one more text each way."""
    world = replace(world, budget=_NOTHING_MORE)
    path = _until_delivered(rules, world, settled)
    if path[-1] not in settled:
        more = rules.say(rules.say(path[-1], 0), 1)
        last = _until_delivered(rules, more, {})[-1]
        settled[path[-1]] = is_delivered(path[-1]) and is_agreed(last)
    settled.update(dict.fromkeys(path, settled[path[-1]]))
    return settled[world]


def _until_delivered(rules: Delivery, world: World, known: dict[World, bool]) -> list[World]:
    path = [world]
    while len(path) <= ROUNDS and path[-1] not in known and not is_delivered(path[-1]):
        path.append(rules.quiet_round(path[-1]))
    return path


def _way(came_from: dict[World, tuple[World, Step] | None], world: World) -> str:
    steps: list[str] = []
    while (before := came_from[world]) is not None:
        world, step = before
        steps.append(str(step))
    return ", ".join(reversed(steps)) or "at once"
