"""`python -m desk.cli`: the same as the command `desk`."""

from desk.cli import main

if __name__ == "__main__":
    main()
