"""The solver: Adamax as compiled steps, from a start to a Result."""

from symadamax.solver.adamax import Adamax, State
from symadamax.solver.history import History, Record
from symadamax.solver.minimize import minimize
from symadamax.solver.result import Result, Status
from symadamax.solver.stop import Stop

__all__ = ["Adamax", "History", "Record", "Result", "State", "Status", "Stop", "minimize"]
