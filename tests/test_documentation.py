"""The README and the docs, held against the program."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ginga.misc.Settings import SettingGroup

import ginga_bkgplugin
from ginga_bkgplugin import BackgroundParameters, Frame, Recipe, fit_background, judge
from ginga_bkgplugin.cli.parser import all_commands
from ginga_bkgplugin.files.names import KINDS
from ginga_bkgplugin.files.writing import write_fits
from ginga_bkgplugin.recipe.recipe import GROUPS
from ginga_bkgplugin.sky.simulate import SimulatedField
from ginga_bkgplugin.work.pipeline import finish, run
from ginga_bkgplugin.work.saving import make_product

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"^```python\n([^`]*?)^```\n\nprints `([^`]+)`", re.MULTILINE)


def _load_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = _load_tables()


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _filled(name: str) -> str:
    return str(tables.fill(_text(DOCS / name)))


def _blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in FENCE.findall(_text(page)) if kind == language]


def _cases(language: str) -> list[object]:
    return [pytest.param(page, id=page.name) for page in PAGES if _blocks(page, language)]


@pytest.fixture
def after_the_demo(
    tmp_path: Path, field: SimulatedField, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A folder as `make demo` leaves it."""
    (tmp_path / "demo-output").mkdir()
    write_fits(tmp_path / "demo-output" / "field.fits", field.data, field.header)
    monkeypatch.chdir(tmp_path)
    yield


# --- the examples


@pytest.mark.usefixtures("after_the_demo")
@pytest.mark.parametrize("page", _cases("python"))
def test_the_python_examples_of_a_page_run(page: Path) -> None:
    script = Path("page.py")
    script.write_text("\n\n".join(_blocks(page, "python")), encoding="utf-8")

    # a process of its own: one page imports parts of Ginga before a toolkit is chosen
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.usefixtures("after_the_demo")
def test_the_notebook_runs_and_is_kept_without_outputs() -> None:
    pytest.importorskip("matplotlib")
    notebook = json.loads(_text(tables.NOTEBOOK))
    code = [text for kind, text in tables.notebook_cells() if kind == "code"]
    environment = {**os.environ, "MPLBACKEND": "Agg"}

    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, env=environment
    )

    assert ended.returncode == 0, ended.stderr
    assert "the same arrays: True" in ended.stdout
    assert notebook["nbformat"] == 4
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    assert _filled("notebook.md").count("```python\n") == len(code)


@pytest.mark.parametrize(
    "code, printed",
    [each for page in ("method.md", "choosing.md") for each in PRINTS.findall(_text(DOCS / page))],
)
def test_an_example_prints_what_the_page_says(code: str, printed: str) -> None:
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(code, {})

    assert told.getvalue().strip() == printed


