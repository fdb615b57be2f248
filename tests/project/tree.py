"""The repository as these tests look at it: its files as git knows them, and the imports of its modules.

Files that are ignored (the environment, what runs left) are no part of the project and are not listed.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PACKAGES = ("desk", "media_store")


@cache
def list_files() -> tuple[str, ...]:
    """Every file of the project, kept or about to be kept, as a path from the top."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    output = subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(name for name in output.split("\0") if name and (TOP / name).is_file()))


def list_modules(*folders: str) -> list[str]:
    """The Python files below these folders (default: both packages)."""
    chosen = folders or PACKAGES
    return [name for name in list_files() if name.endswith(".py") and name.split("/")[0] in chosen]


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def parse(path: str) -> ast.Module:
    return ast.parse((TOP / path).read_text(encoding="utf-8"), path)


def list_imports(path: str) -> Iterator[str]:
    """Dotted names a file imports, those under TYPE_CHECKING and inside functions too.

    `from desk.web import access` gives both desk.web and desk.web.access, since either may be the module.
    """
    package = module_name(path).split(".")
    if not path.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def imports_any(path: str, *targets: str) -> bool:
    """Whether a file imports one of these modules or something inside them."""
    return any(name == target or name.startswith(f"{target}.") for name in list_imports(path) for target in targets)
