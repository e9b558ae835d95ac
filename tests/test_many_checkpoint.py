"""A checkpoint: the call that goes on from it has the bits of one that was never ended."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symadamax as sx
from symadamax import InputError, Status
from symadamax.solver.many import archive, checkpoint, conduct
from symadamax.solver.many.fingerprint import _feed

x, y, c = sp.symbols("x y c")
HIMMELBLAU = sx.Objective((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)
METHOD = sx.Adamax(learning_rate=0.05)
SAMPLE = sx.sample({x: (-5, 5), y: (-5, 5)}, 1000, rng=0)
BLOCKS = 16


@pytest.fixture(autouse=True)
def _small_blocks_each_written(monkeypatch: Any) -> None:
    monkeypatch.setattr(conduct, "WORTH", 1)
    monkeypatch.setattr(checkpoint, "PERIOD", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)


def run(objective: Any = HIMMELBLAU, starts: Any = SAMPLE, **options: Any) -> Any:
    settings = {"method": METHOD, "steps": 60, **options}
    return sx.minimize_many(objective, starts, **settings)


def content(results: Any) -> list[bytes]:
    return [np.ascontiguousarray(array).tobytes() for array in results.runs]


class Enough(Exception):
    pass


@pytest.fixture
def stopped(monkeypatch: Any, tmp_path: Path) -> Any:
    """Return what makes a file of a call that ended with an exception after some blocks."""

    def stop(blocks: int, **options: Any) -> Path:
        path, done = tmp_path / "runs.npz", []

        def take(self: Any, block: Any) -> None:
            if len(done) == blocks:
                raise Enough
            done.append(block)
            original(self, block)

        original = checkpoint.Checkpoint.take
        monkeypatch.setattr(checkpoint.Checkpoint, "take", take)
        with pytest.raises(Enough):
            run(checkpoint=path, **options)
        monkeypatch.setattr(checkpoint.Checkpoint, "take", original)
        return path

    return stop


def computed(monkeypatch: Any) -> list[int]:
    """Return a list that will have the first run of each block that is computed."""
    found: list[int] = []
    original = conduct.run_part

    def noted(task: Any, starts: Any, first: int, *rest: Any) -> Any:
        found.append(first)
        return original(task, starts, first, *rest)

    monkeypatch.setattr(conduct, "run_part", noted)
    return found


CASES: dict[str, dict[str, Any]] = {
    "all rows": {},
    "float32": {"dtype": "float32"},
    "the best": {"keep": 7},
    "the best of few": {"keep": 1000},
    "failures": {"objective": sp.log(x + 4) + y**2},
    "a schedule": {"method": sx.Adamax(learning_rate=lambda step: 0.1 / step)},
    "settings for each run": {"method": sx.Adamax(learning_rate=np.linspace(0.01, 0.1, 1000))},
    "given starts": {"starts": np.random.default_rng(0).uniform(-4, 4, (1000, 2))},
}


@pytest.mark.parametrize("blocks", [0, 1, 9, BLOCKS - 1])
@pytest.mark.parametrize("name", CASES)
def test_the_call_goes_on(name: str, blocks: int, stopped: Any, monkeypatch: Any) -> None:
    options = CASES[name]
    path = stopped(blocks, **options)
    noted = computed(monkeypatch)
    found = run(checkpoint=path, **options)
    assert sorted(noted) == [64 * k for k in range(blocks, BLOCKS)]
    expected = run(**options)
    assert content(found) == content(expected)
    assert repr(found.summary()) == repr(expected.summary())
    assert found.best.fun == expected.best.fun


@pytest.mark.parametrize("name", ["all rows", "the best"])
def test_a_finished_call_is_read(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    path, options = tmp_path / "runs.npz", CASES[name]
    expected = run(checkpoint=path, **options)
    noted = computed(monkeypatch)
    found = run(checkpoint=path, **options)
    assert noted == []
    assert content(found) == content(expected)
    assert repr(found.summary()) == repr(expected.summary())


def test_another_number_of_threads_goes_on(stopped: Any) -> None:
    path = stopped(5, threads=1)
    assert content(run(checkpoint=path, threads=3)) == content(run())


def test_runs_that_were_ended_early_are_done_again(tmp_path: Path) -> None:
    path, long = tmp_path / "runs.npz", {"steps": 200_000, "threads": 1}
    run(threads=1)
    begin = time.perf_counter()
    expected = content(run(**long))
    some = (time.perf_counter() - begin) / 20
    ended = run(checkpoint=path, stop=sx.Stop(seconds=some), **long)
    assert (ended.status == Status.TIME_LIMIT).any()
    assert content(run(checkpoint=path, **long)) == expected


def test_the_time_limit_is_not_part_of_the_task(stopped: Any) -> None:
    path = stopped(5)
    found = run(checkpoint=path, stop=sx.Stop(seconds=1000))
    assert content(found) == content(run())


def test_what_comes_behind_a_gap_is_not_written(tmp_path: Path) -> None:
    def failing(point: np.ndarray) -> tuple[float, np.ndarray]:
        if point[0] == 0.5:
            raise ArithmeticError
        return float(point @ point), 2 * point

    starts = np.linspace(0, 1, 641)[:, None]
    path = tmp_path / "runs.npz"
    with pytest.raises(ArithmeticError):
        run(failing, starts, checkpoint=path, threads=2)
    with np.load(path) as file:
        assert len(file["fun"]) == 320  # blocks of 10; the run 320 failed


# ---- what is written -----------------------------------------------------------------------------


def test_no_file_is_left_beside_it(stopped: Any) -> None:
    path = stopped(5)
    assert [p.name for p in path.parent.iterdir()] == ["runs.npz"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(stopped: Any, monkeypatch: Any) -> None:
    path = stopped(5)
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left") as caught:
        run(checkpoint=path)
    assert (caught.value.result.status == Status.STEPS_DONE).any()  # type: ignore[attr-defined]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["runs.npz"]


def test_numpy_reads_it(stopped: Any) -> None:
    with np.load(stopped(5), allow_pickle=False) as file:
        assert file["fun"].tobytes() == run().fun[: 5 * 64].tobytes()


# ---- files of others -----------------------------------------------------------------------------


OTHERS: dict[str, dict[str, Any]] = {
    "another objective": {"objective": sx.Objective((x**2 + y - 12) ** 2 + (x + y**2 - 7) ** 2)},
    "another arithmetic": {"arithmetic": "precise"},
    "another learning rate": {"method": sx.Adamax(learning_rate=0.04)},
    "another setting": {"method": sx.Adamax(learning_rate=0.05, epsilon_placement="maximum")},
    "a schedule": {"method": sx.Adamax(learning_rate=sx.schedules.exponential(0.05, 0.99))},
    "settings for each run": {"method": sx.Adamax(learning_rate=np.full(1000, 0.05))},
    "other steps": {"steps": 61},
    "another stop": {"stop": sx.Stop(gtol=1e-9)},
    "another dtype": {"dtype": "float32"},
    "another seed": {"starts": sx.sample({x: (-5, 5), y: (-5, 5)}, 1000, rng=1)},
    "another box": {"starts": sx.sample({x: (-5, 5), y: (-5, 6)}, 1000, rng=0)},
    "another count": {"starts": sx.sample({x: (-5, 5), y: (-5, 5)}, 999, rng=0)},
    "given starts": {"starts": SAMPLE.points(0, 1000)},
    "bounds": {"bounds": {x: (-5, 5), y: (-5, 5)}},
    "frozen": {"frozen": [x]},
    "the best": {"keep": 5},
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_task_is_refused(name: str, stopped: Any) -> None:
    path = stopped(2)
    with pytest.raises(InputError, match=r"The checkpoint .*runs\.npz is of another task"):
        run(checkpoint=path, **OTHERS[name])


def test_so_is_one_of_other_data_and_of_another_function(stopped: Any) -> None:
    i, n = sp.symbols("i n", integer=True)
    t = sp.IndexedBase("t")
    fit = sp.Sum((x * t[i] - y) ** 2, (i, 0, n - 1))
    path = stopped(2, objective=fit, data={t: [1.0, 2.0]})
    with pytest.raises(InputError, match="is of another task"):
        run(fit, data={t: [1.0, 3.0]}, checkpoint=path)
    path.unlink()

    def times(factor: float) -> Any:
        return lambda point: (factor * float(point @ point), 2 * factor * point)

    path = stopped(2, objective=times(2.0), starts=np.ones((100, 2)))
    run(times(2.0), np.ones((100, 2)), checkpoint=path)
    with pytest.raises(InputError, match="is of another task"):
        run(times(3.0), np.ones((100, 2)), checkpoint=path)


SCRIPT = """
import sys, sympy as sp, symadamax as sx
x, y = sp.symbols("x y")
f = (x**2 + y - 11)**2 + (x + y**2 - 7)**2 + sp.Max(x, y, sp.sin(x*y)) + sp.exp(-x**2 - y)
sample = sx.sample({x: (-5, 5), y: (-5, 5)}, 100, rng=0)
stop = sx.Stop(seconds=float(sys.argv[2])) if len(sys.argv) > 2 else None
print(sx.minimize_many(f, sample, stop=stop, steps=10, checkpoint=sys.argv[1]).best.fun)
"""


def test_another_process_goes_on(tmp_path: Path) -> None:
    """The fingerprint does not depend on the order of a set, which differs between processes."""
    answers = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "runs.npz")]
        answers.add(subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True,
        ).stdout)  # fmt: skip
    assert len(answers) == 1


def test_a_fingerprint_tells_values_apart() -> None:
    class Digest:
        def __init__(self) -> None:
            self.seen = b""

        def update(self, more: Any) -> None:
            self.seen += bytes(more)

    values = [
        None, 0, 0.0, -0.0, False, "", b"", (), [], {}, "0", ("a", "b"), ("ab",), ["a", "b"],
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), {"a": 1}, {"a": 2}, {"b": 1},
        np.float64(0), x, sp.Symbol("x1"), sx.Stop(), sx.Stop(gtol=0),
    ]  # fmt: skip
    seen = []
    for value in values:
        digest = Digest()
        _feed(digest, value)
        seen.append(digest.seen)
    assert len(set(seen)) == len(values)


# ---- files that are damaged, foreign or hostile --------------------------------------------------


def repacked(path: Path, change: Any, **how: Any) -> None:
    """Write a file again, with some of its members changed."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    with path.open("wb") as file:
        (np.savez_compressed if how.get("packed") else np.savez)(file, **arrays)


