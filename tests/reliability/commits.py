"""Who commits: as the sources say it, and as a run shows it.

Found in the sources are the functions that a deed may come to, call by call, and of
those the ones that write rows or open a transaction. Seen in a run are the functions
on the stack of a write whose commit went through. What was found and never seen is
either a hole in the stories, or named with its reason.
"""

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]
APPS = ("tyk", "catalogue", "developers", "keyrequests", "portal_site")
# No deed of a person or a worker: other floors, tools, and the two sides of the wire.
_ELSEWHERE = {"admin", "management", "migrations", "dashboard", "sandbox", "runner"}
_WRITES = {
    "update",
    "create",
    "save",
    "delete",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
}


@dataclass
class Commits:
    """Functions whose writes were committed, as "module.function"."""

    seen: set[str] = field(default_factory=set)
    watching: bool = False
    _pending: set[str] = field(default_factory=set)

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        """The set of those seen in here."""
        self.seen, self.watching = set(), True
        try:
            yield self.seen
        finally:
            self.watching = False

    def wrote(self, frame: FrameType | None) -> None:
        """A statement of these callers wrote; it counts once it is committed."""
        if self.watching:
            self._pending |= set(_ours(frame))

    def kept(self) -> None:
        """What was written is committed."""
        self.seen |= self._pending
        self._pending.clear()

    def undone(self) -> None:
        """What was written was rolled back."""
        self._pending.clear()


def _ours(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] in APPS:
            yield f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back


# --- In the sources --------------------------------------------------------------------


@dataclass
class Function:
    """One function of ours: whom it may call, and whether it writes."""

    name: str
    calls: set[str] = field(default_factory=set)  # full names, or bare ones
    kinds: set[str] = field(default_factory=set)  # of outbox rows it asks for
    commits: bool = False


def found_from(deeds: Iterable[str], handlers: dict[str, str]) -> set[str]:
    """Functions that write or open a transaction, as far as `deeds` may come.

    `handlers` are the outbox kinds and their functions: what a deed asks for is
    part of it. A method is followed by its bare name, to all that are called so.
    """
    functions = _functions()
    waiting, reached = list(deeds), set[str]()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        function = functions[name]
        waiting += [other for call in function.calls for other in _meant(call)]
        waiting += [handlers[kind] for kind in function.kinds if kind in handlers]
    return {name for name in reached if functions[name].commits}


def _meant(call: str) -> list[str]:
    """The functions a call may mean: that of its full name, or all of a bare one."""
    functions, passed_on = _functions(), _passed_on()
    if "." not in call:
        return [name for name in functions if name.split(".")[-1] == call]
    while call not in functions and call in passed_on:
        call = passed_on[call]
    return [call] if call in functions else []


@cache
def _modules() -> dict[str, ast.Module]:
    found = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if not set(name.replace("_", ".").split(".")) & _ELSEWHERE:
                found[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


@cache
def _passed_on() -> dict[str, str]:
    """Names a module imports, by their full name there."""
    return {
        f"{module}.{name}": source
        for module, tree in _modules().items()
        for name, source in _imported(tree).items()
    }


@cache
def _functions() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for module, tree in _modules().items():
        found |= _in_module(module, tree)
    return found


def _in_module(module: str, tree: ast.Module) -> dict[str, Function]:
    imported = _imported(tree)
    found: dict[str, Function] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}.{node.name}")
            elif isinstance(node, ast.FunctionDef):
                name = f"{prefix}.{node.name}"
                found[name] = _function(name, node, module, imported)

    visit(tree.body, module)
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """What a name at the top of a module stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _function(
    name: str, node: ast.FunctionDef, module: str, imported: dict[str, str]
) -> Function:
    function = Function(name)
    function.commits = any(
        isinstance(part, ast.Attribute) and part.attr == "atomic"
        for part in ast.walk(node)
    )
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            function.calls |= _called(part.func, module, imported)
            function.kinds |= _asked_for(part)
            function.commits |= _writes(part.func)
    return function


def _called(target: ast.expr, module: str, imported: dict[str, str]) -> set[str]:
    if isinstance(target, ast.Name):
        return {imported.get(target.id, f"{module}.{target.id}")}
    if not isinstance(target, ast.Attribute):
        return set()
    owner = target.value
    if isinstance(owner, ast.Name) and owner.id in imported:
        return {f"{imported[owner.id]}.{target.attr}"}
    return {target.attr}


def _asked_for(call: ast.Call) -> set[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = call.func.id if isinstance(call.func, ast.Name) else name
    first = call.args[0] if call.args else None
    if name == "enqueue" and isinstance(first, ast.Constant):
        return {str(first.value)}
    return set()


def _writes(target: ast.expr) -> bool:
    """A write of rows: `…objects.create(`, `rows.update(`, `row.save(`."""
    return isinstance(target, ast.Attribute) and target.attr in _WRITES
