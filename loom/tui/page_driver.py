"""The page of `loom web`, as Textual's driver sees it; its server's end is the end of the app."""

import os
import select
import sys
from codecs import getincrementaldecoder
from typing import cast

from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver

from loom.tui.driver import CHUNK_BYTES, LOOK_S, Leavable
from loom.tui.terminal_input import TerminalInput


class PageDriver(WebDriver):
    """Speaks with the server through the standard streams."""

    def run_input_thread(self) -> None:
        """Pass on what is typed until the app stops listening or the server hangs up."""
        packets = ByteStream()
        typed = TerminalInput(debug=self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        source = (sys.__stdin__ or sys.stdin).fileno()
        while not self.exit_event.is_set():
            if not select.select([source], [], [], LOOK_S)[0]:
                for message in typed.quiet():
                    self.process_message(message)
                continue
            data = os.read(source, CHUNK_BYTES)
            if not data:
                break
            for kind, payload in packets.feed(data):
                if kind == "D":
                    for message in typed.feed(decode(payload)):
                        self.process_message(message)
                else:
                    self._on_meta(kind, payload)
        if not self.exit_event.is_set():
            self._loop.call_soon_threadsafe(cast(Leavable, self._app).leave)
