"""An HTTP proxy before an S3 server that fails a share of the requests, as a busy storage and a bad network do."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SLOW_S = 0.3
BODIES = {  # of answers to GET: what is sent of a body, and the length that is told
    "cut": lambda body: (body[: len(body) // 2], len(body)),
    "short": lambda body: (body[: len(body) // 2], len(body) // 2),
    "length too small": lambda body: (body, len(body) // 2),
    "length too large": lambda body: (body, len(body) + 10),
    "flipped": lambda body: (flipped(body), len(body)),
    "empty": lambda body: (b"", 0),
}


def flipped(body):
    """Return a body with one bit flipped; that of XML in its first byte: nobody sees one that leaves it XML."""
    place = 0 if body.startswith(b"<") or not body else random.randrange(len(body))
    return body[:place] + bytes([byte ^ 1 for byte in body[place : place + 1]]) + body[place + 1 :]


class FaultProxy(ThreadingHTTPServer):
    """Forwards to `upstream`; a share of the requests meets one of the faults.

    Faults: "500" and "503" are answered here; "timeout" closes the connection unanswered, before the storage saw it;
    "lost" closes it after the storage did what it was asked; "slow" waits. Those of BODIES falsify bodies of answers to
    GET. After `most` faults there are no more.
    """

    daemon_threads = True

    def __init__(self, upstream, faults, share, seed, most):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.faults, self.share = urlsplit(upstream).netloc, faults, share
        self.most = most
        self.random, self.lock, self.met = random.Random(seed), threading.Lock(), Counter()

    def draw(self, command):
        with self.lock:
            fault = self.random.choice(self.faults) if self.faults and self.random.random() < self.share else None
            if (fault in BODIES and command != "GET") or self.met.total() - self.met[None] >= self.most:
                fault = None
            self.met[fault] += 1
            return fault

    def handle_error(self, request, client_address):
        """Say nothing: clients that were cut off hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        fault = self.server.draw(self.command)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self.read_chunks()
        if fault == "timeout":
            return self.hang_up()
        if fault in {"500", "503"}:
            code = "SlowDown" if fault == "503" else "InternalError"
            text = f"<Error><Code>{code}</Code><Message>drawn</Message></Error>".encode()
            return self.answer(int(fault), [("Content-Type", "application/xml")], text)
        if fault == "slow":
            time.sleep(SLOW_S)
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        skipped = {"host", "transfer-encoding", "connection", "expect"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        if body and "content-length" not in {name.lower() for name in headers}:
            headers["Content-Length"] = str(len(body))
        upstream.request(self.command, self.path, body, headers | {"Host": self.server.upstream})
        response = upstream.getresponse()
        content = response.read()
        upstream.close()
        if fault == "lost":
            return self.hang_up()
        return self.answer(response.status, response.getheaders(), content, BODIES.get(fault))

    def read_chunks(self):
        """Return a chunked body as its chunks stand, for the storage to decode."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status, headers, content, falsify=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        sent, told = falsify(content) if falsify else (content, len(content))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(told))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)
        if len(sent) < told and self.command != "HEAD":
            self.close_connection = True

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def running(upstream, faults, share=0.1, seed=0, most=1 << 60) -> Iterator[FaultProxy]:
    """Give a running proxy; its `endpoint` is where clients go."""
    proxy = FaultProxy(upstream, faults, share, seed, most)
    proxy.endpoint = f"http://127.0.0.1:{proxy.server_address[1]}"
    threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def through(proxy, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")  # adaptive would wait out the storage's "slow down"
