"""The public listener over TLS: versions, certificates that change, clients that must show one."""

import contextlib
import http.client
import json
import os
import re
import select
import socket
import ssl
import time
import warnings

import pytest

from certificates import CertificateAuthority
from http_client import Client, wait_until
from support import together


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("listener-ca"), "listener authority")


class Files:
    """The listener's certificate and key, which change as a Kubernetes volume's do: another file in the place."""

    def __init__(self, directory, authority, **options):
        directory.mkdir(exist_ok=True)
        self.options = options
        self.authority, self.cert, self.key = authority, directory / "tls.crt", directory / "tls.key"
        self.renew()

    def renew(self):
        cert, key = self.authority.issue(ips=["127.0.0.1"], **self.options)
        self.put(cert, key)

    def put(self, cert, key):
        for source, target in ((cert, self.cert), (key, self.key)):
            target.with_suffix(".next").write_bytes(open(source, "rb").read())
            os.replace(target.with_suffix(".next"), target)

    def settings(self, **more):
        return {"CUSTOMERD_TLS_CERT_FILE": str(self.cert), "CUSTOMERD_TLS_KEY_FILE": str(self.key), **more}


@pytest.fixture
def files(tmp_path, authority):
    return Files(tmp_path, authority)


@pytest.fixture
def served(cluster, files):
    instance = cluster.start_instance(env=files.settings())
    yield instance
    instance.stop()


def context(authority, **options):
    made = ssl.create_default_context(cafile=authority.ca_file)
    for name, value in options.items():
        setattr(made, name, value)
    return made


def connect(instance, tls):
    return http.client.HTTPSConnection("127.0.0.1", instance.port, timeout=10, context=tls)


def get(instance, tls, path="/customers?limit=1", headers=None):
    connection = connect(instance, tls)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def serial(instance):
    with socket.create_connection(("127.0.0.1", instance.port), timeout=5) as plain:
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        with unverified.wrap_socket(plain) as tls:
            return tls.getpeercert(binary_form=True)


def test_customers_are_served_by_verified_tls(served, authority):
    connection = connect(served, context(authority))
    for _ in range(3):  # one connection, several requests
        connection.request("GET", "/customers?limit=1")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
        assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"
    assert connection.sock.version() == "TLSv1.3"
    connection.close()


