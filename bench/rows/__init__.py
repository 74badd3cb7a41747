"""Every row, in the order of the table of targets; one file per group."""

from bench.harness import Row
from bench.rows import (
    anchor,
    command,
    delivery,
    handshake,
    hostile,
    idle,
    invite,
    mail,
    memory,
    ratchet,
    recovery,
    room_nodes,
    rooms,
    search,
    statements,
    store,
    stranger,
    tui,
)

ALL: tuple[Row, ...] = (
    *ratchet.ROWS,
    *handshake.ROWS,
    *stranger.ROWS,
    *anchor.ROWS,
    *invite.ROWS,
    *hostile.ROWS,
    *delivery.ROWS,
    *mail.ROWS,
    *statements.ROWS,
    *rooms.ROWS,
    *room_nodes.ROWS,
    *store.ROWS,
    *search.ROWS,
    *command.ROWS,
    *recovery.ROWS,
    *memory.ROWS,
    *idle.ROWS,
    *tui.ROWS,
)
