"""`python -m kmipd`."""

from kmipd.cli import main

if __name__ == "__main__":
    main(prog_name="kmipd")