def test_both_versions_and_none_before(served, authority):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert get(served, context(authority, minimum_version=version, maximum_version=version)).status == 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = context(authority, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        get(served, old)


def test_weak_ciphers_are_not_spoken(served, authority, cluster, tmp_path):
    """Forward secrecy and authenticated encryption alone, with an RSA certificate too."""
    rsa = Files(tmp_path / "rsa", authority, rsa=True)
    other = cluster.start_instance(env=rsa.settings())
    for instance, good, bad in ((served, "ECDHE-ECDSA-AES128-GCM-SHA256", ["ECDHE-ECDSA-AES128-SHA"]),
                                (other, "ECDHE-RSA-AES256-GCM-SHA384", ["AES128-GCM-SHA256", "AES128-SHA",
                                                                        "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"])):
        for name in [good, *bad]:
            tls = context(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
            tls.set_ciphers(name + ":@SECLEVEL=0")
            if name == good:
                assert get(instance, tls).status == 200
                continue
            with pytest.raises(ssl.SSLError):
                get(instance, tls)
    other.stop()


def test_an_idle_connection_is_idle_from_its_handshake_on(cluster, files, authority):
    """The handshake's bytes are not taken for a request that trickles in."""
    instance = cluster.start_instance(env=files.settings(CUSTOMERD_REQUEST_TIMEOUT_MS="500"))
    with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as plain:
        select.select([], [], [], 0.2)  # a network's delay
        with context(authority).wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            assert select.select([tls], [], [], 3)[0] == [] or tls.recv(1) != b"", "cut while it was idle"
            tls.sendall(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert tls.recv(4096).startswith(b"HTTP/1.1 200")
    instance.stop()


def test_a_request_that_does_not_arrive_has_a_name_and_no_status(cluster, files, authority):
    """Nothing can be told: the log has what there is, and the metrics count no answer that was not given."""
    instance = cluster.start_instance(env=files.settings(CUSTOMERD_REQUEST_TIMEOUT_MS="500"))
    starts = [b"PUT /customers HTTP/1.1\r\nHost: a\r\nX-Request-Id: slow-body\r\nContent-Length: 9\r\n\r\n{",
              b"GET /customers HTTP/1.1\r\nHost: a\r\n"]
    for start in starts:
        with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as plain, \
             context(authority).wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            tls.sendall(start)
            with contextlib.suppress(ConnectionResetError):
                assert tls.recv(4096) == b""

    def logged():
        lines = [json.loads(line) for line in instance.log_path.read_text().splitlines()]
        found = [line for line in lines if line["event"] == "request" and line["route"] != "/readyz"]
        return found if len(found) == len(starts) else None
    body, head = wait_until(logged, 5, "both are logged")
    assert (body["request_id"], body["method"], body["status"]) == ("slow-body", "PUT", 0)
    assert re.fullmatch(r"[0-9a-f-]{36}", head["request_id"]) and head["status"] == 0
    with Client(instance.admin_url, listener="admin") as admin:
        assert b"http_server_request_duration_seconds_count{" not in admin.get("/metrics").body
    instance.stop()


def test_plain_http_is_not_served(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as plain:
        plain.sendall(b"GET /customers HTTP/1.1\r\nHost: a\r\n\r\n")
        got = plain.recv(4096)
    assert b"200" not in got and b"items" not in got


def test_the_operator_s_listener_stays_plain(served):
    with Client(served.admin_url, listener="admin") as admin:
        admin.get("/livez").expect(200)


def test_errors_and_large_bodies_come_through(served, authority):
    connection = connect(served, context(authority))
    connection.request("POST", "/customers", body=b"{" + b" " * 100000, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 400 and b"malformed-json" in answer.read()
    # Refused before its body is taken: the answer arrives although the client is still sending.
    connection.request("POST", "/customers", body=b" " * 1000000, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 413 and b"body-too-large" in answer.read()
    connection.close()


def test_a_certificate_that_changes_is_taken_up(served, files, authority):
    kept = connect(served, context(authority))
    kept.request("GET", "/customers?limit=1")
    assert kept.getresponse().read()
    before = serial(served)
    files.renew()
    wait_until(lambda: serial(served) != before, 10, "the new certificate is served")
    assert get(served, context(authority)).status == 200
    kept.request("GET", "/customers?limit=1")  # begun with the old one
    assert kept.getresponse().status == 200
    kept.close()


def test_a_change_that_does_not_fit_keeps_the_last_good_one(served, files, authority):
    before = serial(served)
    cert, _ = authority.issue(ips=["127.0.0.1"])
    _, key = authority.issue(ips=["127.0.0.1"])
    for bad_cert, bad_key in ((cert, key), ("/dev/null", key), (cert, "/dev/null")):
        files.put(bad_cert, bad_key)
        lines = served.log_path.read_text().count("tls_certificate_failed")

        def noticed():
            serial(served)
            return served.log_path.read_text().count("tls_certificate_failed") > lines
        wait_until(noticed, 10, "the failure is logged")
        assert serial(served) == before and get(served, context(authority)).status == 200
    files.renew()
    wait_until(lambda: serial(served) != before, 10, "the next good one is served")


@pytest.fixture(scope="module")
def mutual(cluster, authority, tmp_path_factory):
    """An instance that asks clients for certificates, and the authority that signs theirs."""
    clients = CertificateAuthority(tmp_path_factory.mktemp("client-ca"), "client authority")
    files = Files(tmp_path_factory.mktemp("mutual"), authority)
    instance = cluster.start_instance(env=files.settings(CUSTOMERD_TLS_CLIENT_CA_FILE=str(clients.ca_file)))
    return instance, clients


def shows(authority, certificate):
    tls = context(authority)
    if certificate:
        tls.load_cert_chain(*certificate)
    return tls


def test_a_client_with_a_certificate_is_let_in(mutual, authority):
    instance, clients = mutual
    certificate = clients.issue_client("a client")
    assert get(instance, shows(authority, certificate)).status == 200
    tls = shows(authority, certificate)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    assert get(instance, tls).status == 200


def test_other_clients_get_no_answer(mutual, authority, tmp_path):
    instance, clients = mutual
    stranger = CertificateAuthority(tmp_path / "stranger", "client authority")  # of the same name
    for certificate in (None, stranger.issue_client("a client"), clients.issue(["localhost"]),
                        clients.issue_client("late", not_after=clients.hour_ago())):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            tls = shows(authority, certificate)
            tls.maximum_version = version
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                get(instance, tls)


def test_a_client_that_never_shakes_hands_holds_up_nobody(served, authority):
    silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(50)]
    try:
        start = time.monotonic()
        assert get(served, context(authority)).status == 200
        assert time.monotonic() - start < 2
    finally:
        for s in silent:
            s.close()


@pytest.mark.concurrent
def test_many_handshakes_while_the_certificate_changes(cluster, files, authority):
    instance = cluster.start_instance(env=files.settings())

    def call():
        for _ in range(8):
            assert get(instance, context(authority)).status == 200


    def change():
        for _ in range(4):
            before = serial(instance)
            files.renew()
            wait_until(lambda: serial(instance) != before, 10, "the new certificate is served")
    together([call] * 6 + [change])
    instance.stop()


@pytest.mark.parametrize("wrong,says", [
    ({"CUSTOMERD_TLS_CERT_FILE": "/nowhere"}, "CUSTOMERD_TLS_CERT_FILE: /nowhere can't be opened"),
    ({"CUSTOMERD_TLS_KEY_FILE": "/dev/null"}, "CUSTOMERD_TLS_KEY_FILE: /dev/null: no PEM file"),
    ({"CUSTOMERD_TLS_CLIENT_CA_FILE": "/dev/null"}, "CUSTOMERD_TLS_CLIENT_CA_FILE: /dev/null: no PEM file"),
])
def test_a_wrong_file_stops_the_start(cluster, files, wrong, says):
    instance = cluster.start_instance(env={**files.settings(), **wrong}, wait=False)
    wait_until(lambda: instance.exit_code is not None, 10, "it ends")
    assert instance.exit_code == 1 and says in instance.error_path.read_text()
