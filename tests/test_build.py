"""A core that is missing, or built from other sources, is refused with how to rebuild it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from symadamax import _build, _core
from symadamax.errors import StaleBuildError

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "cython_src"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return the package folder of a copy of the checkout, without the code."""
    shutil.copytree(SOURCES, tmp_path / "cython_src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path / "symadamax"


def test_the_core_carries_the_version_and_the_digest_of_its_sources(checkout: Path) -> None:
    assert _build.sources_digest(SOURCES) == _core.SOURCES
    assert f'version = "{_core.VERSION}"' in (ROOT / "pyproject.toml").read_text()
    assert _build.require_core(checkout) is _core


def test_setup_computes_the_same_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    import setuptools

    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.setattr("Cython.Build.cythonize", lambda *_, **__: [])
    namespace: dict[str, object] = {"__file__": str(ROOT / "setup.py"), "__name__": "setup"}
    exec(compile((ROOT / "setup.py").read_text(), "setup.py", "exec"), namespace)
    assert namespace["digest"]() == _core.SOURCES  # type: ignore[operator]


@pytest.mark.parametrize("name", [path.name for path in SOURCES.glob("*.p*")])
def test_a_change_in_any_source_makes_the_build_stale(checkout: Path, name: str) -> None:
    source = checkout.parent / "cython_src" / name
    source.write_text(source.read_text() + "\n")
    with pytest.raises(StaleBuildError, match=r"other sources than those in .*pip install -e \."):
        _build.require_core(checkout)


def test_what_the_compiler_leaves_beside_the_sources_does_not_matter(checkout: Path) -> None:
    (checkout.parent / "cython_src" / "_core.c").write_text("/* generated */")
    assert _build.require_core(checkout) is _core


def test_line_ends_do_not_matter(checkout: Path) -> None:
    source = checkout.parent / "cython_src" / "adamax.pxd"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert _build.require_core(checkout) is _core


def test_another_version_is_refused(checkout: Path) -> None:
    project = checkout.parent / "pyproject.toml"
    project.write_text(project.read_text().replace(f'"{_core.VERSION}"', '"99.0"', 1))
    with pytest.raises(StaleBuildError, match=rf"{_core.VERSION}, and the package of 99\.0\. Reb"):
        _build.require_core(checkout)


def test_an_installed_package_is_held_against_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "symadamax"
    monkeypatch.setattr(_build.metadata, "version", lambda name: _core.VERSION)
    assert _build.require_core(package) is _core
    monkeypatch.setattr(_build.metadata, "version", lambda name: "99.0")
    with pytest.raises(StaleBuildError, match=r"99\.0"):
        _build.require_core(package)


def test_without_metadata_there_is_nothing_to_hold_it_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise _build.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_build.metadata, "version", missing)
    assert _build.require_core(tmp_path / "symadamax") is _core


def test_a_core_that_is_not_built_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "symadamax._core":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "symadamax._core")
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(StaleBuildError, match=r"not built for this Python.*pip install -e \."):
        _build.require_core()
