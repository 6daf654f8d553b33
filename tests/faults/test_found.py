"""What the lab found, each by the shortest way to it."""

import contextlib
import http.client
import os
import resource
import socket
import threading

import pytest

from lab.database import Database
from lab.kill_steps import send
from lab.world import World, wait_until
from session_client import SessionsClient

LATE_MS = 600000  # it is delivered when the test says so


@pytest.fixture(scope="module")
def world(tmp_path_factory, binary):
    resources = {"CUSTOMERD_RESOURCES": "customers,sessions"}
    with World(tmp_path_factory.mktemp("found"), binary, instances=1, env=resources) as world:
        yield world


def find(world, email):
    return send(world.served[0].port, "GET", "/customers?email=" + email.replace("@", "%40")).document["items"]


def test_a_create_that_was_refused_is_not_done_later(world):
    """The first sending of the create hangs, the second meets an e-mail that is taken, the e-mail becomes free, and the first
    arrives. A definite refusal would have been wrong."""
    port, email = world.served[0].port, "refused@example.net"
    owner = send(port, "POST", "/customers", {"name": "owner", "email": email}).document["id"]
    rule = world.proxy.add_rule("*", "late", ms=(LATE_MS, LATE_MS), limit=1, commands="writes")
    answer = send(port, "POST", "/customers", {"name": "late", "email": email})
    assert send(port, "DELETE", f"/customers/{owner}").status == 204
    wait_until(lambda: not Database(world.primaries()).claims, 10, "the e-mail is free")
    assert world.proxy.remove_rule(rule) == 1
    assert world.proxy.call("deliver") == 1
    made = wait_until(lambda: find(world, email), 5, "it is done, late")
    assert made[0]["name"] == "late"
    assert (answer.status, answer.document["type"], answer.document.get("applied")) == \
        (503, "urn:customerd:problem:outcome-unknown", "unknown"), answer


@contextlib.contextmanager
def each_write(world, kind, **options):
    """What happens to the next write."""
    rule = world.proxy.add_rule("*", kind, limit=1, commands="writes", **options)
    yield
    assert world.proxy.remove_rule(rule) >= 1


def test_a_session_s_step_whose_answer_was_lost_is_told_as_done(world):
    """The service sends it again, and another attempt must not be taken for another's change, nor for one too many."""
    with SessionsClient(f"http://127.0.0.1:{world.served[0].port}") as client:
        customer = client.create()
        known = client.open(customer)  # so that the node knows the scripts, and an answer that is lost is not that it does not
        for step in (known.visit, lambda: known.put("TEA"), lambda: known.patch(theme="dark"), known.rotate, known.sign_out):
            step()
        with each_write(world, "drop_reply"):
            session = client.open(customer)
        assert [s["id"] for s in client.get(session.list_path).expect(200).json()["items"]] == [session.id]
        tag = session.get("/session/cart").expect(200).etag
        with each_write(world, "drop_reply"):
            session.put("TEA", if_match=tag).expect(200)
        with each_write(world, "drop_reply"):
            session.patch(theme="dark").expect(200)
        with each_write(world, "drop_reply"):
            session.rotate()
        with each_write(world, "drop_reply"):
            assert session.visit()["visits"] == 1
        assert session.visit()["visits"] == 2
        with each_write(world, "drop_reply"):
            session.sign_out()
        session.ended()


def test_a_change_of_a_session_that_arrives_late_undoes_none(world):
    """Its first sending hangs, its second is done, another change comes after it, and then the first arrives."""
    with SessionsClient(f"http://127.0.0.1:{world.served[0].port}") as client:
        session = client.open()
        session.put("TEA").expect(200)  # the node knows the scripts
        session.patch(theme=None).expect(200)
        for change, undone in ((lambda: session.put("TEA").expect(200), lambda: session.request("DELETE", "/session/cart").expect(204)),
                               (lambda: session.patch(theme="dark").expect(200), lambda: session.patch(theme=None).expect(200))):
            with each_write(world, "late", ms=(LATE_MS, LATE_MS)):
                change()
            undone()
            links = sum(world.proxy.stats()["links"])
            assert world.proxy.call("deliver") == 1
            wait_until(lambda: sum(world.proxy.stats()["links"]) < links, 10, "the first sending was answered")
            assert session.cart()["items"] == [] and session.visit()["attributes"] == {}


class Busy(threading.Thread):
    """A client that keeps its connection and asks again as soon as it has been answered."""

    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.connection, self.path = http.client.HTTPConnection("127.0.0.1", port, timeout=5), path
        self.ended, self.answers, self.wrong = threading.Event(), 0, []

    def run(self):
        while not self.ended.is_set():
            try:
                self.connection.request("GET", self.path)
                response = self.connection.getresponse()
                response.read()
                self.answers += 1
                self.wrong += [response.status] if response.status != 200 else []
            except (OSError, http.client.HTTPException):
                self.connection.close()

    def end(self):
        self.ended.set()
        self.join(10)
        self.connection.close()


def test_a_service_that_ran_out_of_descriptors_accepts_clients_again(world):
    """While it can have no descriptor a client comes; its other clients never leave."""
    instance = world.served[0]
    made = send(instance.port, "POST", "/customers", {"name": "busy"}).document["id"]
    busy = Busy(instance.port, f"/customers/{made}")
    busy.start()
    wait_until(lambda: busy.answers > 10, 10, "the busy client is served")
    before = resource.prlimit(instance.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{instance.pid}/fd")), before[1]))
    try:
        with socket.create_connection(("127.0.0.1", instance.port), timeout=0.5) as client:
            client.sendall(f"GET /customers/{made} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
            with pytest.raises(TimeoutError):
                client.recv(1)
            resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, before)
            client.settimeout(10)
            assert client.recv(12) == b"HTTP/1.1 200"
    finally:
        resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, before)
        busy.end()
    assert not busy.wrong
