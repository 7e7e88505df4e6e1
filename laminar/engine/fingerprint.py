"""The code of a flow, as digests: whether an image holds the code that the scheduler has, and which layers differ.

A flow's code is the source of its layers' modules and of the project's modules that they import, directly or not. Project
modules are those below the application directory; installed packages are the image's own business. What only the program
runs, `if flow := F(): ...`, is no code of a layer: linkers may change without one.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from laminar.engine.ports import Datastore
from laminar.model.layer import Layer

_parsing = threading.Lock()
"""Python 3.11 fails to parse in two threads at one time: "AST constructor recursion depth mismatch"."""


class Code(NamedTuple):
    """The code of a flow.

    Attributes:
        modules: Module name -> digest of its source; equal modules are equal code, without looking closer.
        layers: Layer name -> digest of all that the layer is made of.
    """

    modules: Mapping[str, str]
    layers: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """A canonical form, whose SHA-256 is the fingerprint."""
        return json.dumps({"modules": self.modules, "layers": self.layers}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Code:
        """The inverse of `to_bytes`."""
        return cls(**json.loads(data))


def of_flow(layers: Iterable[type[Layer]], app_dir: str) -> Code:
    """The code of these layers, as it is on disk now."""
    sources = _Sources(app_dir)
    digests = {layer.__name__: sources.layer(layer) for layer in layers}
    return Code({name: _digest(text) for name, text in sorted(sources.read.items()) if text}, digests)


def differing(code: Code, layers: Iterable[type[Layer]], app_dir: str) -> list[str]:
    """The layers whose code here is not that of `code`; of those, first compares whole modules, which is cheap."""
    if all(_digest(_source(name)) == digest for name, digest in code.modules.items()):
        return []
    here = of_flow(layers, app_dir)
    return sorted(name for name, digest in code.layers.items() if here.layers.get(name) != digest)


def publish(code: Code, store: Datastore) -> str:
    """Put `code` into the store; returns the fingerprint by which an executor process finds it."""
    from laminar.engine import blobs

    data = code.to_bytes()
    with store.stage() as staged:
        staged.write(data)
        return blobs.publish(store, staged, sha256(data).hexdigest())


class _Sources:
    """Sources of project modules, each read and parsed once."""

    def __init__(self, app_dir: str) -> None:
        self._root = os.path.realpath(app_dir) + os.sep
        self.read: dict[str, str] = {}
        self._trees: dict[str, ast.Module] = {}

    def layer(self, layer: type[Layer]) -> str:
        """Digest of a layer: its classes, what stands around them in their modules, and the modules these import."""
        classes = [kind for kind in layer.__mro__ if self._project(kind.__module__)]
        parts = [self._class(kind) for kind in classes]
        reached: dict[str, None] = {}
        for kind in classes:
            self._reach(kind.__module__, reached)
        parts += [f"{name}\n{self._around(name)}" for name in sorted(reached)]
        return _digest("\0".join(parts))

    def _class(self, kind: type[Any]) -> str:
        tree = self._tree(kind.__module__)
        text = self.read[kind.__module__]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                return _segment(text, node)
        return text

    def _around(self, name: str) -> str:
        """The module without its layer classes, where it is a module of layers, and without what only schedules."""
        text, tree = self.read[name], self._tree(name)
        if not tree.body:
            return text
        module = sys.modules.get(name)
        values = vars(module) if module else {}
        layers = {
            value.__name__
            for value in values.values()
            if isinstance(value, type) and issubclass(value, Layer) and value.__module__ in (name, "__main__")
        }
        own: list[str] = []
        for node in tree.body:
            if isinstance(node, ast.If) and _schedules(node.test, values):
                own.append(ast.get_source_segment(text, node.test) or "")
                own += [_segment(text, other) for other in node.orelse]
            elif not (isinstance(node, ast.ClassDef) and node.name in layers):
                own.append(_segment(text, node))
        return "\n".join(own)

    def _reach(self, name: str, reached: dict[str, None]) -> None:
        if name in reached or not self._project(name):
            return
        reached[name] = None
        self._reach(name.rpartition(".")[0], reached)  # importing a.b runs a, too
        for node in ast.walk(self._tree(name)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._reach(alias.name, reached)
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(node, name)
                self._reach(base, reached)
                for alias in node.names:
                    self._reach(f"{base}.{alias.name}", reached)

    def _project(self, name: str) -> bool:
        """Whether `name` is a module of the project, whose source is then in `read`."""
        if name not in self.read:
            path = _file(name)
            inside = path and name.partition(".")[0] != "laminar" and os.path.realpath(path).startswith(self._root)
            self.read[name] = _source(name) if inside and f"{os.sep}site-packages{os.sep}" not in str(path) else ""
        return bool(self.read[name])

    def _tree(self, name: str) -> ast.Module:
        if name not in self._trees:
            try:
                with _parsing:
                    self._trees[name] = ast.parse(self.read[name])
            except (SyntaxError, ValueError):  # one that nobody imports, or that is being edited
                self._trees[name] = ast.Module(body=[], type_ignores=[])
        return self._trees[name]


def _schedules(test: ast.expr, values: Mapping[str, Any]) -> bool:
    """Whether what stands under `if TEST` runs in the program only: `if flow := F()`, `if flow`, `if __name__ == …`."""
    if isinstance(test, ast.Compare):
        return isinstance(test.left, ast.Name) and test.left.id == "__name__"
    name = test.target if isinstance(test, ast.NamedExpr) else test
    value = values.get(name.id) if isinstance(name, ast.Name) else None
    return any((kind.__module__, kind.__name__) == ("laminar.flow", "Flow") for kind in type(value).__mro__)


def _absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    file = _file(module) or ""
    package = module.split(".") if os.path.basename(file) == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _file(name: str) -> str | None:
    """Source file of a module, loaded or not; None where there is none."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return file if file and file.endswith(".py") else None
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec and spec.origin and spec.origin.endswith(".py") else None


def _source(name: str) -> str:
    """Source text of a module; empty where there is none."""
    path = _file(name)
    if path is None:
        return ""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return ""
    try:
        return importlib.util.decode_source(data)
    except (SyntaxError, UnicodeDecodeError):
        return data.decode("latin-1")  # Python does not read it either; its bytes still tell whether it is the same


def _segment(text: str, node: ast.stmt) -> str:
    """The source lines of a statement, decorators included. Lines, not syntax trees: Python's versions agree on these."""
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    return "\n".join(line.rstrip() for line in text.split("\n")[first - 1 : node.end_lineno])


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
