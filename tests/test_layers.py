"""Who may know whom, read from the syntax trees: nobody imports those who come later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "symadamax"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A stage may import those before it.
STAGES = [
    "affine", "operations", "ir", "costs", "graph", "walk", "constants", "heads", "logistic",
    "softmax", "factors", "lowering", "indexing", "meaning", "trace", "differentiate", "expand",
    "gather", "sampling", "sharding", "steps", "nests", "separate", "schedule", "special",
    "numpy_code", "numpy_loops", "layout", "writer", "elementary", "emission", "llvm_adamax",
    "llvm_code", "llvm_march", "llvm_lanes", "llvm_loops", "sizes", "binding", "native",
    "loop_stages",
]  # fmt: skip
BESIDE = ["parts", "naming", "matrices", "readable"]  # SymPy -> SymPy: no stages
BOOK = [
    "symbols", "algorithm", "reference", "rules", "printing", "steps", "prove", "moments", "bias",
    "norm", "limit", "update", "symmetry", "bounds", "longer", "places", "average", "convergence",
    "refutations", "errata", "equations",
]  # fmt: skip
LAYERS = [
    "errors", "_build", "_core", "derivation", "machine", "compiler", "points", "data", "sources",
    "given", "sharded", "lambdify", "sizing", "objective", "solver", "schedules",
]  # fmt: skip

SYMPY = {
    "given.py", "lambdify.py", "sizing.py", "objective.py", "schedules.py", "parse.py", "model.py",
    "fit.py", "formula/", "commands/demo.py", "derivation/", "viewer/",
    "compiler/operations.py", "compiler/heads.py", "compiler/trace.py", "compiler/walk.py",
    "compiler/constants.py", "compiler/indexing.py", "compiler/meaning.py",
    *(f"compiler/{name}{end}" for name in BESIDE for end in (".py", "/")),
}  # fmt: skip
LLVMLITE = {"compiler/native.py", "compiler/__init__.py"}
DERIVATION = {
    "derivation/", "__init__.py", "commands/derive.py", "solver/adamax.py", "cli.py",
    "viewer/page/statements.py",
}  # fmt: skip
VIEWER = {"viewer/", "cli.py", "commands/", "__init__.py"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def sources(folder: Path, name: str) -> list[Path]:
    """Return the file of a module, or all files of a package."""
    module = folder / f"{name}.py"
    return [module] if module.exists() else sorted((folder / name).rglob("*.py"))


def allowed(path: Path, places: set[str]) -> bool:
    name = relative(path)
    return any(name.startswith(place) if place.endswith("/") else name == place for place in places)


def imports(path: Path, lazy: bool = True) -> Iterator[str]:
    """Yield the modules that a file imports, by full name; annotations' imports are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _running(tree, lazy):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            module = node.module or ""
            yield module
            if module.startswith("symadamax"):
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _running(node: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not lazy:
            continue
        yield child
        yield from _running(child, lazy)


def knows(path: Path, package: str, lazy: bool = True) -> bool:
    return any(
        name == package or name.startswith(f"{package}.") for name in imports(path, lazy=lazy)
    )


def test_the_lists_name_modules_that_exist() -> None:
    stages = {p.stem for p in (PACKAGE / "compiler").iterdir() if not p.name.startswith("__")}
    assert stages == {*STAGES, *BESIDE}
    chapters = {p.stem for p in (PACKAGE / "derivation").iterdir() if not p.name.startswith("__")}
    assert chapters == {*BOOK}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_later_stage(stage: str) -> None:
    later = STAGES[STAGES.index(stage) + 1 :] + BESIDE
    found = [
        (relative(path), name)
        for path in sources(PACKAGE / "compiler", stage)
        for name in later
        if knows(path, f"symadamax.compiler.{name}")
    ]
    assert found == []


@pytest.mark.parametrize("part", BOOK)
def test_a_part_of_the_book_imports_no_later_part(part: str) -> None:
    (path,) = sources(PACKAGE / "derivation", part)
    later = BOOK[BOOK.index(part) + 1 :]
    found = [name for name in later if knows(path, f"symadamax.derivation.{name}")]
    assert found == []


def test_the_book_knows_sympy_and_nothing_of_the_solver() -> None:
    accepted = ("symadamax.derivation", "symadamax.errors")
    others = [
        (relative(path), name)
        for path in (PACKAGE / "derivation").glob("*.py")
        for name in imports(path)
        if name.startswith("symadamax") and not name.startswith(accepted)
    ]
    assert others == []


def test_the_book_is_imported_lazily_by_those_who_show_it() -> None:
    users = [p for p in MODULES if knows(p, "symadamax.derivation")]
    assert [relative(p) for p in users if not allowed(p, DERIVATION)] == []
    outside = [p for p in users if not relative(p).startswith("derivation/")]
    early = [relative(p) for p in outside if knows(p, "symadamax.derivation", lazy=False)]
    assert early == ["commands/derive.py", "viewer/page/statements.py"]
    page = "symadamax.viewer.page"
    others = [p for p in MODULES if not relative(p).startswith("viewer/page/")]
    assert [relative(p) for p in others if knows(p, page, lazy=False)] == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_no_later_layer(layer: str) -> None:
    later = [*LAYERS[LAYERS.index(layer) + 1 :], "viewer", "cli", "command", "demo", "parse"]
    paths = sources(PACKAGE, layer)
    found = [
        (relative(path), name)
        for path in paths
        for name in later
        if knows(path, f"symadamax.{name}")
    ]
    assert found == []


@pytest.mark.parametrize(
    ("package", "places"), [("sympy", SYMPY), ("llvmlite", LLVMLITE)], ids=["sympy", "llvmlite"]
)
def test_a_library_is_known_in_its_places_alone(package: str, places: set[str]) -> None:
    strangers = [
        relative(path) for path in MODULES if knows(path, package) and not allowed(path, places)
    ]
    assert strangers == []


@pytest.mark.parametrize("package", ["sympy", "llvmlite", "matplotlib"])
def test_the_solver_knows_compiled_objectives_and_no(package: str) -> None:
    found = [relative(p) for p in (PACKAGE / "solver").rglob("*.py") if knows(p, package)]
    assert found == []


def test_llvmlite_is_imported_when_the_first_objective_is_compiled() -> None:
    early = [p for p in MODULES if knows(p, "llvmlite", lazy=False)]
    assert [relative(p) for p in early] == ["compiler/native.py"]
    late = "symadamax.compiler.native"
    assert [relative(p) for p in MODULES if knows(p, late, lazy=False)] == []


def test_pictures_are_imported_lazily_by_the_doors_alone() -> None:
    users = [p for p in MODULES if knows(p, "symadamax.viewer") and not allowed(p, VIEWER)]
    assert users == []
    outside = [p for p in MODULES if not relative(p).startswith("viewer/")]
    assert [relative(p) for p in outside if knows(p, "symadamax.viewer", lazy=False)] == []


def test_the_core_imports_no_module_of_ours() -> None:
    lines = [
        line.strip()
        for path in (ROOT / "cython_src").glob("*.p[xy][dxi]")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert [
        line for line in lines if line.startswith(("import ", "from ")) and "symadamax" in line
    ] == []
