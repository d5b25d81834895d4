"""What is downloaded: checked, resumed, refused in one sentence, and read in its published format.

A server on this machine plays the part of the real ones, with all their ways to fail.
"""

import gzip
import hashlib
import io
import os
import pickle
import re
import socket
import struct
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import numpy as np
import pooch
import pytest
from tqdm.auto import tqdm

from activations import data, download
from activations.download import Remote, Unavailable, fetch
from patience import HUNG

CONTENT = np.random.default_rng(0).bytes(300_000)
INSTEAD = "others need no download"


class Server(ThreadingHTTPServer):
    """Serves `files`; each request uses up one word of `manners`, the last word stays."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.manners, self.ranges, self.released = {}, ["well"], [], Event()
        self.halfway, self.go_on = Event(), Event()

    def remote(self, path="folder/file.bin", content=CONTENT, size=None):
        self.files[f"/{path}"] = content
        address = f"http://127.0.0.1:{self.server_port}/{path}"
        return Remote(path, address, size or len(content), hashlib.sha256(content).hexdigest())

    def handle_error(self, request, client_address):
        """A client that has gone is no news."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        manner = server.manners.pop(0) if len(server.manners) > 1 else server.manners[0]
        server.ranges.append(self.headers["Range"])
        body, start = server.files[self.path], 0
        if manner == "missing":
            return self.send_error(404)
        if manner == "silent":
            return server.released.wait(HUNG)
        if asked := self.headers["Range"] if manner != "deaf" else None:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            start = {"early": start - 1000, "late": start + 1000}.get(manner, start)
        if manner == "wrong":
            body = bytes(len(body))
        if manner == "portal":
            body = b"<html>Please log in</html>"
        if manner == "packed" and "gzip" in self.headers["Accept-Encoding"]:
            body = gzip.compress(body)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if manner == "packed":  # as servers do with a file whose name ends in .gz
            self.send_header("Content-Encoding", "gzip")
        if manner not in ("uncounted", "endless"):
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        if manner in ("cuts", "pauses"):
            self.wfile.write(rest[: len(rest) // 2])
            return server.released.wait(HUNG) if manner == "pauses" else None
        if manner == "slow":
            for place in range(0, len(rest), 30_000):
                self.wfile.write(rest[place : place + 30_000])
                server.halfway.set()
                server.go_on.wait(HUNG)
            return None
        self.wfile.write(rest)
        if manner == "endless":
            try:
                for _ in range(200):
                    self.wfile.write(rest)
            except ConnectionError:
                server.released.set()

    def log_message(self, *_):
        """Nobody reads it."""


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTIVATIONS_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "OPENING", HUNG)
    with Server() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.released.set()
        running.go_on.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(server, tmp_path):
    return tmp_path / "cache"


def names(cache):
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def had(remote):
    return fetch("Things", remote, INSTEAD).read_bytes()


def refusal(remote):
    """The sentence, and only one."""
    with pytest.raises(Unavailable) as caught:
        fetch("Things", remote, INSTEAD)
    said = str(caught.value)
    assert said.startswith("Things cannot be had: ") and said.endswith(f"; {INSTEAD}.")
    assert "\n" not in said and ". " not in said
    assert caught.value.__cause__ is None and caught.value.__context__ is None  # no tracebacks of others
    return said


def test_a_file_is_fetched_once_and_then_read_from_the_cache(server, cache):
    remote = server.remote()
    path = fetch("Things", remote, INSTEAD)
    assert path == cache / "folder" / "file.bin" and path.read_bytes() == CONTENT
    assert had(remote) == CONTENT
    assert server.ranges == [None]
    assert names(cache) == ["folder/file.bin"]


def test_without_the_variable_the_cache_is_the_user_s(server, cache, monkeypatch, tmp_path):
    monkeypatch.delenv("ACTIVATIONS_DATA")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "user" / project)
    assert fetch("Things", server.remote(), INSTEAD) == tmp_path / "user/activations/folder/file.bin"


