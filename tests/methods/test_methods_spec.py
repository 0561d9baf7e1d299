"""The description of a method: known without torch, the same in the file's text, its code and the docs."""

from __future__ import annotations

import importlib
import itertools
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from otolith import methods
from otolith.errors import RecipeError
from otolith.methods.spec import MethodSpec, Paper, read_spec
from otolith.recipes import load_recipe
from otolith.report import names
from otolith.system.registry import import_file

NAMES = methods.names()
HOME = Path(__file__).parents[2]
CODE = ("settings", "encoder", "build", "train")
MINE = """\
from otolith.methods import MethodSpec, Paper

SPEC = MethodSpec(
    name="simclr2",
    title="SimCLR v2 (of a test)",
    label="SimCLR v2",
    short="SimCLR2",
    summary="two views",
    paper=Paper("Chen et al.", year=2020, title="Big Self-Supervised Models", venue="NeurIPS"),
    needs=("labels",),
)
"""


def file_of(name: str) -> str:
    (found,) = (
        path.stem
        for path in (HOME / "src/otolith/methods").glob("*.py")
        if any(spec.name == name for spec in read_spec(lambda: sys.modules[__name__], path))
    )
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_from_the_text_is_what_the_module_says(name: str) -> None:
    stem = file_of(name)
    module = importlib.import_module(f"otolith.methods.{stem}")
    (read,) = read_spec(lambda: module, Path(str(module.__file__)))
    assert read is not module.SPEC
    for field in fields(MethodSpec):
        assert (field.name in vars(read)) == (field.name not in CODE)
    for field in fields(MethodSpec):
        assert getattr(read, field.name) == getattr(module.SPEC, field.name), field.name
    assert stem == name.replace("-", "_")


def test_descriptions_need_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['numpy'] = None\n"
        "from otolith import methods\n"
        "assert methods.spec('byol').paper.year == 2020\n"
        "print(*methods.names())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == list(NAMES)


def test_a_description_has_all_that_tables_show() -> None:
    order = [methods.spec(name).order for name in NAMES]
    assert order == sorted(set(order))
    for name in NAMES:
        spec = methods.spec(name)
        assert all((spec.title, spec.label, spec.short, spec.summary))
        assert spec.paper is not None
        assert 2000 <= spec.paper.year <= 2030
        assert (names.method_title(name), names.method_short(name)) == (spec.label, spec.short)
        assert ("labels" in spec.needs) == (spec.end_to_end or spec.own_head)
    assert sorted(NAMES, key=names.method_order) == list(NAMES)
    assert (names.method_title("other"), names.method_short("other")) == ("other", "other")
    assert names.method_order("other") > names.method_order(NAMES[-1])


def table() -> list[str]:
    """The table of docs/methods.md, made from the specs."""
    lines = ["| name | what it learns from | needs | encoder | after | module |", "|---|---|---|---|---|---|"]
    for name in NAMES:
        spec = methods.spec(name)
        after = ", ".join(part for part in (str(spec.paper), spec.section) if part)
        needs = ", ".join(spec.needs) or "–"
        own = spec.own_encoder or "either"
        lines.append(f"| `{name}` | {spec.summary} | {needs} | {own} | {after} | `methods/{file_of(name)}.py` |")
    return lines


def test_the_docs_table_is_that_of_the_specs() -> None:
    text = (HOME / "docs/methods.md").read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(text) if line.startswith("|"))
    found = list(itertools.takewhile(lambda line: line.startswith("|"), text[first:]))
    assert found == table(), "\n" + "\n".join(table())


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_recipe_has_its_settings(name: str) -> None:
    for recipe in ("paper", "compact"):
        assert load_recipe(recipe, "uci-har").settings_of(name) is not None


