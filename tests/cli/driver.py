"""The `loom` command over a fake node: `python -m tests.cli.driver ARGUMENTS`."""

from loom.cli import opening
from loom.cli.main import main
from loom.config import home_of
from tests.fakes import ServedProfiles

if __name__ == "__main__":
    opening.open_profiles = lambda settings: ServedProfiles(home_of(settings))
    main()
