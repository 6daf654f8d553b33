"""Listing: newest first, page by page, complete whatever happens meanwhile."""

import base64
import re
import threading

import pytest

from http_client import Client, path_of
from support import together, unique_email, walk


def links(answer):
    value = answer.header("Link")
    return dict((rel, target) for target, rel in re.findall(r'<([^>]*)>;\s*rel="?(\w+)"?', value or ""))


@pytest.fixture(scope="module")
def population(cluster):
    with Client(cluster.url) as c:
        return [c.create(name=f"Listed {i}", **({"email": unique_email("list")} if i % 2 else {})) for i in range(45)]


def test_newest_first_by_id(client, population):
    ids = walk(client, 100)
    assert ids == sorted(ids, reverse=True) and len(ids) == len(set(ids))
    made = [c["id"] for c in population]
    assert [i for i in ids if i in set(made)] == sorted(made, reverse=True)


def test_a_new_customer_is_first(client):
    for _ in range(5):
        made = client.create(email=unique_email())
        assert client.get("/customers?limit=1").expect(200).json()["items"] == [made]


def test_items_are_the_customers_as_served(client, population):
    page = client.get("/customers?limit=10").expect(200)
    for item in page.json()["items"]:
        got = client.get(path_of(item)).expect(200)
        assert got.json() == item and got.body.strip() in page.body


def test_the_default_is_20(client, population):
    assert len(client.get("/customers").expect(200).json()["items"]) == 20


@pytest.mark.parametrize("limit", [1, 2, 19, 20, 99, 100])
def test_limits_within_bounds(client, population, limit):
    got = len(client.get(f"/customers?limit={limit}").expect(200).json()["items"])
    assert got == limit or limit > 45 <= got


@pytest.mark.parametrize("limit", ["0", "101", "-1", "", "abc", "1.0", "1e1", "+1", "%201", "1%20", "0x10", "99999999999999999999",
                                   "18446744073709551617", "4294967297", "2;", "%00", "%31%00"])
def test_limits_out_of_bounds(client, limit):
    client.get(f"/customers?limit={limit}").problem(400, "bad-parameter")


@pytest.mark.parametrize("limit", [1, 7, 45, 100])
def test_walks_of_every_size_see_the_same(client, population, limit):
    ids = walk(client, limit) if limit > 1 else walk_part(client, limit, 30)
    assert ids == walk(client, 100)[:len(ids)]


def walk_part(client, limit, pages):
    ids, cursor = [], ""
    for _ in range(pages):
        page = client.get(f"/customers?limit={limit}" + (f"&cursor={cursor}" if cursor else "")).expect(200).json()
        ids += [c["id"] for c in page["items"]]
        cursor = page["next_cursor"]
    return ids


def test_the_link_leads_to_the_next_page(client, population):
    answer = client.get("/customers?limit=7").expect(200)
    target = links(answer)["next"]
    assert "limit=7" in target and answer.json()["next_cursor"] in target
    by_link = client.get(target[target.index("/customers"):]).expect(200).json()
    assert by_link == client.get(f"/customers?limit=7&cursor={answer.json()['next_cursor']}").json()


def test_the_last_page_has_no_link(client, population):
    path = "/customers?limit=100"
    while True:
        answer = client.get(path).expect(200)
        cursor = answer.json().get("next_cursor")
        assert bool(cursor) == ("next" in links(answer))
        if not cursor:
            break
        path = f"/customers?limit=100&cursor={cursor}"


def test_cursors_work_on_every_instance_and_for_another_limit(client, other, population):
    first = client.get("/customers?limit=5").json()
    rest = other.get(f"/customers?limit=8&cursor={first['next_cursor']}").expect(200).json()
    assert [c["id"] for c in first["items"] + rest["items"]] == walk(client, 100)[:13]


def test_cursors_are_safe_in_a_url(client, population):
    assert re.fullmatch(r"[A-Za-z0-9_.~-]+", client.get("/customers?limit=1").json()["next_cursor"])


def test_damaged_cursors_are_400(client, population):
    cursor = client.get("/customers?limit=3").json()["next_cursor"]
    for i, c in enumerate(cursor):
        for wrong in ("A" if c != "A" else "B", "_" if c != "_" else "-"):
            changed = cursor[:i] + wrong + cursor[i + 1:]
            answer = client.get(f"/customers?limit=3&cursor={changed}")
            answer.problem(400, "bad-cursor")
    for cut in range(1, len(cursor)):
        client.get(f"/customers?cursor={cursor[:cut]}").problem(400, "bad-cursor")
    for wrong in (cursor + "A", cursor + "=", cursor * 2, "x", "null", population[0]["id"], base64.urlsafe_b64encode(b"\0" * 33).decode().rstrip("=")):
        client.get(f"/customers?cursor={wrong}").problem(400, "bad-cursor")
    for wrong in ("%00", "%ff", cursor + "%00", "%zz"):
        client.get(f"/customers?cursor={wrong}").expect(400)


@pytest.mark.parametrize("query", ["limt=5", "limit=5&limit=5", "cursor=a&cursor=b", "page=2", "Limit=5", "email=a@example.net&cursor=x",
                                   "x", "=5", "limit"])
def test_unknown_and_repeated_parameters_are_400(client, query):
    problem = client.get("/customers?" + query).expect(400).json()
    if query == "limt=5":
        assert "limit" in problem["detail"]


def test_parameters_where_none_belong_are_400(client, population):
    client.get(path_of(population[0]) + "?limit=5").problem(400, "bad-parameter")


@pytest.mark.concurrent
def test_a_walk_during_churn_sees_every_lasting_customer_once(cluster, second, population):
    lasting = {c["id"] for c in population}
    stop, failures, churned = threading.Event(), [], [0]

    def churn(url):
        try:
            with Client(url) as c:
                held = []
                while not stop.is_set():
                    held.append(c.create(email=unique_email("churn")))
                    c.patch(path_of(held[-1]), {"email": unique_email("churn")}).expect(200)
                    if len(held) > 3:
                        c.delete(path_of(held.pop(0))).expect(204)
                    churned[0] += 1
                for left in held:
                    c.delete(path_of(left)).expect(204)
        except BaseException as e:  # noqa: B902 (shown below)
            failures.append(e)

    threads = [threading.Thread(target=churn, args=(u,), daemon=True) for u in (cluster.url, second.url)]
    for thread in threads:
        thread.start()
    try:
        def walk_on(url, limit):
            with Client(url) as c:
                for _ in range(2):
                    ids = walk(c, limit)
                    assert len(ids) == len(set(ids)), "a customer appears twice"
                    assert ids == sorted(ids, reverse=True), "out of order"
                    assert lasting <= set(ids), f"{len(lasting - set(ids))} customers are missing from the walk"

        together([lambda u=u, n=n: walk_on(u, n) for u, n in ((cluster.url, 7), (second.url, 23), (cluster.url, 100))], 120)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert not failures, failures[0]
    assert churned[0] > 5, "there was no churn to speak of"
