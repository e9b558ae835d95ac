"""The settings and criteria that commands take, with a line of help each."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CRITERIA", "FIT_SETTINGS", "MANY_SETTINGS", "SETTINGS"]

SETTINGS: Mapping[str, str] = {
    "learning_rate": "about the length of a step, in the units of the unknowns",
    "beta1": "decay of the moment, in [0, 1)",
    "beta2": "decay of the weight, in [0, 1)",
    "epsilon": "what keeps the weight from 0",
    "epsilon_placement": "denominator, maximum or none",
    "average": "also give the averaged point",
    "weight_decay": "what a step takes from the unknowns, times the learning rate",
    "l2": "what is added to the gradient, times the unknowns",
    "clip_norm": "the largest norm of a gradient",
    "clip_value": "the largest entry of a gradient",
}
# Without what would move the estimates from the minimum, or has no part in them.
FIT_SETTINGS = [name for name in SETTINGS if name not in ("average", "weight_decay", "l2")]
# Without the averaged points, which are not kept of many runs.
MANY_SETTINGS = [name for name in SETTINGS if name != "average"]
CRITERIA: Mapping[str, str] = {
    "gtol": "the largest entry of the gradient",
    "ftol": "the relative change of the value in a step",
    "xtol": "the relative change of the unknowns in a step",
    "target": "the value to reach",
    "seconds": "the time limit",
}
