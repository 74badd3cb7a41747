"""Real nodes of two to five people, and everything that can go wrong in any order."""

from typing import Final

from fuzz.draw import Draw
from fuzz.people import HOUR_S, NAMES, Carriers, People
from fuzz.target import Target
from fuzz.world import in_world
from tests.node.harness import Person, World

STEPS_MAX: Final = 40
_PAUSES_S: Final = (0.0, 0.0005, 0.003, 0.02, 0.1, 1.5, 35.0, 700.0)
_NEAR_S: Final = (-5 * HOUR_S, -60.0, 60.0, 5 * HOUR_S)
_FAR_S: Final = (-72 * HOUR_S, 72 * HOUR_S)


def run(data: bytes) -> None:
    """Nothing is shown twice, out of order or lost unsaid; afterwards all talk on one session."""
    draw = Draw(data)
    carriers = Carriers()

    async def live(world: World) -> None:
        names = NAMES[: 2 + draw.choice((0, 0, 0, 0, 1, 1, 2, 3))]
        # A backup forgets a reset counter from days ahead that the other side remembers: the two
        # together keep a pair apart until that time has come.
        far_jumps = draw.flag()
        people = People(world, await world.friends(*names), carriers)
        for _ in range(STEPS_MAX):
            if draw.is_over:
                break
            await _step(draw, people, far_jumps=far_jumps)
        await people.finish()

    with carriers.at_work():
        in_world(live, logs_count=False)


async def _step(draw: Draw, people: People, *, far_jumps: bool) -> None:
    world = people.world
    one = draw.choice(people.everybody)
    other = draw.choice([person for person in people.everybody if person is not one])
    match draw.number(20):
        case 0 | 1 | 2:
            await people.send(one, other, 1 + draw.number(6), waits=draw.flag())
        case 3 | 4:
            await world.pass_time(draw.choice(_PAUSES_S))
        case 5:
            world.network.cut(one.host if draw.flag() else None)
        case 6:
            if draw.flag():
                world.network.partition(*({person.host} for person in people.everybody))
            else:
                world.network.heal()
        case 7:
            await one.crash()
        case 8 | 9:
            _doom(draw, one)
        case 10:
            await people.restart(one)
        case 11:
            if draw.flag():
                one.disk.full_at.add(one.disk.commits + 1 + draw.number(6))
            else:
                one.disk.is_full = draw.flag()
        case 12:
            _jump(draw, people, one, far=far_jumps and draw.flag())
        case 13:
            people.disturb(one, draw.choice(("drop", "double", "reorder")), 1 + draw.number(6))
        case 14:
            world.mute(one, other)
        case 15:
            await people.back_up(one)
        case 16 if not far_jumps:
            await people.restore(one)
        case 17:
            await people.forget_sessions(one)
        case 18:
            people.start_at_once(one, other)
        case _:
            await people.read(one, other)


def _doom(draw: Draw, one: Person) -> None:
    """Power goes at a commit to come, or wherever everybody is after some turns of the loop."""
    ahead = one.disk.commits + 1 + draw.number(8)
    match draw.number(3):
        case 0:
            one.disk.power_lost_after = ahead
        case 1:
            one.disk.power_lost_before = ahead
        case _:
            one.lose_power_in(draw.number(120))


def _jump(draw: Draw, people: People, one: Person, *, far: bool) -> None:
    jump_s = draw.choice(_FAR_S if far else _NEAR_S)
    for person in people.everybody:
        if person is one or (far and draw.flag()):
            person.clock.jumped_s += jump_s
    if far:
        people.days_pass_unevenly()


TARGET = Target(
    run=run,
    seeds=(
        b"",
        bytes([0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 5, 1]),
        bytes([0, 0, 0, 0, 15, 0, 0, 0, 3, 1, 1, 0, 1, 3, 1, 0, 0, 3, 5, 0, 0, 16, 0, 0, 0, 2]),
        bytes([0, 0, 0, 0, 13, 0, 2, 0, 0, 0, 5, 1, 0, 0, 13, 1, 3, 1, 0, 0, 5, 0]),
        bytes([6, 0, 2, 1, 0, 3, 0, 3, 0, 0, 3, 1, 0, 0, 17, 1, 0, 18, 0, 0, 0, 0, 0, 1]),
        bytes([0, 1, 0, 0, 12, 1, 1, 1, 1, 0, 0, 0, 2, 1, 0, 0, 12, 1, 0, 1, 1]),
        bytes([4, 0, 0, 0, 8, 1, 2, 0, 0, 0, 5, 0, 1, 0, 10, 1, 0, 9, 2, 40, 1, 0, 0, 3]),
    ),
    max_bytes=400,
    executions=8,
    time_max_s=30.0,
    memory_max_mib=128,
)
