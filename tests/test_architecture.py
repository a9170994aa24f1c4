"""The layers, read from the imports of every module."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ginga_bkgplugin"
TESTS = Path(__file__).parent
LAYERS = ("recipe", "sky", "files", "work")
DOORS = len(LAYERS)  # viewer/, cli/ and __init__.py stand beside one another, above the layers
FORBIDDEN = {"utils", "helpers", "common", "manager", "core", "base"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _folder(module: str) -> str:
    """``ginga_bkgplugin.sky.mesh`` -> ``sky``; the package itself -> ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _rank(folder: str) -> int:
    return LAYERS.index(folder) if folder in LAYERS else DOORS


def _imports(tree: ast.AST) -> set[str]:
    """Everything imported anywhere below a node, as dotted names."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _own(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("ginga_bkgplugin.")}


def _tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _by_path(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def test_every_layer_is_found() -> None:
    assert {_folder(_name(path)) for path in MODULES} >= {*LAYERS, "__init__"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_layer_imports_only_from_its_own_and_the_ones_before(path: Path) -> None:
    rank = _rank(_folder(_name(path)))

    later = {name for name in _own(_imports(_tree(path))) if _rank(_folder(name)) > rank}

    assert not later


def test_the_rule_of_layers_sees_an_import_that_breaks_it() -> None:
    tree = ast.parse("def f():\n    from ginga_bkgplugin.work import image")

    assert {_rank(_folder(name)) for name in _own(_imports(tree))} == {LAYERS.index("work")}


@_by_path([path for path in MODULES if _folder(_name(path)) == "viewer"])
def test_the_viewer_never_imports_the_command_line(path: Path) -> None:
    assert "cli" not in {_folder(name) for name in _own(_imports(_tree(path)))}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if _folder(_name(path)) in (*LAYERS, "__init__")], ids=_name
)
def test_no_layer_below_the_viewer_imports_ginga_or_qt(path: Path) -> None:
    assert not _tops(_imports(_tree(path))) & {"ginga", "qtpy", "PySide6", "PyQt6", "PyQt5"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if _folder(_name(path)) == "recipe"], ids=_name
)
def test_the_recipe_layer_needs_the_standard_library_only(path: Path) -> None:
    assert _tops(_imports(_tree(path))) <= {*sys.stdlib_module_names, "ginga_bkgplugin"}


@pytest.mark.parametrize("module", ["ginga_bkgplugin", "ginga_bkgplugin.work.worker"])
def test_importing_in_a_fresh_interpreter_loads_neither_ginga_nor_qt(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(tops & {'ginga', 'qtpy', 'PySide6', 'PyQt6', 'matplotlib'}), 'sep' in tops)"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert answer.strip() == f"[] {module != 'ginga_bkgplugin'}"  # that loads what is asked for


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    names = {part for path in MODULES for part in _name(path).split(".")}

    assert not names & FORBIDDEN


@pytest.mark.parametrize("root", [PACKAGE, TESTS], ids=lambda root: root.name)
def test_no_file_is_longer_than_350_lines(root: Path) -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in root.rglob("*.py")
    }

    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_the_public_names_are_sorted_unique_and_there() -> None:
    package = importlib.import_module("ginga_bkgplugin")

    assert package.__all__ == sorted(set(package.__all__))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_every_public_name_is_said_once_to_a_type_checker_and_once_to_python() -> None:
    package = importlib.import_module("ginga_bkgplugin")
    typed = {
        (node.module, alias.name)
        for node in ast.walk(_tree(PACKAGE / "__init__.py"))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ginga_bkgplugin.")
        for alias in node.names
        if alias.name != "package_version"
    }

    homes = {
        (f"ginga_bkgplugin.{home}", name)
        for home, names in package._HOMES.items()
        for name in names
    }
    assert typed == homes
    assert {name for _, name in homes} == set(package.__all__) - {"__version__"}
