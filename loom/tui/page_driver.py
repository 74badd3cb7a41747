"""The page of `loom web`, as textual's driver sees it; its server's end is the end of the app."""

from typing import TYPE_CHECKING, Any

from textual.drivers.web_driver import WebDriver

if TYPE_CHECKING:
    from loom.tui.drawing import DrawnApp


class PageDriver(WebDriver):
    """Speaks with the server through the standard streams."""

    _app: "DrawnApp[Any]"

    def run_input_thread(self) -> None:
        """Keys, until the server hangs up."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._loop.call_soon_threadsafe(self._app.leave)
