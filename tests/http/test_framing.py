"""Bodies that nobody wants, and slow clients, over bare sockets. What is ambiguous or broken is in hostile_streams.py.

A body may hold a marker request that makes a customer: it must never be executed."""

import json
import time

import pytest

from http_client import Client, wait_until
from raw_http import Closed, RawConnection
from support import unique_email


def marker(address):
    body = json.dumps({"name": "Marker", "email": address}).encode()
    return (b"POST /customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)) + body


def outer(*lines, version=b"1.1", host=b"Host: localhost", method=b"POST"):
    top = [method + b" /customers HTTP/" + version] + ([host] if host else []) + [b"Content-Type: application/json"]
    return b"\r\n".join(top + list(lines)) + b"\r\n\r\n"


TE = b"Transfer-Encoding: "
CL = b"Content-Length: "


@pytest.fixture(scope="module")
def hasty(cluster):
    """An instance with short times for slow clients."""
    return cluster.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "1000", "CUSTOMERD_IDLE_TIMEOUT_S": "2"})


def made(instance, address):
    with Client(instance.url) as c:
        return c.find(address)


@pytest.mark.parametrize("request_line", [b"GET /customers?limit=1", b"POST /nowhere", b"BREW /customers", b"OPTIONS /customers",
                                          b"HEAD /nowhere", b"DELETE /customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d", b"POST /customers",
                                          b"POST /customers/lookup", b"POST /customers?" + b"x" * 9000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_nobody_wants_is_not_a_request(hasty, request_line, framing):
    """Whatever the answer, the body is read over or the connection closes."""
    address = unique_email("marker")
    hidden = marker(address)
    top = request_line + b" HTTP/1.1\r\nHost: a\r\n"
    if framing == "length":
        data = top + CL + str(len(hidden)).encode() + b"\r\n\r\n" + hidden
    else:
        data = top + TE + b"chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    with RawConnection(hasty.url) as c:
        c.send(data + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        first = c.response(head=request_line.startswith(b"HEAD"))
        assert 200 <= first.status < 500
        try:
            assert c.response().status == 404
        except Closed:
            assert first.header("Connection") == "close", first
    assert not made(hasty, address), "the marker was executed"


def test_garbage_behind_a_valid_request_closes(hasty):
    with RawConnection(hasty.url) as c:
        c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n" + b"\x01garbage\r\n\r\n")
        answers = c.responses_until_closed(12)
    assert answers[0].status == 200 and all(a.status == 400 for a in answers[1:]), answers


def dribble(connection, data, each_s, at_most_s):
    """Sends byte by byte until the server closes or answers; returns the seconds it took, None when it never did."""
    start = time.monotonic()
    for i in range(len(data)):
        if time.monotonic() - start > at_most_s:
            return None
        if not connection.send(data[i:i + 1]) or connection.readable(each_s):
            return time.monotonic() - start
    return None


@pytest.mark.parametrize("part", ["target", "headers", "body", "chunks"])
def test_a_slow_request_is_cut(hasty, part):
    start, slow = {
        "target": (b"", b"GET /customers?cursor=" + b"c" * 200),
        "headers": (b"GET /customers HTTP/1.1\r\nHost: a\r\n", b"X-Slow: y\r\n" * 50),
        "body": (outer(CL + b"500"), b'{"name":"' + b"n" * 400),
        "chunks": (outer(TE + b"chunked"), b"1\r\nx\r\n" * 100),
    }[part]
    with RawConnection(hasty.url) as c:
        c.send(start)
        took = dribble(c, slow, 0.1, 12)
        assert took is not None, "a client that sends a byte each 0.1 s is served for ever"
        assert c.closed_within(5)


def test_an_idle_connection_is_closed(hasty):
    with RawConnection(hasty.url) as c:
        assert c.closed_within(12)
    with RawConnection(hasty.url) as c:
        c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.response().status == 200
        assert c.closed_within(12)


@pytest.mark.concurrent
def test_slow_clients_do_not_hold_up_others(hasty):
    slow = [RawConnection(hasty.url) for _ in range(100)]
    try:
        for i, c in enumerate(slow):
            c.send(outer(CL + b"500") + b"{" if i % 2 else b"GET /customers HT")
        with Client(hasty.url) as client:
            for _ in range(50):
                assert client.get("/customers?limit=1").expect(200).elapsed_s < 2
    finally:
        for c in slow:
            c.close()


def test_a_client_that_does_not_read_is_cut(hasty):
    """Pipelines listings without reading; the server must neither grow nor wait for ever."""
    with Client(hasty.url) as client:
        for _ in range(20):
            client.create(address="x" * 1000)
    with RawConnection(hasty.url) as c:
        request = b"GET /customers?limit=100 HTTP/1.1\r\nHost: a\r\n\r\n" * 100
        c.socket.settimeout(0.2)
        deadline = time.monotonic() + 20
        cut = False
        while not cut and time.monotonic() < deadline:
            try:
                c.socket.send(request)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                cut = True
        assert cut, "a client that reads nothing is kept for ever"
        with Client(hasty.url) as client:
            client.get("/customers?limit=1").expect(200)


def test_thousands_of_idle_connections_do_not_hold_up_others(cluster):
    """Half of them never send a byte, half keep open what they have used; of those beyond the bound none is answered."""
    instance = cluster.start_instance(env={"CUSTOMERD_MAX_CONNECTIONS": "3100"})
    idle = []
    try:
        for i in range(3000):
            idle.append(RawConnection(instance.url))
            if i % 2:
                idle[-1].send(b"GET /customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4e HTTP/1.1\r\nHost: a\r\n\r\n")
        for c in idle[1::2]:
            assert c.response().status == 404
        with Client(instance.url) as client:
            for _ in range(50):
                assert client.get("/customers?limit=1").expect(200).elapsed_s < 2
        more = [RawConnection(instance.url) for _ in range(200)]
        idle += more
        wait_until(lambda: sum(c.closed_within(0.005) for c in more) >= 100, 10, "those beyond the bound are closed")
        for c in idle:
            c.close()
        idle.clear()

        def served():
            try:
                with RawConnection(instance.url) as c:
                    c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
                    return c.response(2).status == 200
            except (Closed, ConnectionError):
                return False
        wait_until(served, 10, "served when they have gone")
    finally:
        for c in idle:
            c.close()
    instance.stop()


def test_clients_that_do_not_read_do_not_hold_up_others(hasty):
    """Forty clients ask for long pages and read nothing of them."""
    with Client(hasty.url) as client:
        for _ in range(20):
            client.create(address="y" * 1000)
        deaf = [RawConnection(hasty.url) for _ in range(40)]
        try:
            for c in deaf:
                c.socket.setblocking(False)
                try:
                    c.socket.send(b"GET /customers?limit=100 HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
                except BlockingIOError:
                    pass
            for _ in range(50):
                assert client.get("/customers?limit=1").expect(200).elapsed_s < 2
        finally:
            for c in deaf:
                c.close()
