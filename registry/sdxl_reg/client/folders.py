"""Folders of pictures to a server: announced by digest, sent many files at once, ingested there.

A folder is walked by the same rules as an ingest on one's own machine walks it. Only files whose
bytes the server does not know are sent; after a break, or another day, the rest of them.
"""

import hashlib
import os
import socket
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sdxl_reg.client.client import Client, address
from sdxl_reg.errors import (
    Conflict,
    InvalidValue,
    NotFound,
    NotReady,
    RegistryError,
    UsageError,
    from_facts,
)
from sdxl_reg.imaging.names import shown
from sdxl_reg.imaging.problems import Code, Problem, Stage, as_document
from sdxl_reg.imaging.scan import contents_of, survey

Advance = Callable[[int, int, str], None]
"""Told (done, of all, what is done)."""
Options = Mapping[str, Any]
"""How the folder is read: `as_name`, `layout`, `caption`, `rehash`, `max_pixels`, `project`."""
_Item = TypeVar("_Item")
_ANNOUNCED = 2_000  # files a request
_TOGETHER, _TOGETHER_BYTES = 1_000, 32 << 20  # files and bytes a request
_READ_BYTES = 1 << 20
_ATTEMPTS = 8
_MAX_WAIT_S = 10.0
_HASHING = 4  # threads
_LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class _LocalFile:
    """A file of the folder, as it is announced."""

    path: Path
    name: str
    size_bytes: int
    sha256: str


@dataclass(kw_only=True)
class SentFolder:
    """A folder that a server knows, before its files are sent and after.

    Attributes:
        key: Of the ingest.
        plan: What the server would do, as its API tells it.
        files: By name.
        problems: What of the folder cannot be sent, as documents.
        ignored: Junk → how many of it.
    """

    key: str
    plan: dict[str, Any]
    files: dict[str, _LocalFile]
    problems: list[dict[str, str]] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)


def announce_folder(
    client: Client,
    folder: Path,
    options: Options,
    *,
    advance: Advance = lambda _done, _total, _what: None,
) -> SentFolder:
    """Hash the files of a folder and tell the server of them; nothing is sent or recorded.

    Args:
        client: The server.
        folder: The folder; only read.
        options: How it is read.
        advance: Told after each file.

    Raises:
        NotFound: There is no such folder.
        InvalidValue: It is a file; or the server refuses an option.
        RegistryError: The server refuses something else.
        NotReady: The server does not answer.
    """
    if not folder.exists():
        raise NotFound("folder", folder, remedy="Check the path")
    if not folder.is_dir():
        remedy = f"Ingest its folder: {folder.parent}"
        raise InvalidValue("this is a file, not a folder", folder, remedy=remedy)
    root = folder.resolve()
    found = _walked(root)
    files = _hashed(found, advance)
    body = {
        **{name: value for name, value in options.items() if value is not None},
        "folder": shown(root.name) or "images",
        "place": f"{socket.gethostname()}{shown(str(root))}",
    }
    key = str(client.post("ingests", body=body)["key"])
    for some in _portions(list(files.values())):
        _announce(client, key, files=some)
    for shut in _portions(found.closed):
        _announce(client, key, closed={problem.path: problem.message for problem in shut})
    for unread in _portions([p.path for p in found.problems if p.stage == Stage.READ]):
        _announce(client, key, unread=unread)
    try:
        plan = client.post("ingests", key, "plan")
    except RegistryError:
        forget_folder(client, key)
        raise
    return SentFolder(
        key=key,
        plan=plan,
        files=files,
        problems=[as_document(problem) for problem in found.problems],
        ignored=found.ignored,
    )


def forget_folder(client: Client, key: str) -> None:
    """Have the server forget a folder that was announced.

    Args:
        client: The server.
        key: Of the ingest.

    Raises:
        RegistryError: The server refuses.
        NotReady: The server does not answer.
    """
    client.request("DELETE", address("ingests", key))