def with_content(arrays: dict[str, Any]) -> None:
    """Let the header of changed arrays fit them, as a forger would."""
    header = json.loads(arrays["header"].tobytes())
    header["content"] = archive._content({k: v for k, v in arrays.items() if k != "header"})
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)


def set_entry(name: str, place: Any, value: Any) -> Any:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name][place] = value

    return change


@pytest.mark.parametrize("keep", ["all", 5])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(keep: Any, share: float, stopped: Any) -> None:
    path = stopped(4, keep=keep)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"cannot be used as a checkpoint: .*delete the file to"):
        run(checkpoint=path, keep=keep)


def test_a_bit_that_has_changed_is_found(stopped: Any) -> None:
    """In whatever byte: the result is an error, or the bits that were written."""
    starts = sx.sample({x: (-5, 5), y: (-5, 5)}, 70, rng=0)
    path = stopped(1, starts=starts)
    data, expected = path.read_bytes(), content(run(starts=starts))
    refused = 0
    places = np.linspace(0, len(data) - 1, 150).astype(int)
    for place in places:
        path.write_bytes(data[:place] + bytes([data[place] ^ 64]) + data[place + 1 :])
        try:
            assert content(run(starts=starts, checkpoint=path)) == expected
        except InputError:
            refused += 1
    assert refused > len(places) / 2


