"""The command line: parse, call, print. What the commands do is elsewhere."""

from kmipd.cli.root import main

__all__ = ["main"]