def send_files(
    client: Client,
    sent: SentFolder,
    *,
    advance: Advance = lambda _done, _total, _what: None,
) -> None:
    """Send the files whose bytes the server does not know.

    A connection that breaks is made again, and the rest is sent.

    Args:
        client: The server.
        sent: From `announce_folder`.
        advance: Told (bytes done, of all, "sending").

    Raises:
        RegistryError: The server refuses.
        UsageError: A file changes while it is sent.
        NotReady: The server does not answer any more.
    """
    total = int(sent.plan["missing_bytes"])
    failures, done = 0, 0
    while wanted := client.get("ingests", sent.key, "missing", limit=_TOGETHER)["missing"]:
        batch = _batch(sent, wanted)
        before = set(wanted)
        try:
            for file in batch:
                _require_unchanged(file)
            headers = {"Content-Type": "application/x-tar"}
            url = address("ingests", sent.key, "content")
            content = _tar(batch, _told(advance, done, total))
            client.request("PATCH", url, content=content, headers=headers)
            failures = 0
        except (NotReady, Conflict):  # broken off
            failures += 1
            if failures == _ATTEMPTS:
                raise
            time.sleep(min(0.25 * 2**failures, _MAX_WAIT_S))
            continue
        done += sum(file.size_bytes for file in batch)
        if before <= set(client.get("ingests", sent.key, "missing", limit=_TOGETHER)["missing"]):
            raise NotReady("the server asks for the same files again", remedy="Try again later")


def commit_folder(
    client: Client,
    sent: SentFolder,
    *,
    advance: Advance = lambda _done, _total, _what: None,
) -> dict[str, Any]:
    """Have a sent folder ingested, and wait for it.

    Args:
        client: The server.
        sent: Of which everything was sent.
        advance: Told how far the server is.

    Returns:
        The report, as `sdxl-reg ingest --json` prints it on one's own machine.

    Raises:
        RegistryError: Why the ingest failed.
        NotReady: The server does not answer any more.
    """
    body = {"files": len(sent.files)}
    state = client.post("ingests", sent.key, "commit", body=body)
    while state["state"] not in ("done", "failed"):
        time.sleep(_LOOK_S)
        state = _state(client, sent.key)
        if state["state"] == "lost":
            state = client.post("ingests", sent.key, "commit", body=body)
        progress = state["progress"]
        if progress["total"]:
            advance(progress["done"], progress["total"], progress["what"])
    if state["state"] == "failed":
        raise from_facts(state["error"])
    return _completed(state["report"], sent)


def send_folder(
    client: Client,
    folder: Path,
    *,
    advance: Advance = lambda _done, _total, _what: None,
    **options: Any,
) -> dict[str, Any]:
    """Have a folder of this machine ingested by a server, as `sdxl-reg ingest` does it here.

    Args:
        client: The server.
        folder: The folder; only read.
        advance: Told how far it is.
        **options: How it is read: `as_name`, `layout`, `caption`, `rehash`, `max_pixels`,
            `project`.

    Returns:
        The report. Raises what `announce_folder`, `send_files` and `commit_folder` do.
    """
    sent = announce_folder(client, folder, options, advance=advance)
    send_files(client, sent, advance=advance)
    return commit_folder(client, sent, advance=advance)


