"""The trail of what was run: who, when, which study on which extract, the hashes of what came out; no counts.

``internal/audit.jsonl`` only grows. Each line holds the SHA-256 of the line before it, so that a line that
is changed, taken out or moved breaks the chain from there on. What is cut off at the end leaves a whole chain
behind: ``internal/audit.head`` holds the number and the hash of the last line. Who can write to the zone can
forge both, so the hash that `verify_trail` returns can be noted elsewhere and asked for later.

Nothing of it enters a release: the same study on the same extract has the same bytes whoever runs it.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from rnc_epi import __version__
from rnc_epi.release.folders import force
from rnc_epi.release.manifest import MANIFEST
from rnc_epi.vocabulary.errors import FileProblem, VerificationFailed

TRAIL: Final = "audit.jsonl"
HEAD: Final = "audit.head"
_LOCK: Final = "audit.lock"
#: What the first line has in the place of the hash of the line before.
BEGINNING: Final = "0" * 64
SCHEMA: Final = 2
#: Every line has these and nothing else: no number of rows, no name of a person but that of who ran it.
FIELDS: Final = (
    "schema", "line", "when", "who", "action", "outcome", "judged_on", "release_id", "study_sha256",
    "extract_sha256", "version", "outputs", "previous_sha256",
)  # fmt: skip
#: Lines of trails that were begun before did not say on which day a term was judged.
_FIELDS_OF: Final = {1: tuple(name for name in FIELDS if name != "judged_on"), SCHEMA: FIELDS}
#: How long a run waits for another that writes, in seconds.
PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Trail:
    """A trail that was verified: its lines, and the hash of the last, to be noted elsewhere."""

    lines: tuple[dict[str, Any], ...]
    head: str


def append_to_trail(
    internal: str | Path,
    *,
    action: str,
    outcome: str,
    study_sha256: str | None = None,
    extract_sha256: str | None = None,
    release_id: str | None = None,
    outputs: Mapping[str, str] | None = None,
    judged_on: date | None = None,
    who: str | None = None,
    when: datetime | None = None,
) -> str:
    """Append a line to the trail of an internal zone and return its hash.

    Parameters
    ----------
    internal : path
        Folder of the internal zone; it is made if it is not there (mode 0700).
    action : str
        ``"run"``, ``"publish"``, ``"attack"``…
    outcome : str
        ``"done"``, or the code of the error that ended it.
    study_sha256, extract_sha256, release_id : str, optional
        What was run on what, as far as it was known when it ended.
    outputs : mapping of name to SHA-256, optional
    judged_on : date, optional
        The day on which the term of the extract was judged, where it was declared and not the clock's.
    who : str, optional
        By default the user who owns the process, whatever the variables of the session say.
    when : datetime with a time zone, optional
        Now by default; written in UTC.

    Raises
    ------
    FileProblem
        B040, another run has been writing for too long; B041, the trail ends in the middle of a line, or its
        head is of another trail: nothing is added to what cannot be trusted; B044, it cannot be written.
    """
    with _writing(Path(internal)) as folder:
        number, previous = _end(folder)
        moment = (when or datetime.now(UTC)).astimezone(UTC)
        stated = {
            "schema": SCHEMA,
            "line": number + 1,
            "when": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "who": _user() if who is None else who,
            "action": action,
            "outcome": outcome,
            "judged_on": None if judged_on is None else judged_on.isoformat(),
            "release_id": release_id,
            "study_sha256": study_sha256,
            "extract_sha256": extract_sha256,
            "version": __version__,
            "outputs": dict(sorted((outputs or {}).items())),
            "previous_sha256": previous,
        }
        line = _written(stated)
        # One write to the end of the file, on the disk before the head says so.
        handle = os.open(folder / TRAIL, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(handle).st_size
            try:
                _write_whole(handle, line)
                os.fsync(handle)
            except OSError:
                # No room for the whole line: half of one would break the trail for ever.
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        head = hashlib.sha256(line).hexdigest()
        _replace(folder / HEAD, f"{number + 1} {head}\n".encode())
    return head


def require_trail(internal: str | Path) -> None:
    """Require that a line can be added to the trail, before a run begins that has to add one.

    Raises
    ------
    FileProblem
        B040, B041, B044 as `append_to_trail`.
    """
    with _writing(Path(internal)) as folder:
        _end(folder)


def record_run(internal: str | Path, staged: str | Path, *, study: Mapping[str, Any], **given: Any) -> str:
    """Append the line of a run that staged a release: its manifest says on what, and what came out.

    Parameters
    ----------
    staged : path
        Folder of the staged release.
    study : mapping
        The study as it was run (`Study.parameters`); its hash is written.
    **given
        ``judged_on``, ``who`` and ``when``, as `append_to_trail` takes them.
    """
    manifest = json.loads((Path(staged) / MANIFEST).read_text(encoding="utf-8"))
    outputs = {name: str(facts["sha256"]) for name, facts in manifest["files"].items()}
    outputs[MANIFEST] = hashlib.sha256((Path(staged) / MANIFEST).read_bytes()).hexdigest()
    return append_to_trail(
        internal,
        action="run",
        outcome="done",
        study_sha256=study_hash(study),
        extract_sha256=str(manifest["extract_hash"]),
        release_id=str(manifest["release_id"]),
        outputs=outputs,
        **given,
    )


def study_hash(study: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a study asks, whatever the order or the spaces of its file.

    Examples
    --------
    >>> study_hash({"a": 1, "b": 2}) == study_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(study, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def verify_trail(path: str | Path, *, expect: str | None = None) -> Trail:
    """Verify a trail from its first line to its head.

    Parameters
    ----------
    path : path
        The file, the internal zone that holds it, or the folder that holds ``internal/``.
    expect : str, optional
        Hash of a line that was noted before: it must still be in the trail.

    Raises
    ------
    FileProblem
        B042, there is no trail; B044, it cannot be read.
    VerificationFailed
        B043, with the first line that is broken and what is wrong with it.
    """
    file = _trail_file(Path(path))
    lines: list[dict[str, Any]] = []
    previous, hashes = BEGINNING, []
    try:
        content = file.read_bytes()
    except OSError:
        raise FileProblem("B044", where=file.name) from None
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        stated = _read(line, number)
        if stated["previous_sha256"] != previous:
            raise _broken(number, "previous_sha256")
        if stated["line"] != number:
            raise _broken(number, "line")
        previous = hashlib.sha256(line).hexdigest()
        hashes.append(previous)
        lines.append(stated)
    _require_head(file.with_name(HEAD), hashes)
    if expect is not None and expect.lower() not in hashes:
        raise _broken(len(hashes) + 1, "expect")
    return Trail(tuple(lines), previous)


def _require_head(file: Path, hashes: list[str]) -> None:
    """Require that the head is that of the trail; a head one line late is a run that was cut short."""
    try:
        number, head = _head(file)
    except (OSError, ValueError):
        raise _broken(len(hashes) + 1, HEAD) from None
    if number < 0 or number > len(hashes) or number < len(hashes) - 1:
        raise _broken(min(number, len(hashes)) + 1, HEAD)
    if number and hashes[number - 1] != head:
        raise _broken(number, HEAD)


def _read(line: bytes, number: int) -> dict[str, Any]:
    try:
        stated = json.loads(line)
    except (ValueError, RecursionError):
        raise _broken(number, "JSON") from None
    schema = stated.get("schema") if isinstance(stated, dict) else None
    if not isinstance(schema, int) or tuple(stated) != _FIELDS_OF.get(schema):
        raise _broken(number, "schema")
    # The bytes themselves, so that not even a space may be added.
    try:
        same = _written(stated) == line
    except UnicodeEncodeError:
        same = False
    if not same:
        raise _broken(number, "bytes")
    return stated


def _written(stated: Mapping[str, Any]) -> bytes:
    return (json.dumps(stated, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _write_whole(handle: int, line: bytes) -> None:
    """Write all of a line; the system may take it in pieces."""
    left = memoryview(line)
    while left:
        left = left[os.write(handle, left) :]


def _broken(line: int, found: str) -> VerificationFailed:
    return VerificationFailed("B043", line=line, found=found)


def _trail_file(path: Path) -> Path:
    for file in (path, path / TRAIL, path / "internal" / TRAIL):
        if file.is_file():
            return file
    # A trail that was removed leaves its head behind.
    for file in (path / HEAD, path / "internal" / HEAD):
        if file.is_file():
            raise _broken(1, TRAIL)
    raise FileProblem("B042", where=path.name)


def _end(folder: Path) -> tuple[int, str]:
    """Return the number and the hash of the last line, if the end of the trail can be trusted."""
    file = folder / TRAIL
    if not file.exists() or not file.stat().st_size:
        if (folder / HEAD).exists():
            raise FileProblem("B041", where=TRAIL)
        return 0, BEGINNING
    last = _last_line(file)
    try:
        stated = _read(last, 0)
        number, head = _head(folder / HEAD)
    except (VerificationFailed, OSError, ValueError):
        raise FileProblem("B041", where=TRAIL) from None
    own = hashlib.sha256(last).hexdigest()
    late = (number, head) == (stated["line"] - 1, stated["previous_sha256"])
    if (number, head) != (stated["line"], own) and not late:
        raise FileProblem("B041", where=TRAIL)
    return int(stated["line"]), own


def _last_line(file: Path) -> bytes:
    """Return the last line without reading the others."""
    with file.open("rb") as handle:
        end = handle.seek(0, os.SEEK_END)
        size = min(end, 65_536)
        while True:
            handle.seek(end - size)
            tail = handle.read(size)
            start = tail.rfind(b"\n", 0, -1)
            if start >= 0 or size == end:
                return tail[start + 1 :]
            size = min(end, size * 4)


def _head(file: Path) -> tuple[int, str]:
    number, head = file.read_text(encoding="utf-8").split()
    return int(number), head


def _replace(file: Path, data: bytes) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    beside.write_bytes(data)
    beside.chmod(0o600)
    os.replace(beside, file)
    force(file.parent)


def _user() -> str:
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd

    # Not `getpass`: it believes LOGNAME, which whoever runs may set to another's name.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A user without a name, as in a container.
        return f"uid-{os.getuid()}"


@contextmanager
def _writing(folder: Path) -> Iterator[Path]:
    """Make the internal zone and hold its trail; what the system refuses is an error with a code."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with _alone(folder):
            yield folder
    except OSError as problem:
        raise FileProblem("B044", where=TRAIL) from problem


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of the trail: one run writes at a time, and the lock of one that died is free."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise FileProblem("B040", where=TRAIL)
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
