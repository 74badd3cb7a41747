"""One target under atheris, in a process of its own: `python -m fuzz.coverage_guided TARGET ...`.

libFuzzer's options follow the target's name; it never returns.
"""

import sys

import atheris


def main() -> None:
    """Instrument product and targets, then fuzz one target until an option says to stop."""
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["loom", "fuzz"]):
        from fuzz.target import load

        target = load(name)
    atheris.Setup([sys.argv[0], *options], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