@pytest.mark.parametrize(
    "change",
    [
        set_entry("x", (3, 0), 1.0), set_entry("fun", 3, -1e9),
        set_entry("status", 0, Status.FTOL_MET),
        lambda arrays: arrays.update(x=arrays["x"].astype(np.float32)),
        lambda arrays: arrays.update(x=arrays["x"][:, :1]),
        lambda arrays: arrays.update(fun=arrays["fun"][:-1]),
        lambda arrays: arrays.pop("nit"),
        lambda arrays: arrays.update(header=np.frombuffer(b"[1]", np.uint8)),
        lambda arrays: arrays.update(header=np.frombuffer(b"{}", np.uint8)),
        lambda arrays: arrays.update(header=np.frombuffer(b"[" * 4000, np.uint8)),
        lambda arrays: arrays.update(header=np.zeros(10**6, np.uint8)),
        lambda arrays: arrays.pop("header"),
    ],
)  # fmt: skip
def test_other_numbers_than_were_written_are_refused(change: Any, stopped: Any) -> None:
    path = stopped(4)
    repacked(path, change)
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path)


@pytest.mark.parametrize("keep", ["all", 5])
@pytest.mark.parametrize(
    "change",
    [
        set_entry("status", 0, 99), set_entry("status", 0, Status.INTERRUPTED),
        set_entry("nit", 0, -1), set_entry("number", 0, -5),
        lambda arrays: arrays.update({k: v[:-1] for k, v in arrays.items() if k != "header"}),
    ],
)  # fmt: skip
def test_a_forged_file_has_only_numbers_that_runs_can_have(
    change: Any, keep: Any, stopped: Any
) -> None:
    path = stopped(4, keep=keep)

    def forge(arrays: dict[str, Any]) -> None:
        change(arrays)
        with_content(arrays)

    repacked(path, forge)
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path, keep=keep)


