from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Protocol

import numpy.typing as npt

VERSION: str
SOURCES: str
WORK_ROWS: int

class Status(IntEnum):
    RUNNING = 0
    STEPS_DONE = 1
    GTOL_MET = 2
    FTOL_MET = 3
    XTOL_MET = 4
    TARGET_MET = 5
    NOT_CONVERGED = 6
    TIME_LIMIT = 7
    STOPPED_BY_CALLBACK = 8
    CALLBACK_FAILED = 9
    INTERRUPTED = 10
    VALUE_NOT_FINITE = -1
    GRADIENT_NOT_FINITE = -2
    POINT_NOT_FINITE = -3
    OBJECTIVE_FAILED = -4
    SCHEDULE_FAILED = -5

class Method(Protocol):
    @property
    def learning_rate(self) -> object: ...
    @property
    def beta1(self) -> float: ...
    @property
    def beta2(self) -> float: ...
    @property
    def epsilon(self) -> float: ...
    @property
    def epsilon_placement(self) -> str: ...

class Options(Protocol):
    @property
    def maximize(self) -> bool: ...
    @property
    def l2(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def clip_value(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def scheduled(self) -> bool: ...
    @property
    def lower(self) -> npt.NDArray[Any] | None: ...
    @property
    def upper(self) -> npt.NDArray[Any] | None: ...
    @property
    def mean(self) -> npt.NDArray[Any] | None: ...
    @property
    def frozen(self) -> npt.NDArray[Any] | None: ...

class Criteria(Protocol):
    @property
    def gtol(self) -> float | None: ...
    @property
    def ftol(self) -> float | None: ...
    @property
    def xtol(self) -> float | None: ...
    @property
    def target(self) -> float | None: ...
    @property
    def seconds(self) -> float | None: ...

def function_capsule(address: int, dtype: str) -> object: ...
def evaluate(
    function: object,
    context: npt.NDArray[Any] | Team,
    x: npt.NDArray[Any],
    gradient: npt.NDArray[Any],
) -> float: ...

class Sampler:
    order: npt.NDArray[Any] | None
    window: npt.NDArray[Any]
    first: int
    count: int
    batch: int
    position: int
    size: int
    def __init__(
        self,
        bit_generator: object,
        order: npt.NDArray[Any] | None,
        window: npt.NDArray[Any],
        first: int,
        count: int,
        batch: int,
        position: int = -1,
    ) -> None: ...
    def next(self) -> npt.NDArray[Any]: ...

class Team:
    threads: int
    def __init__(
        self,
        words: npt.NDArray[Any],
        pieces: Sequence[int],
        parts: Sequence[int],
        owner: object,
        threads: int = 1,
        sampler: Sampler | None = None,
        batch: tuple[int, int, tuple[tuple[int, int, int], ...], int] | None = None,
    ) -> None: ...
    def work(self, k: int) -> None: ...
    def dismiss(self) -> None: ...

class Run:
    def __init__(
        self,
        function: object | Callable[[npt.NDArray[Any], npt.NDArray[Any]], float],
        context: npt.NDArray[Any] | Team,
        work: npt.NDArray[Any],
        size: int,
        method: Method,
        stop: Criteria,
        t: int,
        steps: int,
        every: int = 0,
        history: tuple[npt.NDArray[Any] | None, ...] | None = None,
        options: Options | None = None,
        march: object = None,
    ) -> None: ...
    def feed(self, rates: npt.NDArray[Any]) -> None: ...
    @property
    def hungry(self) -> bool: ...
    def start(self) -> Status: ...
    def advance(self, steps: int) -> Status: ...
    def copy_slot(self, rejected: bool = False) -> npt.NDArray[Any]: ...
    @property
    def fun(self) -> float: ...
    @property
    def rejected_value(self) -> float: ...
    @property
    def best_fun(self) -> float: ...
    @property
    def best_x(self) -> npt.NDArray[Any]: ...
    @property
    def nit(self) -> int: ...
    @property
    def rows(self) -> int: ...

class FusedRun(Run):
    def __init__(
        self,
        team: Team,
        points: Sequence[npt.NDArray[Any]],
        m: npt.NDArray[Any],
        u: npt.NDArray[Any],
        method: Method,
        stop: Criteria,
        t: int,
        steps: int,
        updates: tuple[Sequence[int], object],
        scalars: int,
        past: Sequence[tuple[int, int]],
        kept: npt.NDArray[Any] | None = None,
    ) -> None: ...

class Lanes:
    def __init__(
        self,
        step: object,
        function: object,
        starts: npt.NDArray[Any],
        context: npt.NDArray[Any],
        settings: Sequence[npt.NDArray[Any]],
        corrections: Sequence[tuple[npt.NDArray[Any], bool]],
        tables: npt.NDArray[Any],
        rates: npt.NDArray[Any] | None,
        stop: Criteria,
        steps: int,
        row: int,
        value_row: int,
        ended: tuple[npt.NDArray[Any], ...],
        owner: object,
        limits: npt.NDArray[Any] | None = None,
        frozen: npt.NDArray[Any] | None = None,
    ) -> None: ...
    def advance(self, seconds_each: float = 5e-3) -> int: ...
    def end(self, status: Status) -> None: ...
    @property
    def begun(self) -> int: ...

def lanes_capsule(address: int) -> object: ...
def march_capsule(address: int, dtype: str) -> object: ...
def corrections(beta1: float, steps: int) -> tuple[list[float], bool]: ...
def special_functions() -> dict[str, int]: ...
def hurwitz_zeta(s: float, q: float) -> float: ...
def lambert_w(branch: int, x: float) -> float: ...
