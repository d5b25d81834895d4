"""Published files in the reader's cache: checked, resumed where they broke off, refused in one sentence.

They lie in the cache folder of the user, or where the environment variable `ACTIVATIONS_DATA` says; "off" forbids downloads.
"""

import contextlib
import os
import re
import shutil
from concurrent.futures import Future
from dataclasses import dataclass
from logging import LogRecord
from pathlib import Path
from threading import Thread, get_ident
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from activations import files, progress, settings
from activations.arguments import whole

if TYPE_CHECKING:
    from requests import Response

# Seconds until a server must have begun to answer. It bounds the whole attempt: a firewall that drops packets
# costs a connection's time-out for every address of the host, and a name server has no time-out of ours.
OPENING = 8.0
SILENCE = 20.0  # seconds that a server which has begun may pause
_BLOCK = 1 << 14  # bytes; less than that is lost of what arrived before a pause
_TEMPORARY = re.compile(
    r"tmp[a-z0-9_]{8}"
)  # what Python's tempfile, and so pooch, calls a file that is not finished


class Unavailable(OSError):
    """A data set cannot be had here and now; says in one sentence which, why, and what to take instead."""


class _Failed(Exception):
    """A server did not give the file; what arrived stays for the next call."""


@dataclass(frozen=True)
class Remote:
    """A published file.

    Args:
        path: Where it lies in the cache, "folder/name".
        url: Where it comes from, http or https.
        size: Its length in bytes.
        sha256: Its checksum, 64 hexadecimal digits.

    Raises:
        ValueError: If a field is not of that form.
    """

    path: str
    url: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        """Refuse what no download could satisfy."""
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", self.path):
            raise ValueError(f"path must be relative, folder/name, got {self.path!r}")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise ValueError(f"url must be an http or https address, got {self.url!r}")
        object.__setattr__(self, "size", whole("size", self.size, most=2**63 - 1))
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")

    @property
    def host(self) -> str:
        """Name of the server."""
        return str(urlsplit(self.url).hostname)


def fetch(title: str, remote: Remote, instead: str) -> Path:
    """Return where a file lies on this machine, and download it first where it is missing or damaged.

    One attempt is made. What arrived of a download that broke off stays, and the next call goes on from it.
    Several processes may ask for the same file at once.

    Args:
        title: What the data set is called.
        remote: The file.
        instead: What to do without it, the end of the sentence that says why it cannot be had.

    Raises:
        Unavailable: If the server cannot be reached, refuses, breaks off or sends another file, or if the
            file cannot be stored.
    """
    import pooch

    try:
        folder, reason = settings.folder("ACTIVATIONS_DATA"), "ACTIVATIONS_DATA switches downloads off"
    except ValueError as why:
        folder, reason = None, str(why)
    if folder is None:
        raise Unavailable(f"{title} cannot be had: {reason}; {instead}.")
    store = pooch.create(
        path=folder,
        base_url="",
        registry={remote.path: f"sha256:{remote.sha256}"},
        urls={remote.path: remote.url},
    )
    part = store.abspath / f"{remote.path}.part"
    here, log = get_ident(), pooch.get_logger()

    def of_others(record: LogRecord) -> bool:
        return record.thread != here

    log.addFilter(of_others)  # its lines name the folder, and so differ from one machine to the next
    try:
        part.parent.mkdir(parents=True, exist_ok=True)  # pooch's own way fails where two do it at once
        with contextlib.ExitStack() as held:
            path = store.fetch(
                remote.path,
                downloader=lambda url, target, _: _download(title, remote, part, Path(target), held),
            )
        part.unlink(missing_ok=True)
        return Path(path)
    except _Failed as error:
        reason = str(error)
        with contextlib.suppress(OSError):
            if not part.stat().st_size:
                part.unlink()
    except ValueError:
        part.unlink(missing_ok=True)
        reason = f"what {remote.host} sent is not the published file and was removed"
    except OSError as error:
        reason = (
            f"{store.abspath} cannot hold it ({error.strerror or 'Permission denied'}), "
            "and ACTIVATIONS_DATA can name another folder"
        )
    finally:
        log.removeFilter(of_others)
    raise Unavailable(f"{title} cannot be had: {reason}; {instead}.")