def test_a_name_may_hold_a_digit(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    with methods.REGISTRY.preserved():
        assert methods.add_file(path) == ["simclr2"]
        assert methods.names()[-1] == "simclr2"
        spec = methods.spec("simclr2")
        assert spec.paper == Paper("Chen et al.", 2020, "Big Self-Supervised Models", "NeurIPS")
        assert methods.listed().endswith("random or simclr2")
        assert names.method_short("simclr2") == "SimCLR2"
        assert set(re.findall(r"`([a-z][a-z0-9-]*)`", f"`{'`, `'.join(methods.names())}`")) == set(methods.names())
        assert spec.build is None
        assert spec.settings() is not None
        assert spec.encoder is methods.spec("random").encoder
    assert "simclr2" not in methods.names()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SPEC = MethodSpec", "SPEC: MethodSpec = MethodSpec"),
        ("SPEC = MethodSpec", "SPEC=MethodSpec"),
        ("SPEC = MethodSpec", "import otolith.methods as m\nSPEC = m.MethodSpec"),
        ("from otolith", '"""A docstring, with\nSPEC = MethodSpec(\nas an example."""\nfrom otolith'),
        ('"SimCLR2"', '"Sim" "CLR2"'),
        ('"SimCLR2",', '"SimCLR2",  # a comment with ) and "'),
        ("from otolith", "\ufefffrom otolith"),
        ("\n", "\r\n"),
        ("from otolith", "# -*- coding: latin-1 -*-\nfrom otolith"),
        ("SPEC = MethodSpec(", "SPECS = [dict(\n"),
        ("SPEC = MethodSpec(", "import otolith.methods as m\nmade = m.register(MethodSpec)(\n"),
        ("SPEC = MethodSpec(", "Kind = MethodSpec\nSPEC = Kind("),
    ],
)
def test_a_description_is_found_however_it_is_written(tmp_path: Path, old: str, new: str) -> None:
    path, text = tmp_path / "mine.py", MINE.replace(old, new)
    if "dict(" in text:
        text = text.rstrip() + "]\nSPECS = [MethodSpec(**given) for given in SPECS]\n"
    elif "register" in text:
        text = text.replace("m.register(MethodSpec)(", "m.register(MethodSpec(").rstrip() + ")\n"
    path.write_bytes(text.encode())
    with methods.REGISTRY.preserved():
        assert methods.add_file(path) == ["simclr2"]
        assert methods.spec("simclr2").short == "SimCLR2"
        assert methods.spec("simclr2").build is None


def test_a_file_that_cannot_be_imported_says_so_once_its_code_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import nothing_of_that_name\n" + MINE)
    with methods.REGISTRY.preserved():
        assert methods.add_file(path) == ["simclr2"]
        for _ in range(2):
            with pytest.raises(RecipeError, match=r"mine.py cannot be loaded as a method: ModuleNotFoundError"):
                _ = methods.spec("simclr2").settings


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('    summary="two views",\n', "", "lacks summary; give each as a keyword argument"),
        ('"SimCLR2"', "str(2)", r"short of the SPEC in .*mine.py is 'str\(2\)'; write it as a literal"),
        ('    needs=("labels",),', '    needs="labels",', "write it as a literal of its type"),
        ('    needs=("labels",),', '    order="9",', "write it as a literal of its type"),
        ('"SimCLR2",', '"SimCLR2', "cannot be loaded as a method: SyntaxError"),
        ("SPEC = ", "OTHER = ", "holds no method"),
    ],
)
def test_a_file_whose_description_cannot_be_read_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.py"
    assert old in MINE
    path.write_text(MINE.replace(old, new))
    with methods.REGISTRY.preserved(), pytest.raises(RecipeError, match=message):
        methods.add_file(path)


def test_a_spec_has_no_other_attributes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    (spec,) = read_spec(lambda: import_file(path), path)
    with pytest.raises(AttributeError, match="'MethodSpec' object has no attribute 'weight'"):
        _ = spec.weight  # type: ignore[attr-defined]
    assert "settings" not in repr(spec)


@pytest.mark.parametrize("name", methods.names())
def test_it_is_pretrained_where_it_says_so(name: str) -> None:
    assert methods.spec(name).pretrained == (methods.spec(name).build is not None)
