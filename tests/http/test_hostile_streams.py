"""Every hostile byte stream (hostile_streams.py), whole and cut at every byte that means something, one connection each.

Behind what must close the connection comes a marker request, which makes a customer when it runs. Behind what is one request
comes a plain GET: its answer, and no other, shows that both sides agree where the first one ended."""

import ctypes
import re
import time
import uuid

import pytest

from hostile_streams import EITHER, INNER, LIBRARY_REFUSES, MARKER, ONE, OUTER, REFUSED, STREAMS
from http_client import Client
from raw_http import Closed, RawConnection

pytestmark = pytest.mark.matrix

# Since 1.0 the library refuses much by itself, in HTML, before the service sees it (README.md, "Answers").
LIBRARY = ctypes.CDLL("libmicrohttpd.so.12")
LIBRARY.MHD_get_version.restype = ctypes.c_char_p
SERVICE_REFUSES = LIBRARY.MHD_get_version().startswith(b"0.")
NEXT = b"GET /customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4e HTTP/1.1\r\nHost: localhost\r\n\r\n"
CUTS_MAX = 40
# How long a piece waits for an answer before the next is sent. Only to let the server read it by itself; nothing is judged
# by it.
PIECE_S = 0.001


@pytest.fixture(scope="module")
def instance(cluster):
    return cluster.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "2000"})


def addresses():
    digits = uuid.uuid4().hex[:20].encode()
    return OUTER.replace(b"0" * 20, digits), INNER.replace(b"0" * 20, digits)


def cuts_of(data):
    """Behind each byte that ends or begins something in HTTP, and before it."""
    found = {m.start() + i for m in re.finditer(rb"[\r\n:;, \t\0\x0b]", data) for i in (0, 1)}
    found = sorted(at for at in found if 0 < at < len(data))
    step = -(-len(found) // CUTS_MAX)
    return found[::step] if found else []


def variants_of(data):
    """The stream in one piece, in two for each cut, in pieces at all cuts, and byte by byte."""
    cuts = cuts_of(data)
    whole = [[data]] + [[data[:at], data[at:]] for at in cuts]
    if cuts:
        whole.append([data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])])
    if len(data) < 5000:
        whole.append([data[i:i + 1] for i in range(len(data))])
    return whole


def send(connection, pieces, behind):
    patient = len(pieces) < 20
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        if not connection.send(piece + (behind if last else b"")):
            return
        if patient and not last and connection.readable(PIECE_S):
            patient = False


def answers_of(url, pieces, behind, awaited, head=False):
    """The answers until the server closes, or the awaited number of them; and whether it closed."""
    with RawConnection(url) as c:
        send(c, pieces, behind)
        answers, deadline = [], time.monotonic() + 10
        while len(answers) < awaited:
            try:
                answers.append(c.response(deadline - time.monotonic(), head and not answers))
            except Closed:
                return answers, True
        return answers, c.readable(0) and c.closed_within(0.5)


def refusal(answers, closed, statuses, ours):
    if not closed or len(answers) > 1 or any(a.status not in statuses for a in answers):
        return "is not refused with one answer and a closed connection"
    if ours and (not answers or answers[0].header("Connection") != "close" or
                 answers[0].header("Content-Type") != "application/problem+json"):
        return "is not refused by the service itself"
    return None


def single(answers, closed, statuses):
    if len(answers) != 2 or answers[0].status not in statuses or answers[1].status != 404:
        return "is not exactly one request"
    return "closes the connection" if closed else None


def complaint(url, stream, pieces, behind):
    awaited = 99 if stream.verdict == REFUSED else 2
    answers, closed = answers_of(url, pieces, behind, awaited, stream.data.startswith(b"HEAD"))
    if stream.verdict == ONE:
        wrong = single(answers, closed, stream.statuses)
    elif stream.verdict == EITHER:
        wrong = single(answers, closed, stream.statuses)
        wrong = wrong and refusal(answers, closed, LIBRARY_REFUSES, False)
    else:
        wrong = refusal(answers, closed, stream.statuses, stream.verdict == REFUSED and SERVICE_REFUSES)
    return wrong and f"{wrong}: in {len(pieces)} pieces, the first {pieces[0][-60:]!r}: {answers} (closed: {closed})"


@pytest.mark.parametrize("stream", [pytest.param(s, id=s.name) for s in STREAMS])
def test_stream(instance, stream):
    outer, inner = addresses()
    may_go_on = stream.verdict in (ONE, EITHER)
    data = stream.data.replace(OUTER, outer).replace(INNER, inner)
    behind = NEXT if may_go_on else MARKER.replace(INNER, inner)
    wrong = [w for pieces in variants_of(data) if (w := complaint(instance.url, stream, pieces, behind))]
    assert not wrong, f"{stream.data!r}\n" + "\n".join(wrong[:5])
    with Client(instance.url) as client:
        assert client.find(inner.decode()) is None, "the marker was executed"
        runs = may_go_on and 201 in stream.statuses
        assert runs or client.find(outer.decode()) is None, "the request was executed although it was refused"


def test_there_are_enough_streams_and_each_has_a_name_of_its_own():
    assert len(STREAMS) >= 150 and len({s.name for s in STREAMS}) == len(STREAMS) == len({s.data for s in STREAMS})


def test_a_marker_behind_a_clean_request_runs(instance):
    """Shows that the other tests can fail."""
    outer, inner = addresses()
    clean = next(s for s in STREAMS if s.name == "a clean request with a length").data.replace(OUTER, outer)
    answers, _ = answers_of(instance.url, [clean], MARKER.replace(INNER, inner), 2)
    assert [a.status for a in answers] == [201, 201], answers
    with Client(instance.url) as client:
        assert client.find(inner.decode()) and client.find(outer.decode())