def _download(title: str, remote: Remote, part: Path, target: Path, held: contextlib.ExitStack) -> None:
    """Complete the file `part` and copy it to `target`, which stays locked until `held` ends.

    Other processes may be at it, too: all write the same bytes, none leaves a gap behind the end, and each
    copies from the file that it opened, even where another one has finished and removed the name.
    """
    with open(part, "r+b", opener=lambda path, flags: os.open(path, flags | os.O_CREAT, 0o666)) as file:
        have = file.seek(0, os.SEEK_END)
        if have > remote.size:
            have = file.truncate(0)
        if have < remote.size:
            _receive(title, remote, file, have)
        file.seek(0)
        # The name is pooch's and stays; the file is a new one, since pooch's could be read by nobody else. What is
        # called so and has no lock was left by a killed process.
        files.clear(path for path in target.parent.glob("tmp*") if _TEMPORARY.fullmatch(path.name))
        files.remove(target)
        whole = held.enter_context(files.created(target))
        shutil.copyfileobj(file, whole, _BLOCK)
        whole.flush()
        if files.fcntl is None:  # there an open file cannot be moved, and what is new is not taken for left
            held.close()


def _receive(title: str, remote: Remote, file: BinaryIO, have: int) -> None:
    """Write what is missing behind the first `have` bytes."""
    from urllib3.exceptions import HTTPError

    with _open(remote, have) as response:
        at = file.seek(_start(remote, response, have))
        bar = progress.bar(
            progress.watched(),
            desc=f"{title}, {Path(remote.path).name}",
            initial=at,
            total=remote.size,
            unit="B",
            unit_scale=True,
        )
        # The bytes as they travel: a .gz file must not be unpacked on its way. The count tells of a break.
        with bar as advance, contextlib.suppress(HTTPError):
            for block in response.raw.stream(_BLOCK, decode_content=False):
                at += len(block)
                if at > remote.size:
                    raise ValueError(f"{remote.host} sent more than {remote.size} bytes")
                file.write(block)
                advance(len(block))
    if at < remote.size:
        kept = 100 * max(at, have) // remote.size
        raise _Failed(
            f"the connection to {remote.host} broke after {kept} % of it, from where the next call goes on"
        )


def _open(remote: Remote, have: int) -> "Response":
    """Ask for the file, from byte `have` on, in a thread: only so can the whole attempt be bounded."""
    import requests
    from urllib3.exceptions import HTTPError

    refusals = (OSError, ValueError, HTTPError)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    answer: Future[Response] = Future()

    def ask() -> None:
        try:
            answer.set_result(
                requests.get(remote.url, headers=headers, stream=True, timeout=(OPENING, SILENCE))
            )
        except refusals as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(OPENING)
    except (TimeoutError, requests.Timeout):
        answer.add_done_callback(_close)
        raise _Failed(f"{remote.host} did not answer within {OPENING:g} s") from None
    except refusals as error:
        raise _Failed(f"{remote.host} cannot be reached ({type(error).__name__})") from None


def _close(answer: "Future[Response]") -> None:
    """Close an answer that came too late."""
    if not answer.exception():
        answer.result().close()


def _start(remote: Remote, response: "Response", have: int) -> int:
    """Byte of the file that an answer begins with: a server may ignore what it was asked for."""
    if response.status_code not in (200, 206):
        raise _Failed(f"{remote.host} answered {response.status_code} {response.reason}".rstrip())
    start, total = 0, response.headers.get("Content-Length", "*")
    if response.status_code == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        start, total = (int(span[1]), span[2]) if span else (0, "unknown")
    if start > have or total not in ("*", str(remote.size)):
        raise _Failed(f"{remote.host} sent another file")
    return start
