"""Fuzz one reader with atheris: `python -m tests.fuzz TARGET [MINUTES]`. What it learns is kept in .fuzz/TARGET.

Exits with 0 when nothing was found; else the input lies beside, and `python -m tests.fuzz TARGET FILE` repeats it.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kmipd.protocol", "kmipd.doors.https", "h11"]):
    from tests.fuzz.seeds import seeds, words
    from tests.fuzz.targets import TARGETS

_ROOT = Path(__file__).parents[2] / ".fuzz"


def _kept(target: str) -> Path:
    """The folder of inputs worth keeping, with the seeds in it."""
    folder = _ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    for data in seeds(target):
        (folder / hashlib.sha256(data).hexdigest()[:24]).write_bytes(data)
    return folder


def _dictionary(target: str) -> Path:
    _ROOT.mkdir(exist_ok=True)
    path = _ROOT / f"{target}.words"
    escaped = ["".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words(target)]
    path.write_text("".join(f'"{word}"\n' for word in escaped))
    return path


def main() -> None:
    target, amount = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "10"
    if not amount.replace(".", "").isdigit():
        TARGETS[target](Path(amount).read_bytes())
        return
    options = [
        f"-max_total_time={float(amount) * 60:.0f}",
        *([f"-dict={_dictionary(target)}"] if words(target) else []),
        f"-artifact_prefix={_ROOT}/{target}-",
        "-max_len=8192",
        "-timeout=10",  # seconds for one input
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(_kept(target))], lambda data: TARGETS[target](data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
