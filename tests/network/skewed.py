"""Runs the Python command that follows with a clock as wrong as a file says, in seconds.

`python -m tests.network.skewed FILE python -m loom ...`: namespaces know no calendar of their own,
and the file can put the clock right while the node runs.
"""

import runpy
import sys
from pathlib import Path

from loom.app import assembly


class SkewedClock(assembly.SystemClock):
    """The machine's clock, and what the file says."""

    file: Path

    def now_ms(self) -> int:
        """Unix time in milliseconds, as this host believes."""
        return super().now_ms() + int(self.file.read_text()) * 1_000


def main() -> None:
    """Take the place of the command."""
    file, _python, _option, module, *arguments = sys.argv[1:]
    SkewedClock.file = Path(file)
    assembly.SystemClock = SkewedClock  # type: ignore[misc]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
