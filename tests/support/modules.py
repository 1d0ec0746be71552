"""Shared objects that are called PKCS#11 modules, and are none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def built(directory: Path, name: str, body: str) -> Path:
    """A module whose C_GetFunctionList is this C code."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library = directory / f"{name}.c", directory / f"{name}.so"
    source.write_text(
        f"#include <fcntl.h>\n#include <unistd.h>\nint C_GetFunctionList(void **list) {{ {body} return 0; }}\n"
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def hanging(directory: Path) -> tuple[Path, Path]:
    """A module that hangs when it is loaded, and the file that it makes then."""
    marker = directory / "hangs now"
    return built(directory, "hangs", f'close(creat("{marker}", 0600)); for (;;) sleep(10);'), marker
