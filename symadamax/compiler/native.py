"""LLVM IR -> an address: machine code in this process, which dies with its owner.

LLVM's optimiser is not run: the IR comes with shared sub-expressions, folded constants and its own
order, so that the passes found nothing to add in straight-line code and took most of the time (and
leaked memory in each run). What remains is the code generator, a few milliseconds for a small
objective.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from symadamax import _core
from symadamax.compiler.elementary import definitions
from symadamax.compiler.writer import Module
from symadamax.errors import InternalError

__all__ = ["MachineCode", "assembly", "build", "vector_bytes"]

_lock = threading.RLock()
_elementary: dict[str, MachineCode] = {}  # objectives call these by their addresses


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # a fork while another thread compiles must not stay locked
    os.register_at_fork(after_in_child=_renew_lock)


class MachineCode:
    """Compiled code and the engine that owns it.

    Attributes
    ----------
    address : int
        The address of its first entry, such as ``evaluate(x, gradient, context)``; valid as long
        as this object lives.
    addresses : mapping of str to int
        Those of all entries of the module.
    """

    def __init__(self, addresses: Mapping[str, int], engine: Any, library: Any) -> None:
        self.address = next(iter(addresses.values()))
        self.addresses = addresses
        self._owners = (library, engine)  # the library goes before its engine


def build(module: Module, cpu: str | None = None) -> MachineCode:
    """Compile a module for the processor at hand, or for another by LLVM's name for it.

    Raises
    ------
    InternalError
        When LLVM does not accept the text, which is a bug of ours.
    """
    with _lock:
        _define({name for source, name, _ in module.calls if source == "elementary"})
        return _build(module, cpu)


def _build(module: Module, cpu: str | None) -> MachineCode:
    machine = _target_machine(cpu)
    image = machine.emit_object(_parse(module))
    engine = llvm.create_lljit_compiler(machine, use_jit_link=False)
    builder = llvm.JITLibraryBuilder().add_object_img(image).add_current_process()
    for source, name, types in module.calls:
        symbol = f"{source}_{name}_{''.join(t[0] for t in types)}"
        builder.import_symbol(symbol, _address(source, name, types))
    for entry in module.entries:
        builder.export_symbol(entry)
    library = builder.link(engine, "objective")
    return MachineCode({entry: library[entry] for entry in module.entries}, engine, library)


def _define(names: set[str]) -> None:
    """Compile the elementary functions that this process does not have yet, all at once."""
    missing = sorted(names - _elementary.keys())
    if missing:
        _elementary.update(dict.fromkeys(missing, _build(definitions(missing), None)))


def assembly(module: Module) -> str:
    """Return the assembly of a module for the processor at hand."""
    with _lock:
        text: str = _target_machine(None).emit_assembly(_parse(module))
        return text


def vector_bytes() -> int:
    """Return how wide the vectors of the processor at hand are."""
    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx") else 16


def _parse(module: Module) -> Any:
    try:
        # A context of its own: the global one keeps every constant it ever saw.
        parsed = llvm.parse_assembly(module.text, llvm.create_context())
        parsed.verify()
    except RuntimeError as error:
        raise InternalError(f"LLVM refuses the code of an objective: {error}") from error
    return parsed


@cache
def _target_machine(cpu: str | None) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu or llvm.get_host_cpu_name(),
        features="" if cpu else llvm.get_host_cpu_features().flatten(),
        opt=2,
        jit=True,
        reloc="default",
        codemodel="jitdefault",
    )


def _address(source: str, name: str, types: tuple[str, ...]) -> int:
    if source == "elementary":
        return _elementary[name].addresses[name]
    return _foreign_address(source, name, types)


@cache
def _foreign_address(source: str, name: str, types: tuple[str, ...]) -> int:
    if source == "libm":
        return _library_address(name)
    if source == "core":
        return _core.special_functions()[name]
    from symadamax.compiler.special import scipy_address

    return scipy_address(name, types)


def _library_address(name: str) -> int:
    """Return the address of a function of the C library that this process runs on."""
    library = ctypes.CDLL("ucrtbase") if os.name == "nt" else ctypes.CDLL(None)
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address
