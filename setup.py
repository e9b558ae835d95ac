"""Build the one extension, `symadamax._core`, from cython_src/.

Set SYMADAMAX_CHECKS=1 to build it with the checks of bounds and of None, for hunting a bug in it.
Metadata stands in pyproject.toml.
"""

import hashlib
import os
import sys
import tomllib
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
SOURCES = sorted((ROOT / "cython_src").glob("*.p[xy][dxi]"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHECKS = os.environ.get("SYMADAMAX_CHECKS", "") not in ("", "0")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKS,
    "wraparound": False,
    "cdivision": True,  # 1/0 is infinite and 0/0 NaN, as the loop expects
    "initializedcheck": CHECKS,
    "nonecheck": CHECKS,
    "embedsignature": True,
    "freethreading_compatible": True,
}

# No contraction to fused multiply-add: the same bits on every machine.
FLAGS = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off"]


def digest() -> str:
    """Return the SHA-256 of the core's sources, as `symadamax._build` computes it."""
    text = "".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in SOURCES)
    return hashlib.sha256(text.encode()).hexdigest()


core = Extension(
    "symadamax._core",
    ["cython_src/_core.pyx"],
    define_macros=[
        ("SYMADAMAX_VERSION", PROJECT["version"]),
        ("SYMADAMAX_SOURCES", digest()),
    ],
    extra_compile_args=FLAGS,
)

setup(
    ext_modules=cythonize(
        [core], compiler_directives=DIRECTIVES, include_path=["cython_src"], force=True
    ),
    options={"build_ext": {"force": True}},
)
