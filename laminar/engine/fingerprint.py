"""The code of a flow, as digests: whether an image holds the code that the scheduler has, and which layers differ.

A flow's code is the source of its layers' modules and of the project's modules that they import, directly or not. Project
modules are those below the application directory; installed packages are the image's own business. What only the program
runs, `if flow := F(): ...`, is no code of a layer: linkers may change without one. What it defines there, and the
module names elsewhere, is code: layers in threads of the program see it.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, NamedTuple

from laminar.engine.ports import Datastore
from laminar.model.layer import Layer

_MAIN = ("__name__ == '__main__'", "'__main__' == __name__")
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
        guards = [node for node in tree.body if isinstance(node, ast.If) and _schedules(node.test, values)]
        named = layers | _named(node for node in tree.body if node not in guards)
        own: list[str] = []
        for node in tree.body:
            if node in guards:
                assert isinstance(node, ast.If)
                own.append(ast.get_source_segment(text, node.test) or "")
                own += [_segment(text, other) for other in [*_defining(node.body, named), *node.orelse]]
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
                with _parsing, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the import has said them, with the file's name
                    self._trees[name] = ast.parse(self.read[name])
            except (SyntaxError, ValueError):  # one that nobody imports, or that is being edited
                self._trees[name] = ast.Module(body=[], type_ignores=[])
        return self._trees[name]


def _schedules(test: ast.expr, values: Mapping[str, Any]) -> bool:
    """Whether what stands under `if TEST` runs in the program only.

    So it does under `if flow := F()`, `if flow` and `if __name__ == "__main__"`.
    """
    if isinstance(test, ast.Compare):
        return ast.unparse(test) in _MAIN
    name = test.target if isinstance(test, ast.NamedExpr) else test
    value = values.get(name.id) if isinstance(name, ast.Name) else None
    return any((kind.__module__, kind.__name__) == ("laminar.flow", "Flow") for kind in type(value).__mro__)


def _named(nodes: Iterable[ast.stmt]) -> set[str]:
    """The names that statements use."""
    inner = (each for node in nodes for each in ast.walk(node))
    return {each.id for each in inner if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _defining(body: Sequence[ast.stmt], named: set[str]) -> list[ast.stmt]:
    """Of what a guard holds, all but mere expressions, such as `flow(...)`; nothing where none of it is named elsewhere."""
    kept = [node for node in body if not isinstance(node, ast.Expr)]
    return kept if any(_bound(each) & named for node in kept for each in ast.walk(node)) else []


def _bound(node: ast.AST) -> set[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return {name}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name.partition(".")[0] for alias in names}
    return set()


def _absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    file = _file(module) or ""
    package = module.split(".") if os.path.basename(file) == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _file(name: str) -> str | None:
    """Source file of a module, loaded or not; None where there is none. Nothing is imported to find it."""
    file = None
    with suppress(Exception):  # whatever stands in sys.modules, and whoever else finds modules here
        if name in sys.modules:
            file = getattr(sys.modules[name], "__file__", None)
        else:
            spec = _spec(name)
            file = spec.origin if spec else None
    return file if isinstance(file, str) and file.endswith(".py") else None


def _spec(name: str) -> ModuleSpec | None:
    """As `importlib.util.find_spec`, which imports the packages above the module: what they do is not to be done here."""
    package, _, last = name.rpartition(".")
    if not package:
        return importlib.util.find_spec(name)
    if package in sys.modules:
        return PathFinder.find_spec(last, list(sys.modules[package].__path__))
    above = _spec(package)
    path = above.submodule_search_locations if above else None
    return None if path is None else PathFinder.find_spec(last, list(path))


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
