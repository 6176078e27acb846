"""What must not exist in limner, looked for in the syntax trees of all its files."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
FILES = sorted((SOURCE / "limner").rglob("*.py"))
TREES = {file.relative_to(SOURCE / "limner").as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in FILES}
pytestmark = pytest.mark.tiny
VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
MACHINES = {"pipeline", "scheduler", "trainer"}
PICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
HOOKS = re.compile(r"register_.*hook|contextvars|ContextVar")
PROSE = {"print", "tqdm", "logging", "warnings"}  # ways of speaking to somebody


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield name, node


def imported(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def words(identifier: str) -> set[str]:
    """The words that a name in either of Python's spellings is made of."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", identifier)}


def test_no_function_passes_on_what_it_does_not_name() -> None:
    functions = nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    assert [(file, node.lineno) for file, node in functions if node.args.kwarg is not None] == []


def test_nothing_is_typed_any() -> None:
    """But where limner speaks with libraries that have no types (OpenVINO, diffusers), or reads back its own JSON."""
    border = {"engine/border.py", "engine/foreign.py", "engine/graphs.py", "engine/untapped.py"}
    border |= {"evaluation/large.py", "evaluation/peer.py", "evaluation/plots.py", "evaluation/theirs.py"}
    border |= {"evaluation/learning.py", "evaluation/tutor.py"}  # a plot of JSON, and diffusers
    assert {file for file, node in nodes(ast.Name) if node.id == "Any"} <= border


def test_no_pickle_is_read_or_written() -> None:
    imports = [file for file, node in nodes(ast.Import, ast.ImportFrom) if PICKLES & set(imported(node))]
    loads = [
        (file, node.lineno)
        for file, node in nodes(ast.Attribute)
        if node.attr in ("load", "save") and isinstance(node.value, ast.Name) and node.value.id == "torch"
    ]
    allowed = [file for file, node in nodes(ast.keyword) if node.arg == "allow_pickle"]
    assert imports + loads + allowed == []


def test_only_commands_speak() -> None:
    """tqdm, print and logging belong to the commands; the library returns, yields or raises.

    `engine/graphs.py` imports warnings to silence a tracer's, `engine/border.py` to silence diffusers'.
    """
    quiet = {file for file in TREES if not file.startswith("cli/")} - {"engine/border.py", "engine/graphs.py"}
    called = [file for file, node in nodes(ast.Call) if isinstance(node.func, ast.Name) and node.func.id in PROSE]
    modules = [file for file, node in nodes(ast.Import, ast.ImportFrom) if PROSE & set(imported(node))]
    assert quiet & {*called, *modules} == set()


def test_every_name_says_what_the_thing_is() -> None:
    files = [file for file in TREES if VAGUE & words(file.removesuffix(".py").replace("/", "_"))]
    defined = nodes(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [(file, node.name) for file, node in defined if VAGUE & words(node.name)]
    machines = [(file, node.name) for file, node in nodes(ast.ClassDef) if MACHINES & words(node.name)]
    assert files + names + machines == []


def test_nobody_hooks_into_a_network_or_patches_a_module() -> None:
    used = [(f, n.lineno) for f, n in nodes(ast.Attribute) if HOOKS.fullmatch(n.attr)]
    named = [(f, n.lineno) for f, n in nodes(ast.Import, ast.ImportFrom) if any(map(HOOKS.fullmatch, imported(n)))]
    assert used + named + list(patches()) == []


def patches() -> Iterator[tuple[str, int]]:
    """Assignments to an attribute of something that the file imported."""
    for file, tree in TREES.items():
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        brought = {alias.asname or alias.name for node in imports for alias in node.names}
        assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        for target in (target for node in assignments for target in node.targets):
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) in brought:
                yield file, target.lineno


def test_no_decorator_registers_anything() -> None:
    defined = nodes(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    decorators = [(file, ast.unparse(each)) for file, node in defined for each in node.decorator_list]
    assert [pair for pair in decorators if "regist" in pair[1].lower()] == []


def test_randomness_is_drawn_in_one_place() -> None:
    drawn = {file for file, node in nodes(ast.Attribute) if node.attr in ("randn", "randn_like", "standard_normal")}
    assert drawn == {"process/noise.py"}


def test_a_number_that_belongs_to_a_model_is_read_from_it() -> None:
    """Stable Diffusion's latent scale stands where a config.json that leaves it out is read; its 77 tokens nowhere."""
    magic = {(file, node.value) for file, node in nodes(ast.Constant) if node.value in (0.18215, 77)}
    assert magic <= {("network/config.py", 0.18215), ("evaluation/large.py", 77)}  # a network of that size, for speed


def test_no_class_inherits_behaviour() -> None:
    """A class of limner's is extended only if it cannot be used itself: a protocol, or a module without `forward`."""
    anywhere = {node.name: node for _, node in nodes(ast.ClassDef)}
    here = {(file, node.name): node for file, node in nodes(ast.ClassDef)}
    for (file, name), node in here.items():
        for base in map(ast.unparse, node.bases):
            parent = here.get((file, base), anywhere.get(base))
            if parent is not None:
                methods = {item.name for item in parent.body if isinstance(item, ast.FunctionDef)}
                above = set(map(ast.unparse, parent.bases))
                abstract = "Protocol" in above or ("nn.Module" in above and "forward" not in methods)
                assert abstract, f"{file}: {name} extends {base}"


@pytest.mark.parametrize(
    ("name", "parts"),
    [("load_utils", {"load", "utils"}), ("BaseModel", {"base", "model"}), ("UNet", {"u", "net"}), ("_x0", {"x0"})],
)
def test_names_are_taken_apart(name: str, parts: set[str]) -> None:
    assert words(name) == parts