@pytest.mark.parametrize("page", _cases("sh"))
def test_the_shell_examples_of_a_page_are_understood(page: Path) -> None:
    for line in "".join(_blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["ginga-bkg"]:
            all_commands().parse_args(words[1:])


@pytest.mark.parametrize("page", _cases("sh"))
def test_the_make_targets_of_a_page_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", "".join(_blocks(page, "sh")), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "benchmarks.md"])
def test_the_demo_measures_what_the_page_says(page: Path, field: SimulatedField) -> None:
    found = re.findall(
        r"^  (?:this recipe|plain SEP, no mask) +([+-][\d.]+) +([+-][\d.]+)$",
        _text(page),
        re.MULTILINE,
    )
    result = finish(run(field.data, Recipe(regions=(field.galaxy,))))
    plain = fit_background(field.data, BackgroundParameters())
    good = np.isfinite(field.data)
    y, x = np.indices(field.data.shape)
    under = np.hypot(x - field.galaxy.x, y - field.galaxy.y) < field.galaxy.radius / 2
    measured = [
        [((level - field.sky) / field.noise)[where].mean() for where in (good, under)]
        for level in (result.fit.level, plain.level)
    ]

    # the demo draws its circle with the mouse: it is off by up to a pixel
    assert np.array(found, dtype=float) == pytest.approx(np.array(measured), abs=0.02)


# --- nothing forgotten


def _subcommands() -> dict[str, argparse.ArgumentParser]:
    for action in all_commands()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the command line has no commands")


def test_every_command_and_option_is_in_the_docs() -> None:
    page = _filled("command-line.md")
    for command, parser in _subcommands().items():
        assert f"## ginga-bkg {command}" in page
        for action in parser._actions:
            for option in action.option_strings:
                assert option in page, f"{command} {option}"


def test_the_usage_shown_is_that_of_the_right_command() -> None:
    page = _filled("command-line.md")
    for command in _subcommands():
        assert f"usage: ginga-bkg {command} " in page


def test_every_parameter_is_in_the_docs_with_label_option_and_card() -> None:
    page = _filled("parameters.md")
    for group in GROUPS.values():
        for name, _, _, rule in group.rules():
            row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
            option = "--" + name.replace("_", "-")
            for word in (rule.label, f"`{option}`", f"`{rule.card}`", rule.help):
                assert word in row


def test_the_example_of_the_settings_file_has_every_setting_as_it_is() -> None:
    plugin = Path(ginga_bkgplugin.__file__).parent / "viewer" / "plugin.py"
    (defaults,) = (
        node.keywords
        for node in ast.walk(ast.parse(plugin.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_defaults"
    )
    example = ROOT / "ginga_bkgplugin" / "examples" / "configs" / "plugin_Background.cfg"
    settings = SettingGroup("plugin_Background", preffile=str(example))
    settings.load(onError="raise")

    assert settings.get_dict() == {each.arg: ast.literal_eval(each.value) for each in defaults}
    for block in _blocks(DOCS / "user-guide.md", "ini"):
        for name, value in re.findall(r"^(\w+) = (.+)$", block, re.MULTILINE):
            assert settings[name] == float(value)


def test_every_header_card_is_in_the_docs(field: SimulatedField) -> None:
    page = _filled("files.md")
    frame = Frame(field.data, header=field.header)
    result = finish(run(field.data, Recipe().with_parameters(passes=1)))
    for kind in KINDS:
        ours = set(make_product(frame, result, kind).header) - set(frame.header)
        for card in ours - {"HISTORY", "SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2"}:
            assert f"`{card}`" in page


def test_every_line_of_a_verdict_is_in_the_docs(field: SimulatedField) -> None:
    page = _filled("judging.md")
    found = judge(field.data, finish(run(field.data, Recipe().with_parameters(passes=1))))
    for line in found.verdict.lines:
        assert re.search(rf"^\| {line.name} \|", page, re.MULTILINE), line.name


def test_every_public_name_is_in_the_docs() -> None:
    page = _text(DOCS / "python-api.md")
    for name in ginga_bkgplugin.__all__:
        listed = rf"^   {name}$"
        assert name == "__version__" or re.search(listed, page, re.MULTILINE), name


def test_every_request_for_a_table_is_answered() -> None:
    for page in DOCS.glob("*.md"):
        assert "<!-- table" not in _filled(page.name), page.name


# --- messages


def _message(node: ast.expr) -> str:
    """The literal parts of a string in the source, with … for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return _message(node.left) + _message(node.right)
    return "…"


def _strings_of_the_package() -> tuple[str, dict[str, str]]:
    """All strings in one, and the messages of our own errors by place."""
    everything, raised = [], {}
    for path in sorted(Path(ginga_bkgplugin.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                everything.append(_message(node))
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                name = getattr(node.exc.func, "id", "")
                message = _message(node.exc.args[0])
                if hasattr(ginga_bkgplugin, name) and message.strip("…: "):
                    raised[f"{path.name}:{node.lineno}"] = message
    return "\n".join(everything), raised


STRINGS, RAISED = _strings_of_the_package()
FRAGMENTS = re.findall(r"^\| `([^`]+)` \|", _text(DOCS / "troubleshooting.md"), re.MULTILINE)


def _matches(fragment: str, message: str) -> bool:
    words = [re.escape(part.strip()) for part in fragment.split("…") if part.strip()]
    return re.search(r".*".join(words), message) is not None


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_message_in_troubleshooting_is_one_of_ours(fragment: str) -> None:
    assert _matches(fragment.removeprefix("ginga-bkg: "), STRINGS)


@pytest.mark.parametrize("place", RAISED)
def test_an_error_raised_has_its_cure_in_troubleshooting(place: str) -> None:
    assert any(_matches(fragment, RAISED[place]) for fragment in FRAGMENTS), RAISED[place]


# --- links and pictures


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_a_page_links_to_exist(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", _text(page)):
        if "://" not in link:
            assert (page.parent / link).is_file(), link


@pytest.mark.parametrize("name", ["method", "choosing", "notebook"])
def test_every_figure_of_a_page_stands_beside_its_command(name: str) -> None:
    page, script = (_text(DOCS / file) for file in (f"{name}.md", "make_figures.py"))
    listed = re.search(rf"^{name.upper()}: .*?^}}", script, re.MULTILINE | re.DOTALL)
    assert listed is not None
    figures = re.findall(r'^    "([\w-]+)": [\w.]+,$', listed[0], re.MULTILINE)
    files = {path.name: path.stat().st_size for path in (DOCS / "images").glob(f"{name}-*.png")}

    assert set(files) == {f"{name}-{figure}.png" for figure in figures}
    assert max(files.values()) < 120_000
    for figure in figures:
        assert f"(images/{name}-{figure}.png)\n\n" in page
        assert f"`python docs/make_figures.py {figure}`" in page


@pytest.mark.parametrize("script", ["make_figures", "make_screenshots"])
def test_a_script_of_the_pictures_finds_what_it_imports(script: str) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("qtpy")
    ended = subprocess.run(
        [sys.executable, "-c", f"import {script}"], cwd=DOCS, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr


def test_every_picture_is_used_and_small() -> None:
    pages = "".join(map(_text, PAGES))
    pictures = sorted((DOCS / "images").glob("*.png"))

    assert pictures
    for picture in pictures:
        assert f"images/{picture.name}" in pages
        assert picture.stat().st_size < 300_000, picture.name
