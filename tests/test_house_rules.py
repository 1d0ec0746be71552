"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("kmipd/**/*.py"), *ROOT.glob("pkcs11/**/*.py")])
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
# Tables of the standard are as long as the standard's; everything else that is longer says why here.
LONG_MODULES = {
    "kmipd/spec/enumerations.py": "the enumerations of the standard",
    "kmipd/spec/tags.py": "the tags of the standard",
    "kmipd/spec/attribute_rules.py": "the attribute tables of the standard",
    "kmipd/spec/objects.py": "the objects of the standard",
}
ALLOWED_AT_TOP = {"kmipd", "pkcs11", "tests", "certs", "softhsm", "docs", ".ci", ".github"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_top_level_is_the_one_that_was_chosen() -> None:
    tracked = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))}
    assert tracked - ALLOWED_AT_TOP - {"build", "dist", "kmipd.egg-info"} == set()


def test_pkcs11_is_no_package() -> None:
    """A regular package of that name would shadow python-pkcs11, and its wheel would overwrite it."""
    assert not (ROOT / "pkcs11/__init__.py").exists()
    assert not (ROOT / "tests/pkcs11").exists(), "name it tests/tokens: even pytest would be shadowed"
    found = importlib.util.find_spec("pkcs11")
    assert found is not None
    assert found.origin is not None, "pkcs11 is a namespace: python-pkcs11 is not installed"
    assert ROOT not in Path(found.origin).parents or ".venv" in found.origin


def test_the_wheel_holds_two_packages() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["packages"] == ["kmipd", "pkcs11/kmipd_pkcs11"]
    assert build["dev-mode-dirs"] == [".", "pkcs11"]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_are_short(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    if _name(path) in LONG_MODULES:
        assert lines > MODULE_LINES_MAX, "it is short again: take it off the list"
    else:
        assert lines <= MODULE_LINES_MAX


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_functions_are_short(path: Path) -> None:
    long = {
        f.name: (f.end_lineno or 0) - f.lineno + 1
        for f in _functions(path)
        if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES_MAX
    }
    if "migrations/versions" in _name(path):
        return  # a migration is a list of tables
    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_left_to_be_done() -> None:
    marker = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XXX)\b")
    assert [_name(p) for p in SOURCES if marker.search(p.read_text())] == []


def test_secrets_are_never_arguments() -> None:
    """No command takes a PIN, a password or a key as an option: every user of the machine can read argv."""
    option = re.compile(r'option\(\s*"--(pin|password|secret|key-material)"')
    assert [_name(p) for p in SOURCES if option.search(p.read_text())] == []