@dataclass(kw_only=True)
class _Walked:
    files: list[tuple[Path, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    closed: list[Problem] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)


def _walked(root: Path) -> _Walked:
    """What an ingest would look at: pictures and captions; what it would pass over, and why."""
    found = _Walked()
    for folder in survey(root):
        if folder.problem is not None:
            found.closed.append(folder.problem)
            continue
        here = contents_of(root, folder)
        found.files += [(picture.path, picture.name) for picture in here.pictures]
        inherited = folder.metadata.keys()
        own = {f"{folder.name}/metadata.jsonl".lstrip("/")}
        found.files += [
            (path, name)
            for name, path in here.captions.items()
            if name not in inherited or name in own
        ]
        found.problems += here.problems
        for kind, count in here.ignored.items():
            found.ignored[kind] = found.ignored.get(kind, 0) + count
    return found


def _hashed(found: _Walked, advance: Advance) -> dict[str, _LocalFile]:
    """The files with their digests; one that cannot be read becomes a problem."""
    files: dict[str, _LocalFile] = {}
    with ThreadPoolExecutor(_HASHING, thread_name_prefix="hashing") as pool:
        hashed = pool.map(_hash, found.files)
        for done, result in enumerate(hashed, start=1):
            if isinstance(result, Problem):
                found.problems.append(result)
            else:
                files[result.name] = result
            advance(done, len(found.files), "hashing")
    return files


def _hash(file: tuple[Path, str]) -> _LocalFile | Problem:
    path, name = file
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = os.fstat(stream.fileno()).st_size
    except PermissionError:
        message = "It may not be read; check its permissions"
        return Problem(path=name, stage=Stage.READ, code=Code.PERMISSION_DENIED, message=message)
    except FileNotFoundError:
        message = "It vanished while the folder was read"
        return Problem(path=name, stage=Stage.READ, code=Code.VANISHED, message=message)
    except OSError as error:
        message = f"It cannot be read: {error.strerror}"
        return Problem(path=name, stage=Stage.READ, code=Code.UNREADABLE, message=message)
    return _LocalFile(path=path, name=name, size_bytes=size, sha256=digest)


def _state(client: Client, key: str) -> dict[str, Any]:
    """How an ingest stands; a server that is away for a moment is waited for."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found: dict[str, Any] = client.get("ingests", key)
        except NotReady:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(min(0.25 * 2**attempt, _MAX_WAIT_S))
        else:
            return found
    raise AssertionError("the loop returns or raises")


def _announce(
    client: Client,
    key: str,
    *,
    files: Sequence[_LocalFile] = (),
    closed: Mapping[str, str] | None = None,
    unread: Sequence[str] = (),
) -> None:
    body = {
        "files": [
            {"path": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256}
            for file in files
        ],
        "closed": dict(closed or {}),
        "unread": list(unread),
    }
    client.put("ingests", key, "files", body=body)


def _portions(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _ANNOUNCED):
        yield items[start : start + _ANNOUNCED]


def _batch(sent: SentFolder, wanted: Sequence[str]) -> list[_LocalFile]:
    """The first of the wanted files, as many as go together; one at least."""
    batch: list[_LocalFile] = []
    size = 0
    for name in wanted:
        file = sent.files[name]
        if batch and size + file.size_bytes > _TOGETHER_BYTES:
            break
        batch.append(file)
        size += file.size_bytes
    return batch


def _require_unchanged(file: _LocalFile) -> None:
    try:
        size = file.path.stat().st_size
    except OSError as error:
        raise _changed(file) from error
    if size != file.size_bytes:
        raise _changed(file)


def _changed(file: _LocalFile) -> UsageError:
    return UsageError(
        f"{file.path} has changed while the folder was sent",
        remedy="Run the same command again when it is finished",
    )


def _tar(files: Sequence[_LocalFile], told: Callable[[int], None]) -> Iterator[bytes]:
    """A tar of files, while they are read."""
    far = 0
    for file in files:
        header = tarfile.TarInfo(file.name)
        header.size = file.size_bytes
        yield header.tobuf(tarfile.PAX_FORMAT, "utf-8")
        with file.path.open("rb") as stream:
            left = file.size_bytes
            while left and (data := stream.read(min(_READ_BYTES, left))):
                left -= len(data)
                far += len(data)
                yield data
                told(far)
        if left:
            raise _changed(file)
        yield bytes(-file.size_bytes % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _told(advance: Advance, before: int, total: int) -> Callable[[int], None]:
    return lambda far: advance(before + far, total, "sending")


def _completed(report: dict[str, Any], sent: SentFolder) -> dict[str, Any]:
    """The report with what only this machine knows: what could not be sent, and what is junk."""
    failed = [one for one in sent.problems if one["stage"] == Stage.READ]
    skipped = [one for one in sent.problems if one["stage"] != Stage.READ]
    ignored = dict(report["ignored"])
    for kind, count in sent.ignored.items():
        ignored[kind] = ignored.get(kind, 0) + count
    return {
        **report,
        "seen": report["seen"] + len(sent.problems),
        "skipped": report["skipped"] + len(skipped),
        "failed": report["failed"] + len(failed),
        "ignored": dict(sorted(ignored.items())),
        "problems": sorted(
            [*report["problems"], *sent.problems],
            key=lambda one: (one["stage"] in ("read", "decode"), one["path"]),
        ),
    }
