"""A segment -> LLVM IR text: many steps of Adamax in one function, with all numbers in registers.

The function ``march(state, context, settings, steps)`` goes on from a point and what belongs to it,
and returns how many steps it has done: fewer than asked for where something is not finite after the
next one, which it leaves to others. `state` holds x, m, u, the gradient and the best point so far,
one number for each unknown, and then the value and the best value. `settings` are those of
`symadamax.compiler.llvm_adamax`.

A step of few unknowns is a chain of operations that wait for each other. In the loop of the core
each point and each gradient passes through memory, where the next operation waits for it; here it
does not. The operations are the same, and so are the bits.
"""

from __future__ import annotations

from symadamax.compiler.ir import Node
from symadamax.compiler.llvm_adamax import SETTINGS, displacement, moment, weight
from symadamax.compiler.llvm_code import SegmentWriter
from symadamax.compiler.schedule import Schedule
from symadamax.compiler.writer import ATTRIBUTES, Module

__all__ = ["MARCH", "MOST_UNKNOWNS", "emit", "fits"]

MARCH = "march"
MOST_UNKNOWNS = 4  # with more, steps fill the processor by themselves (8: 1.1 times as fast)
KEPT = ("x", "m", "u", "g", "best")  # of each unknown; behind them stand two values


def fits(plan: Schedule, arithmetic: str) -> bool:
    """Tell whether the steps of a program are worth a function of their own.

    In relaxed arithmetic LLVM might fuse other operations than it does in an evaluation alone.
    """
    few = 1 <= plan.program.unknowns <= MOST_UNKNOWNS
    return few and len(plan.segments) == 1 and arithmetic != "relaxed"


def emit(plan: Schedule, dtype: str, arithmetic: str = "portable") -> Module:
    """Return the module of a march.

    Parameters
    ----------
    plan : Schedule
        Of one segment: see `fits`.
    dtype : {"float64", "float32"}
    arithmetic : {"portable", "precise"}
        As for `symadamax.compiler.llvm_code.emit`.

    Examples
    --------
    >>> import sympy as sp
    >>> from symadamax.compiler.schedule import schedule
    >>> from symadamax.compiler.trace import trace
    >>> from symadamax.compiler.differentiate import differentiate
    >>> x = sp.Symbol("x")
    >>> text = emit(schedule(differentiate(trace(x*x, [x]))), "float64").text
    >>> text.count("fdiv double")
    1
    """
    writer = _MarchWriter(plan, dtype, arithmetic)
    lines = writer.written()
    body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
    taken = "ptr noalias %state, ptr noalias %context, ptr noalias %settings, i64 %steps"
    signature = f"i64 @{MARCH}({taken})"
    text = f"define {signature} #0 {{\n{body}\n}}\n"
    return Module(
        "\n".join([*writer.declared.values(), text, ATTRIBUTES]),
        tuple(dict.fromkeys(writer.calls)),
        (MARCH,),
    )


class _MarchWriter(SegmentWriter):
    def __init__(self, plan: Schedule, dtype: str, arithmetic: str) -> None:
        super().__init__(plan, plan.segments[0], dtype, arithmetic)
        self.size = plan.program.unknowns
        self.places = [*(f"{kind}{k}" for kind in KEPT for k in range(self.size)), "f", "least"]
        self.moved: dict[int, str] = {}  # the unknowns after the step, by place
        self.slopes: dict[int, str] = {}

    def written(self) -> list[str]:
        """Write the loop; return the lines."""
        self.begin("entry")
        first = [self.load("%state", k) for k in range(len(self.places))]
        setting = {name: self.load("%settings", k) for k, name in enumerate(SETTINGS)}
        self.do("br label %loop")
        self.begin("loop")
        head = len(self.lines)
        found = self.step(setting)
        self.lines[head:head] = [
            "%done = phi i64 [ 0, %entry ], [ %more, %sound ]",
            *(
                f"%{name} = phi {self.real} [ {begin}, %entry ], [ {found[name]}, %sound ]"
                for name, begin in zip(self.places, first, strict=True)
            ),
        ]
        self.do(f"br i1 {self.broken(found)}, label %exit, label %sound")
        self.begin("sound")
        self.do("%more = add i64 %done, 1")
        self.do("%on = icmp slt i64 %more, %steps")
        self.do("br i1 %on, label %loop, label %exit")
        self.leave(found)
        return self.lines

    def step(self, setting: dict[str, str]) -> dict[str, str]:
        """Write a step and an evaluation; return the register of each number behind it."""
        found = {}
        for k in range(self.size):
            m = found[f"m{k}"] = moment(self, setting, f"%m{k}", f"%g{k}")
            u = found[f"u{k}"] = weight(self, setting, f"%u{k}", f"%g{k}")
            below = self.line(f"fadd {self.real} {u}, {setting['outside']}")
            way = displacement(self, setting, m, below)
            self.moved[k] = found[f"x{k}"] = self.line(f"fadd {self.real} %x{k}, {way}")
        self.body()
        found |= {f"g{k}": self.slopes[k] for k in range(self.size)} | {"f": self.value}
        better = self.line(f"fcmp olt {self.real} {self.value}, %least")
        rivals = {f"best{k}": found[f"x{k}"] for k in range(self.size)} | {"least": self.value}
        for name, new in rivals.items():
            pair = f"{self.real} {new}, {self.real} %{name}"
            found[name] = self.line(f"select i1 {better}, {pair}")
        return found

    def broken(self, found: dict[str, str]) -> str:
        """Return whether a coordinate, the value or a derivative is not finite."""
        looked = [*(f"{kind}{k}" for kind in "xg" for k in range(self.size)), "f"]
        whole = "i32" if self.single else "i64"
        words = []
        for name in looked:
            nothing = self.line(f"fsub {self.real} {found[name]}, {found[name]}")
            words.append(self.line(f"bitcast {self.real} {nothing} to {whole}"))
        return self.line(f"icmp ne {whole} {self.union(whole, words)}, 0")

    def leave(self, found: dict[str, str]) -> None:
        """Write the end: what the last sound step has led to."""
        self.begin("exit")
        self.do("%count = phi i64 [ %done, %loop ], [ %more, %sound ]")
        last = [
            self.line(f"phi {self.real} [ %{name}, %loop ], [ {found[name]}, %sound ]")
            for name in self.places
        ]
        for k, register in enumerate(last):
            self.store(register, "%state", k)
        self.do("ret i64 %count")

    def slope(self, place: int, register: str) -> None:
        """Take a derivative that is finished."""
        self.slopes[place] = register

    def fetch(self, node: Node) -> str:
        """Return an unknown as it is after the step, or load a parameter."""
        if node.name == "unknown":
            assert isinstance(node.value, int)
            return self.moved[node.value]
        return super().fetch(node)