def test_a_download_that_broke_off_is_resumed_by_the_next_call(server, cache):
    remote, server.manners = server.remote(), ["cuts", "cuts", "well"]
    said = refusal(remote)
    assert "the connection to 127.0.0.1 broke after 50 % of it, from where the next call goes on" in said
    assert names(cache) == ["folder/file.bin.part"]
    assert "broke after 75 %" in refusal(remote)
    assert had(remote) == CONTENT
    assert server.ranges == [None, "bytes=150000-", "bytes=225000-"]
    assert names(cache) == ["folder/file.bin"]


def test_a_server_that_falls_silent_midway_is_left_and_resumed(server, cache, monkeypatch):
    remote, server.manners = server.remote(), ["pauses"]
    for silence in (0.2, 2, 20, HUNG):  # where the machine is busy, the half itself may take longer
        monkeypatch.setattr(download, "SILENCE", silence)
        if "broke after 49 %" in (told := refusal(remote)):  # whole blocks
            break
        (cache / "folder/file.bin.part").unlink(missing_ok=True)
    assert "broke after 49 %" in told
    assert not server.released.is_set()  # it was left, and is silent still
    monkeypatch.setattr(download, "SILENCE", HUNG)
    server.manners = ["well"]
    assert had(remote) == CONTENT and server.ranges[-1] == f"bytes={150_000 // 16384 * 16384}-"


def test_a_server_that_ignores_the_range_sends_all_of_it(server):
    remote, server.manners = server.remote(), ["cuts", "deaf"]
    refusal(remote)
    assert had(remote) == CONTENT and server.ranges[1] == "bytes=150000-"


def test_what_is_kept_does_not_shrink_when_a_start_from_zero_breaks_off(server, cache, monkeypatch):
    remote, server.manners = server.remote(), ["cuts", "cuts", "deaf"]
    refusal(remote), refusal(remote)
    rest = CONTENT[:50_000]
    monkeypatch.setattr(Handler, "do_GET", lambda handler: answer_in_full_and_cut(handler, rest))
    assert "broke after 75 %" in refusal(remote)
    assert (cache / "folder/file.bin.part").read_bytes() == CONTENT[:225_000]


def answer_in_full_and_cut(handler, body):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(body)


def test_an_answer_that_begins_earlier_than_asked_is_put_in_its_place(server):
    remote, server.manners = server.remote(), ["cuts", "early"]
    refusal(remote)
    assert had(remote) == CONTENT


def test_an_answer_that_would_leave_a_hole_is_refused_and_the_part_kept(server):
    remote, server.manners = server.remote(), ["cuts", "late", "well"]
    refusal(remote)
    assert "127.0.0.1 sent another file" in refusal(remote)
    assert had(remote) == CONTENT and server.ranges[2] == "bytes=150000-"


def test_a_log_in_page_neither_counts_nor_spoils_what_is_there(server):
    remote, server.manners = server.remote(), ["cuts", "portal", "well"]
    refusal(remote)
    assert "127.0.0.1 sent another file" in refusal(remote)
    assert had(remote) == CONTENT and server.ranges[2] == "bytes=150000-"


def test_a_wrong_file_of_the_right_length_is_removed(server, cache):
    remote, server.manners = server.remote(), ["wrong", "well"]
    assert "what 127.0.0.1 sent is not the published file and was removed" in refusal(remote)
    assert names(cache) == []
    assert had(remote) == CONTENT and server.ranges == [None, None]


def test_a_part_that_does_not_belong_to_the_file_does_not_stay_in_the_way(server, cache):
    remote = server.remote()
    part = cache / "folder" / "file.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))
    assert "is not the published file and was removed" in refusal(remote)
    assert had(remote) == CONTENT
    (cache / remote.path).unlink()
    part.write_bytes(CONTENT + b"more")
    assert had(remote) == CONTENT and server.ranges == ["bytes=1000-", None, None]


