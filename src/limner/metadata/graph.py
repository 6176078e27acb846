"""A ComfyUI graph: nodes, and the output that each input is linked to; a walk visits a node once, so it ends."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool
Link: TypeAlias = tuple[str, int]

MOST = 20_000  # nodes; those who draw graphs by hand stay below two thousand
LONGEST, DEEPEST = 20_000, 12  # characters of a text put together out of others, and how often that is nested
HOPS = 100  # nodes that a value is handed on by; a cycle ends there
CARRIERS = ("value", "text", "string", "seed", "noise_seed", "int", "float", "number")  # inputs of nodes that only hold


@dataclass(frozen=True, slots=True)
class Node:
    """`kind` is its class_type; an input is a value or a link to (node, output)."""

    name: str
    kind: str
    values: Mapping[str, Scalar]
    links: Mapping[str, Link]


Graph: TypeAlias = Mapping[str, Node]


def graph(record: object) -> Graph:
    """The nodes of a record of ComfyUI's API, in its order, without what is not of its form; none of more than MOST."""
    if not isinstance(record, dict) or len(record) > MOST:
        return {}
    made = (_node(str(name), entry) for name, entry in record.items())
    return {node.name: node for node in made if node}


def _node(name: str, entry: object) -> Node | None:
    inputs, kind = (entry.get("inputs"), entry.get("class_type")) if isinstance(entry, dict) else (None, None)
    if not isinstance(inputs, dict) or not isinstance(kind, str):
        return None
    values = {key: value for key, value in inputs.items() if isinstance(value, str | int | float)}
    pairs = ((key, value) for key, value in inputs.items() if isinstance(value, list) and len(value) == 2)
    links = {key: (str(one), two) for key, (one, two) in pairs if isinstance(one, str | int) and isinstance(two, int)}
    return Node(name, kind, values, links)


def source(nodes: Graph, node: Node, name: str) -> Node | None:
    """Who is linked to the input of that name, if anybody."""
    return nodes.get(node.links[name][0]) if name in node.links else None


def upstream(nodes: Graph, starts: Sequence[Node]) -> Iterator[Node]:
    """The nodes themselves and all that they follow from, the nearest first, each once."""
    waiting, seen = deque(starts), {node.name for node in starts}
    while waiting:
        node = waiting.popleft()
        yield node
        for other, _ in node.links.values():
            if other in nodes and other not in seen:
                seen.add(other)
                waiting.append(nodes[other])


def value(nodes: Graph, node: Node | None, name: str, used: set[str]) -> Scalar | None:
    """The value of an input, through nodes that only hold or hand on one; `used` gains their names if it is found."""
    passed = list[str]()
    while node and name not in node.values and len(passed) < HOPS:
        node = source(nodes, node, name)
        if node:
            passed.append(node.name)
            held = (each for each in (name, *CARRIERS, *_only(node)) if each in node.values or each in node.links)
            name = next(held, "")
    if node is None or name not in node.values:
        return None
    used.update(passed)
    return node.values[name]


def text(nodes: Graph, node: Node, name: str, used: set[str], depth: int = 0) -> str | None:
    """The text of an input, put together where nodes do that; None where it cannot be known or is too long."""
    other = source(nodes, node, name)
    if other is None or other.kind != "StringConcatenate" or name in node.values:
        said = value(nodes, node, name, used)
        return said if isinstance(said, str) else None
    first = text(nodes, other, "string_a", used, depth + 1) if depth < DEEPEST else None
    second = text(nodes, other, "string_b", used, depth + 1) if first is not None else None
    if first is None or second is None:
        return None
    joined = f"{first}{value(nodes, other, 'delimiter', used) or ''}{second}"
    used.add(other.name)
    return joined if len(joined) <= LONGEST else None


def _only(node: Node) -> Sequence[str]:
    """The one value of a node that has no other; the one link of a reroute."""
    names = [*node.values, *(node.links if "reroute" in node.kind.lower() else ())]
    return names if len(names) == 1 else ()
