"""The local cluster is as strict as MemoryDB: real servers accept exactly the tokens that AWS's own signer makes for their
user, cluster, region and service while they are valid, and refuse what MemoryDB refuses."""

import time

import pytest

from local_cluster import APPLICATION_RULES, Connection, LocalCluster, ReplyError

TTL_S = 20


@pytest.fixture(scope="module")
def nodes_only(tmp_path_factory):
    """A cluster with its authority, without customerd; its user may do all that MemoryDB lets a user do."""
    cluster = LocalCluster(tmp_path_factory.mktemp("iam"), "/bin/true", shards=2, replicas=1, token_ttl=TTL_S,
                           credential_ttl=40, acl=APPLICATION_RULES)
    cluster.start(service=False)
    yield cluster
    cluster.stop()


def refused(cluster, token):
    for node in cluster.nodes:
        with pytest.raises(ReplyError, match="WRONGPASS"):
            cluster.sign_in(node, token)


@pytest.mark.parametrize("age_s", [0, TTL_S - 3])
def test_a_token_is_accepted_by_every_node_while_it_is_valid(nodes_only, age_s):
    for node in nodes_only.nodes:
        with nodes_only.sign_in(node, nodes_only.token(int(time.time()) - age_s)) as connection:
            assert connection.command("ACL", "WHOAMI") == "customerd"


@pytest.mark.parametrize("what", [{"user": "admin"}, {"resource": "other"}, {"region": "us-east-1"}, {"service": "elasticache"},
                                  {"ttl_s": 900}, {"secret": "x" * 40}])
def test_a_token_for_something_else_is_refused(nodes_only, what):
    refused(nodes_only, nodes_only.token(**what))


@pytest.mark.parametrize("offset_s", [-TTL_S - 2, 15], ids=["expired", "of the future"])
def test_a_token_of_another_time_is_refused(nodes_only, offset_s):
    refused(nodes_only, nodes_only.token(int(time.time()) + offset_s))


def test_nothing_works_without_signing_in(nodes_only):
    for node in nodes_only.nodes:
        with Connection(node.port, nodes_only.home.tls / "ca.crt") as connection:
            with pytest.raises(ReplyError, match="NOAUTH"):
                connection.command("PING")


@pytest.mark.parametrize("command", ["CONFIG GET *", "ACL SETUSER x", "SHUTDOWN", "DEBUG SLEEP 0", "CLUSTER RESET",
                                     "BGREWRITEAOF", "REPLICAOF NO ONE"])
def test_commands_that_memorydb_withholds_are_withheld(nodes_only, command):
    with nodes_only.sign_in(nodes_only.nodes[0], nodes_only.token()) as connection:
        with pytest.raises(ReplyError, match="NOPERM"):
            connection.command(*command.split())


def test_a_node_that_restarts_learns_the_tokens_again(nodes_only):
    node = nodes_only.nodes[1]
    node.restart()
    deadline = time.monotonic() + 10
    while True:
        try:
            nodes_only.sign_in(node, nodes_only.token()).close()
            break
        except (ReplyError, OSError):
            assert time.monotonic() < deadline
            time.sleep(0.05)