def test_a_whole_part_is_taken_without_asking_the_server(server, cache):
    remote = server.remote()
    part = cache / "folder" / "file.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert had(remote) == CONTENT and server.ranges == []
    assert names(cache) == ["folder/file.bin"]


def test_a_file_damaged_in_the_cache_is_found_and_fetched_again(server, cache):
    remote = server.remote()
    path = fetch("Things", remote, INSTEAD)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert had(remote) == CONTENT and len(server.ranges) == 2


def test_a_file_without_a_stated_length_is_accepted_and_one_without_end_refused(server, cache):
    remote, server.manners = server.remote(), ["endless", "uncounted"]
    assert "is not the published file and was removed" in refusal(remote)
    assert server.released.wait(HUNG)  # the client went away
    assert names(cache) == []
    assert had(remote) == CONTENT


def test_a_packed_file_is_stored_packed(server):
    packed = gzip.compress(CONTENT)
    remote, server.manners = server.remote("file.gz", packed), ["packed"]
    assert had(remote) == packed


def test_an_error_of_the_server_is_told_and_what_is_there_stays(server):
    remote, server.manners = server.remote(), ["cuts", "missing", "well"]
    refusal(remote)
    assert "127.0.0.1 answered 404 Not Found" in refusal(remote)
    assert had(remote) == CONTENT and server.ranges[2] == "bytes=150000-"


def test_a_server_that_never_answers_is_left_in_time(server, monkeypatch):
    monkeypatch.setattr(download, "OPENING", 0.3)
    remote, server.manners = server.remote(), ["silent"]
    assert "127.0.0.1 did not answer within 0.3 s" in refusal(remote)
    assert not server.released.is_set()  # it has not answered yet
    assert len(server.ranges) <= 1  # one attempt, which may not have arrived


def test_a_name_server_that_never_answers_is_left_in_time(server, monkeypatch):
    monkeypatch.setattr(download, "OPENING", 0.3)
    remote = server.remote()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: server.released.wait(HUNG) and (_ for _ in ()).throw(OSError)
    )
    assert "did not answer within 0.3 s" in refusal(remote)
    assert not server.released.is_set()


def test_an_answer_that_comes_too_late_is_closed(server, monkeypatch):
    import requests

    closed, left, get = Event(), Event(), requests.get

    def late(*args, **kwargs):
        response = get(*args, **kwargs)
        monkeypatch.setattr(response, "close", lambda: (type(response).close(response), closed.set()))
        assert left.wait(HUNG)
        return response

    monkeypatch.setattr(requests, "get", late)
    monkeypatch.setattr(download, "OPENING", 0.1)
    refusal(server.remote())
    left.set()
    assert closed.wait(HUNG)


