"""IR -> IR: a sum over rows becomes an estimate from a sample of the rows.

The sum over all n rows is replaced by n/b times the sum over the b rows of a batch. Its
expectation is the sum, and so that of the value is the value as long as the value is linear in the
sum: then the gradient of the estimate is an estimate of the gradient, too.
"""

from __future__ import annotations

from dataclasses import replace

from symadamax.compiler.affine import Access, Affine, Index, Size
from symadamax.compiler.gather import rewritten
from symadamax.compiler.graph import rebuilt
from symadamax.compiler.ir import Node, Program
from symadamax.errors import InputError

__all__ = ["BATCH", "row_indices", "sampled"]

BATCH = Size("batch", -1)


def row_indices(program: Program) -> list[Index]:
    """List the outermost indices along which data are read: those that rows may be drawn of."""
    found: dict[Index, None] = {}
    for node in program.nodes():
        if node.name != "sum" or node.indices or node.value.sampled:
            continue
        if _reads_data(node.arguments[0], node.value):
            found[node.value] = None
    return list(found)


def _reads_data(root: Node, index: Index) -> bool:
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        access = node.value
        if isinstance(access, Access) and not access.array.unknown and index in access.indices:
            return True
        stack.extend(node.arguments)
    return False


def sampled(program: Program, index: Index) -> Program:
    """Return the program of a value with sums over `index` estimated from a batch.

    The factor n/b is the last of the program's parameters, behind the user's.

    Raises
    ------
    InputError
        When the value is not linear in the sums.
    """
    graph = program.graph
    scale = graph.op("parameter", value=program.parameters)
    last = Affine.of(BATCH).plus(Affine(-1))
    drawn = Index(index.name, Affine(0), last, index.level, sampled=True)
    estimates: set[Node] = set()

    def estimate(node: Node, arguments: list[Node]) -> Node | None:
        if node.name != "sum" or node.value != index or node.indices:
            return None
        body = rewritten(graph, arguments[0], index, Affine.of(drawn))
        found = graph.mul(scale, graph.reduce("sum", drawn, body))
        estimates.add(found)
        return found

    result = rebuilt(replace(program, parameters=program.parameters + 1), estimate)
    _hold_linear(result, estimates, index)
    return result


def _hold_linear(program: Program, estimates: set[Node], index: Index) -> None:
    """Refuse a value that is not linear in the estimates: its expectation is another."""
    degree: dict[Node, int] = {}
    for node in program.nodes():
        below = [degree[a] for a in node.arguments]
        most = max(below, default=0)
        if node in estimates:
            degree[node] = 1
        elif node.name in ("add", "sub", "neg", "sum"):
            degree[node] = most
        elif node.name == "mul":
            degree[node] = sum(below)
        elif node.name == "div" and not below[1]:
            degree[node] = below[0]
        else:
            degree[node] = 2 if most else 0
        if degree[node] > 1:
            raise InputError(
                f"The sum over {index} stands inside {node.name}, so a batch gives a biased "
                "estimate: the objective must be linear in the sum that is sampled, such as a sum "
                "or a mean of losses plus a penalty. Without batch= the whole sum is computed."
            )