@pytest.mark.parametrize(
    "change",
    [
        set_entry("ends", (0, 0), 10**6), set_entry("minima", -1, -1), set_entry("minima", 0, 300),
        set_entry("elsewhere", 0, -1), set_entry("counts", 0, -1),
        lambda arrays: arrays.update(ends=arrays["ends"][:, :3]),
    ],
)  # fmt: skip
def test_so_have_digests(change: Any, stopped: Any) -> None:
    path = stopped(4, keep=5)

    def forge(arrays: dict[str, Any]) -> None:
        change(arrays)
        with_content(arrays)

    repacked(path, forge)
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path, keep=5)


def test_more_blocks_than_there_are_is_refused(stopped: Any) -> None:
    path = stopped(4)

    def more(arrays: dict[str, Any]) -> None:
        header = json.loads(arrays["header"].tobytes())
        arrays["header"] = np.frombuffer(json.dumps({**header, "blocks": 17}).encode(), np.uint8)

    repacked(path, more)
    with pytest.raises(InputError, match="more blocks than there are"):
        run(checkpoint=path)


def test_a_packed_file_is_refused_before_it_is_unpacked(stopped: Any) -> None:
    """A few kilobytes could unpack to any size."""
    path = stopped(4)
    repacked(path, lambda arrays: arrays.update(x=np.zeros((10**6, 2))), packed=True)
    with pytest.raises(InputError, match="it has packed members"):
        run(checkpoint=path)


def test_a_header_that_claims_more_than_there_is_takes_no_memory(stopped: Any) -> None:
    path = stopped(4)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        claim, {"descr": "<f8", "fortran_order": False, "shape": (2**45, 2)}
    )
    members["x.npy"] = claim.getvalue() + members["x.npy"][128:]
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path)


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("it was executed",)


@pytest.mark.parametrize("place", ["member", "file", "array"])
def test_nothing_in_a_file_is_executed(
    place: str, stopped: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    path = stopped(4)
    monkeypatch.chdir(tmp_path)
    if place == "file":
        path.write_bytes(pickle.dumps(Bomb()))
    elif place == "array":
        with path.open("wb") as file:
            np.save(file, np.array([Bomb()]), allow_pickle=True)
    else:
        with np.load(path) as old:
            arrays = {name: old[name] for name in old.files}
        with path.open("wb") as file:
            np.savez(file, **{**arrays, "x": np.array([Bomb()])})
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path)
    assert not (tmp_path / "it was executed").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06" + bytes(18), b"text", bytes(10_000)])
def test_a_foreign_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "runs.npz"
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be used as a checkpoint"):
        run(checkpoint=path)
    assert path.read_bytes() == data


# ---- what cannot be saved ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": 3}, "checkpoint is 3; accepted is the path of a file, or None"),
        ({"checkpoint": "."}, r"The checkpoint \. is a folder"),
        ({"checkpoint": "nowhere/runs.npz"}, "is in a folder that does not exist"),
        ({"record": 5}, "record was given with checkpoint, which keeps no histories"),
        ({"starts": sx.sample({x: (-5, 5), y: (-5, 5)}, 10)}, "the sample has no seed"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(options: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        run(**{"checkpoint": tmp_path / "runs.npz", **options})


def test_a_seed_may_be_that_of_the_call(tmp_path: Path) -> None:
    starts, path = sx.sample({x: (-5, 5), y: (-5, 5)}, 70), tmp_path / "runs.npz"
    first = run(starts=starts, rng=3, checkpoint=path)
    assert content(run(starts=starts, rng=3, checkpoint=path)) == content(first)
    grid = sx.sample({x: (-5, 5), y: (-5, 5)}, 100, method="grid")
    run(starts=grid, checkpoint=tmp_path / "grid.npz")


def test_rows_are_not_saved(tmp_path: Path) -> None:
    i, n = sp.symbols("i n", integer=True)
    t = sp.IndexedBase("t")
    fit = sp.Sum((x * t[i] - y) ** 2, (i, 0, n - 1))
    with pytest.raises(InputError, match="checkpoint was given with rows"):
        run(fit, np.ones((3, 2)), data=sx.rows({t: np.ones(9)}), checkpoint=tmp_path / "runs.npz")