def test_without_a_network_it_is_told_which_server_cannot_be_reached(server, monkeypatch):
    def no_network(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    remote = server.remote()
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    assert "127.0.0.1 cannot be reached (ConnectionError)" in refusal(remote)


def test_a_refused_connection_is_told_and_leaves_nothing(server, cache):
    remote = server.remote()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    closed = Remote(remote.path, f"http://127.0.0.1:{port}/", remote.size, remote.sha256)
    assert "127.0.0.1 cannot be reached (ConnectionError)" in refusal(closed)
    assert names(cache) == []


def test_a_full_disk_is_told(server, cache):
    part = cache / "folder" / "file.bin.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    said = refusal(server.remote())
    assert f"{cache} cannot hold it (No space left on device)" in said


def test_a_disk_that_fills_up_keeps_what_it_took(server, cache, monkeypatch):
    write = io.BufferedRandom.write
    remote = server.remote()

    class Small(io.BufferedRandom):
        def write(self, block):
            if self.tell() + len(block) > 200_000:
                raise OSError(28, "No space left on device")
            return write(self, block)

    def small(path, mode, opener):
        assert mode == "r+b"
        return Small(io.FileIO(path, "r+", opener=opener))

    with monkeypatch.context() as patched:
        patched.setattr(download, "open", small, raising=False)
        assert "cannot hold it (No space left on device)" in refusal(remote)
    assert had(remote) == CONTENT
    kept = int(server.ranges[1].removeprefix("bytes=").removesuffix("-"))
    assert 100_000 < kept <= 200_000


def test_a_cache_that_cannot_be_made_is_told(server, monkeypatch, tmp_path):
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("ACTIVATIONS_DATA", str(tmp_path / "occupied" / "cache"))
    assert re.search(r"occupied/cache cannot hold it \(Not a directory\)", refusal(server.remote()))

    def forbidden(path, env=None):
        raise PermissionError("Permission denied. | Pooch could not create it. And so on.")

    monkeypatch.setattr(pooch.core, "make_local_storage", forbidden)
    monkeypatch.setenv("ACTIVATIONS_DATA", str(tmp_path / "forbidden"))
    assert "forbidden cannot hold it (Permission denied)" in refusal(server.remote())


def test_a_file_can_be_read_by_whom_the_umask_lets_and_what_killed_downloads_left_is_gone(server, cache):
    left, mine = cache / "folder" / "tmpab_4cd9x", cache / "folder" / "tmp-of-mine"
    left.parent.mkdir(parents=True)
    for path in (left, mine):
        path.write_bytes(b"half")
    before = os.umask(0o027)
    try:
        assert had(server.remote()) == CONTENT
    finally:
        os.umask(before)
    assert (cache / "folder" / "file.bin").stat().st_mode & 0o777 == 0o640
    assert names(cache / "folder") == ["file.bin", "tmp-of-mine"]


def test_an_interruption_passes_and_keeps_the_part(server, cache, monkeypatch):
    class Interrupted(tqdm):
        blocks = 0

        def update(self, _=1):
            self.blocks += 1
            if self.blocks == 2:
                raise KeyboardInterrupt

    remote = server.remote()
    with monkeypatch.context() as patched:
        patched.setattr("tqdm.auto.tqdm", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch("Things", remote, INSTEAD)
    assert had(remote) == CONTENT and server.ranges[1] == f"bytes={2 * 16384}-"


@pytest.mark.parametrize("attempt", range(5))
def test_several_may_ask_for_a_file_at_once(server, cache, attempt):
    remote, server.manners = server.remote(), ["cuts", "slow"]
    refusal(remote)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(had, remote)]
        assert server.halfway.wait(HUNG)  # one has begun, the others go on behind it
        asked += [
            pool.submit(had, remote) for _ in range(12)
        ]  # more than there are threads: some come at the end
        server.go_on.set()
        assert all(one.result() == CONTENT for one in asked)
    assert names(cache) == ["folder/file.bin"]


@pytest.mark.parametrize(
    ("kernel", "quiet", "terminal", "shown"),
    [
        (False, False, False, False),
        (False, True, True, True),
        (True, False, False, True),
        (True, True, False, False),
    ],
)
def test_a_bar_shows_where_somebody_watches(server, monkeypatch, capfd, kernel, quiet, terminal, shown):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if kernel:
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
    if quiet:
        monkeypatch.setenv("ACTIVATIONS_QUIET", "1")
    else:
        monkeypatch.delenv("ACTIVATIONS_QUIET", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    had(server.remote())
    out, err = capfd.readouterr()
    assert out == ""
    if shown:
        assert "Things, file.bin" in err and "300k" in err
    else:
        assert err == ""


def test_pooch_is_silent_and_speaks_again_afterwards(server, caplog, monkeypatch):
    log = pooch.get_logger()  # belongs to no other
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    remote, server.manners = server.remote(), ["missing", "well"]
    refusal(remote), had(remote)
    log.info("again")
    assert [record.message for record in caplog.records] == ["again"]


@pytest.mark.parametrize(
    ("field", "bad", "says"),
    [
        ("path", "/etc/passwd", "path must be relative, folder/name, got '/etc/passwd'"),
        ("path", "../x", "path must be relative, folder/name, got '../x'"),
        ("path", "", "path must be relative, folder/name, got ''"),
        ("url", "ftp://host/x", "url must be an http or https address, got 'ftp://host/x'"),
        ("url", "x.gz", "url must be an http or https address, got 'x.gz'"),
        ("size", 0, "size must be at least 1, got 0"),
        ("sha256", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "sha256 must be 64 hexadecimal digits, got '8d4f"),
    ],
)
def test_what_no_download_could_satisfy_is_refused_by_name(field, bad, says):
    good = {"path": "a/b.gz", "url": "https://host/b.gz", "size": 1, "sha256": "0" * 64}
    assert Remote(**good).host == "host"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        Remote(**good | {field: bad})


# ---------------------------------------------------------------- the sets

draw = np.random.default_rng(1)
CLOTHES, CLOTHES_TEST = (draw.integers(0, 256, (count, 28, 28), np.uint8) for count in (30, 10))
KINDS, KINDS_TEST = (np.arange(count, dtype=np.uint8) % 10 for count in (30, 10))
PHOTOS = draw.integers(0, 256, (6, 4, 3, 32, 32), np.uint8)  # five batches and the test batch, of four
PHOTOS[:, :, 2] //= 2  # little blue: the colours must not be scaled alike
LABELS = draw.permutation(np.arange(24, dtype=np.uint8) % 10).reshape(6, 4)


def idx(values):
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(head + values.tobytes())


def archive():
    """Like the published one, in its order, with what else lies in it."""
    batches = {
        name: b"".join(
            bytes([label]) + photo.tobytes() for label, photo in zip(LABELS[i], PHOTOS[i], strict=True)
        )
        for i, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"])
    }
    batches |= {"batches.meta.txt": b"airplane\nautomobile\n", "readme.html": b"<html></html>"}
    order = "data_batch_1.bin batches.meta.txt data_batch_3.bin data_batch_4.bin test_batch.bin readme.html"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        folder = tarfile.TarInfo("cifar-10-batches-bin")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in [*order.split(), "data_batch_5.bin", "data_batch_2.bin"]:
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(batches[name])
            tar.addfile(entry, io.BytesIO(batches[name]))
    return made.getvalue()


@pytest.fixture
def sets(server, monkeypatch):
    """The larger sets, small, from the server; nothing of them in this process' memory."""
    parts = (CLOTHES, KINDS, CLOTHES_TEST, KINDS_TEST)
    remotes = tuple(
        server.remote(real.path, idx(part))
        for real, part in zip(data.downloaded._FASHION_MNIST, parts, strict=True)
    )
    monkeypatch.setattr(data.downloaded, "_FASHION_MNIST", remotes)
    monkeypatch.setattr(data.downloaded, "_CIFAR10", server.remote(data.downloaded._CIFAR10.path, archive()))
    for reader in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, reader, None)
    for made in (data.fashion_mnist, data.cifar10):
        made.cache_clear()
    yield server
    for made in (data.fashion_mnist, data.cifar10):
        made.cache_clear()


def standardised(images, by):
    mean, sd = by.mean((0, 2, 3), keepdims=True), by.std((0, 2, 3), keepdims=True)
    return (images - mean) / sd


def test_fashion_mnist_is_read_from_its_files(sets):
    made = data.get("fashion_mnist")
    assert repr(made) == "Data('Fashion-MNIST', 30 + 10 examples of shape (1, 28, 28))"
    np.testing.assert_allclose(made.x, standardised(CLOTHES[:, None], CLOTHES[:, None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        made.x_test, standardised(CLOTHES_TEST[:, None], CLOTHES[:, None]), rtol=1e-5, atol=1e-6
    )
    assert made.y.tolist() == KINDS.tolist() and made.y_test.tolist() == KINDS_TEST.tolist()
    assert len(sets.ranges) == 4 and (data.get("fashion_mnist").x == made.x).all()
    assert len(sets.ranges) == 4 and data.itself("fashion_mnist") is data.fashion_mnist.itself()


def test_cifar10_is_read_from_its_archive_in_the_order_of_its_batches(sets, cache):
    made = data.get("cifar10")
    assert repr(made) == "Data('CIFAR-10', 20 + 4 examples of shape (3, 32, 32))"
    train, test = PHOTOS[:5].reshape(20, 3, 32, 32), PHOTOS[5]
    np.testing.assert_allclose(made.x, standardised(train, train), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.x_test, standardised(test, train), rtol=1e-5, atol=1e-6)
    assert made.y.tolist() == LABELS[:5].ravel().tolist() and made.y_test.tolist() == LABELS[5].tolist()
    assert made.x.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert made.x.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    assert names(cache) == ["cifar10/cifar-10-binary.tar.gz"]  # nothing unpacked


def test_files_that_arrived_are_not_asked_for_again(sets):
    sets.manners = ["well", "well", "cuts", "well"]
    with pytest.raises(data.Unavailable, match="^Fashion-MNIST cannot be had: the connection"):
        data.fashion_mnist()
    data.fashion_mnist()
    assert sets.ranges[:3] == [None] * 3 and sets.ranges[3].startswith("bytes=") and len(sets.ranges) == 5


@pytest.mark.parametrize(("name", "title"), [("fashion_mnist", "Fashion-MNIST"), ("cifar10", "CIFAR-10")])
def test_a_set_that_cannot_be_had_names_itself_and_the_bundled_ones(sets, name, title):
    sets.manners = ["missing"]
    said = (
        f"{title} cannot be had: 127.0.0.1 answered 404 Not Found; "
        'data.get("digits") and data.get("mnist1d") need no download.'
    )
    with pytest.raises(OSError, match=f"^{re.escape(said)}$") as caught:
        data.get(name)
    assert type(caught.value) is data.Unavailable is Unavailable
    sets.manners = ["well"]
    assert data.get(name).name == title  # a failure is not remembered


def test_the_first_that_can_be_had_is_taken_and_says_which_it_is(sets):
    assert data.first_available("cifar10", "fashion_mnist", "digits").name == "CIFAR-10"
    assert len(sets.ranges) == 1
    data.cifar10.cache_clear()
    del sets.files["/cifar10/cifar-10-binary.tar.gz"]
    assert data.first_available("cifar10", "digits").name == "CIFAR-10"  # in the cache


def test_without_a_server_the_first_that_needs_none_is_taken(sets):
    sets.manners = ["missing", "well"]
    assert data.first_available("cifar10", "fashion_mnist", "digits").name == "Fashion-MNIST"
    sets.manners = ["missing"]
    assert data.first_available("cifar10", "digits", "fashion_mnist").name == data.digits().name
    with pytest.raises(Unavailable, match="^CIFAR-10 cannot be had"):
        data.first_available("cifar10", "cifar10")


def test_names_are_checked_before_any_download(sets):
    for bad in ("mnist", None, 3, data.digits):
        with pytest.raises(
            ValueError,
            match="^names must be some of mnist1d, digits, xor, spirals, fashion_mnist, cifar10, got",
        ):
            data.first_available("cifar10", bad)
    with pytest.raises(ValueError, match="^names must hold at least one of mnist1d, .*, got none$"):
        data.first_available()
    assert sets.ranges == []


def test_the_published_files_are_the_ones_without_pickles():
    remotes = [*data.downloaded._FASHION_MNIST, data.downloaded._CIFAR10]
    assert all(remote.url.startswith("https://") for remote in remotes)
    assert all(remote.url.endswith(("-ubyte.gz", "-binary.tar.gz")) for remote in remotes)
    assert [remote.size for remote in remotes] == [26421880, 29515, 4422102, 5148, 170052171]
    assert len({remote.sha256 for remote in remotes}) == len({remote.path for remote in remotes}) == 5


def test_importing_the_sets_imports_nothing_that_downloads():
    code = "import sys, activations.data; print(sorted({'pooch', 'requests', 'urllib3'} & {*sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
