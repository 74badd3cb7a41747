"""`python -m loom`: the same as the `loom` command."""

from loom.cli.main import main

if __name__ == "__main__":
    main()
