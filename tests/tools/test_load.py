"""Loading own tools from files and modules; every complaint is one line with its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gloveport.tools.load import ToolLoadError, load_tools

HEAD = "from gloveport.tools.guarded import guarded_tool\n"
TOOL = '''
@guarded_tool
def {name}(a: int) -> int:
    """Doc."""
    return a
'''


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_files_and_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = write(tmp_path / "tools.py", HEAD + TOOL.format(name="one") + TOOL.format(name="two") + "\nalias = one\n")
    (tmp_path / "sub").mkdir()
    other = write(tmp_path / "sub" / "tools.py", HEAD + TOOL.format(name="three"))  # the same file name
    (tmp_path / "company_x").mkdir()
    write(tmp_path / "company_x" / "__init__.py", "from .inner import four\n")
    write(tmp_path / "company_x" / "inner.py", HEAD + TOOL.format(name="four"))
    monkeypatch.syspath_prepend(str(tmp_path))
    tools = load_tools([one, other, "company_x"])
    assert [tool.spec.name for tool in tools] == ["one", "two", "three", "four"]


def test_neighbours_and_postponed_hints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    write(
        tmp_path / "neighbour_of_tools.py", "from dataclasses import dataclass\n\n@dataclass\nclass Item:\n    n: int\n"
    )
    text = (
        "from __future__ import annotations\nfrom neighbour_of_tools import Item\n"
        + HEAD
        + '@guarded_tool\ndef f(item: Item) -> int:\n    """Doc."""\n    return item.n\n'
    )
    (tool,) = load_tools([write(tmp_path / "t.py", text)])
    assert "Item" in str(tool.spec.input_schema)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n", "{file}: no function in it has @guarded_tool"),
        ("x = (\n", "{file}:1: SyntaxError: '(' was never closed"),
        ("import nowhere_to_be_found\n", "{file}:1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("\n\nfoo\n", "{file}:3: NameError: name 'foo' is not defined"),
        ("def f():\n    raise ValueError('pass" + "word')\nf()\n", "{file}:2: ValueError"),
        ("import json\njson.loads('{')\n", "{file}:2: JSONDecodeError"),
        ("import sys\nsys.exit('bye')\n", "{file}:2: SystemExit"),
        ("raise ImportError('a\\nb')\n", "{file}:1: ImportError: a b"),
        (
            HEAD + "@guarded_tool\ndef f(a) -> int:\n    'Doc.'\n",
            "{file}:2: ToolDefinitionError: parameter a has no",
        ),
        (HEAD + TOOL.format(name="a__b"), "{file}:3: ToolDefinitionError: 'a__b' is no name for a tool"),
    ],
)
def test_complaints(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path / "mine.py", text)
    with pytest.raises(ToolLoadError) as error:
        load_tools([file])
    assert str(error.value).startswith(says.format(file=file))
    assert "\n" not in str(error.value)
    assert "password" not in str(error.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    for entry in (str(tmp_path / "missing.py"), "no.such.module"):
        with pytest.raises(ToolLoadError) as error:
            load_tools([entry])
        assert str(error.value).startswith(entry)


def test_a_failed_import_is_not_remembered(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.py", "oops\n")
    with pytest.raises(ToolLoadError):
        load_tools([file])
    write(tmp_path / "mine.py", HEAD + TOOL.format(name="mended"))
    assert [tool.spec.name for tool in load_tools([file])] == ["mended"]


def test_names_are_unique(tmp_path: Path) -> None:
    one = write(tmp_path / "one.py", HEAD + TOOL.format(name="same"))
    other = write(tmp_path / "other.py", "\n" + HEAD + TOOL.format(name="same"))
    with pytest.raises(ToolLoadError) as error:
        load_tools([one, other])
    assert str(error.value) == f"{other}:4: tool 'same' has the name of another, at {one}:3"
    with pytest.raises(ToolLoadError, match="name of another tool"):
        load_tools([one], taken=["same"])


def test_an_import_cannot_write_to_standard_output(tmp_path: Path) -> None:
    """Standard output is the protocol of a stdio server: prints, raw writes and children's words must not reach it."""
    text = (
        HEAD
        + "import os, subprocess, sys\nprint('printed')\nos.write(1, b'written\\n')\n"
        + "subprocess.run([sys.executable, '-c', 'print(\"child\")'], check=True)\n"
        + TOOL.format(name="f")
    )
    file = write(tmp_path / "noisy.py", text)
    script = f"from gloveport.tools.load import load_tools\nprint('before')\nload_tools([{file!r}])\nprint('after')\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "before\nafter\n"
    assert sorted(done.stderr.split()) == ["child", "printed", "written"]


def test_own_tools_need_neither_mcp_nor_the_chain() -> None:
    script = (
        "import sys\nimport gloveport.tools.load, gloveport.tools.files.tools\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('mcp', 'langchain_core', 'sqlglot', 'numpy')"
        " or m.startswith('gloveport.guardrails')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
