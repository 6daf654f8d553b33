"""E-mail addresses are unique in their normal form, can be looked up at once, and can change hands."""

import urllib.parse
import uuid

import pytest

from http_client import Client, path_of
from support import together

ABSENT = "/customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d"


def variants():
    u = uuid.uuid4().hex[:10]
    return [
        ("case", f"Ada.{u}@Example.NET", [f"ada.{u}@example.net", f"ADA.{u.upper()}@EXAMPLE.net"]),
        ("international domain", f"a.{u}@b\u00fccher.example", [f"a.{u}@xn--bcher-kva.example", f"A.{u}@B\u00dcCHER.example",
                                                                 f"a.{u}@bu\u0308cher.example"]),
        ("local part in NFC and NFD", f"j\u00f6rg.{u}@example.net", [f"jo\u0308rg.{u}@example.net"]),
        ("full-width domain", f"w.{u}@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.net", [f"w.{u}@example.net"]),
        ("ideographic dot", f"d.{u}@example\u3002net", [f"d.{u}@example.net"]),
    ]


def different():
    u = uuid.uuid4().hex[:10]
    return [
        ("dots count", f"a.b{u}@example.net", f"ab{u}@example.net"),
        ("plus tags count", f"a+x{u}@example.net", f"a+y{u}@example.net"),
        ("sharp s is kept", f"a{u}@stra\u00dfe.example", f"a{u}@strasse.example"),
        ("non-ASCII case of the local part", f"\u00c4{u}@example.net", f"\u00e4{u}@example.net"),
        ("compatibility characters of the local part", f"\uff21{u}@example.net", f"a{u}@example.net"),
    ]


def taken(answer, owner):
    problem = answer.problem(409, "email-taken")
    assert urllib.parse.urlsplit(problem["owner"]).path == path_of(owner), str(answer)
    return problem


@pytest.mark.parametrize("i", range(5), ids=[v[0] for v in variants()])
def test_unique_in_normal_form_and_served_as_given(client, other, i):
    _, given, same = variants()[i]
    made = client.create(email=given)
    assert made["email"] == given
    elsewhere = client.create()
    for variant in [given] + same:
        taken(other.post("/customers", {"name": "B", "email": variant}), made)
        taken(other.patch(path_of(elsewhere), {"email": variant}), made)
        taken(client.put(path_of(elsewhere), {"name": "B", "balance": 0, "email": variant}), made)
        assert other.find(variant) == made
        assert client.post("/customers/lookup", {"email": variant}).expect(200).json()["items"] == [made]
    client.delete(path_of(made)).expect(204)
    assert client.find(given) is None


@pytest.mark.parametrize("i", range(5), ids=[d[0] for d in different()])
def test_other_addresses_are_other_addresses(client, i):
    _, one, two = different()[i]
    a, b = client.create(email=one), client.create(email=two)
    assert client.find(one) == a and client.find(two) == b


def test_lookup_has_the_shape_of_a_listing(client, email):
    made = client.create(email=email())
    for answer in (client.get("/customers?email=" + made["email"]), client.post("/customers/lookup", {"email": made["email"]})):
        document = answer.expect(200).json()
        assert document["items"] == [made] and not document.get("next_cursor")
    for answer in (client.get("/customers?email=" + email()), client.post("/customers/lookup", {"email": email()})):
        assert answer.expect(200).json()["items"] == []


def test_an_unencoded_plus_is_an_error_that_helps(client, email):
    address = email("a+tag")
    made = client.create(email=address)
    problem = client.get("/customers?email=" + address).problem(400, "bad-parameter")
    assert "%2B" in problem["detail"]
    assert client.get("/customers?email=" + address.replace("+", "%2B")).expect(200).json()["items"] == [made]
    assert client.get("/customers?email=" + address.replace("+", "%2b").replace("@", "%40")).json()["items"] == [made]


@pytest.mark.parametrize("query", ["email=", "email=nobody", "email=a%00@example.net", "email=a@b@c", "email=%ff@example.net",
                                   "email=a%20b@example.net", "email=a@example.net&email=b@example.net", "email=%zz", "email"])
def test_a_malformed_address_in_the_query_is_400(client, query):
    client.get("/customers?" + query).problem(400, "bad-parameter")


def test_a_malformed_address_in_the_lookup_is_422(client):
    for value in ({"email": "nobody"}, {"email": 7}, {}, {"email": None}, {"email": "a@example.net", "name": "x"}, []):
        client.post("/customers/lookup", value).expect(422)
    assert client.post("/customers/lookup", {"emial": "a@example.net", "email": "a@example.net"}).expect(422).json()


def test_the_answer_to_a_lookup_is_fresh(client, other, email):
    address = email()
    for i in range(20):
        made = client.create(email=address)
        assert other.find(address) == made
        moved = email()
        changed = other.patch(path_of(made), {"email": moved}).expect(200).json()
        assert client.find(address) is None and client.find(moved) == changed
        client.delete(path_of(made)).expect(204)
        assert other.find(moved) is None and client.find(address) is None


def test_changing_the_spelling_keeps_the_address(client, email):
    made = client.create(email=email("abc"))
    upper = made["email"].upper()
    got = client.patch(path_of(made), {"email": upper}).expect(200).json()
    assert got["email"] == upper and client.find(made["email"]) == got
    taken(client.post("/customers", {"name": "B", "email": made["email"]}), got)


def test_a_freed_address_is_free_at_once(client, other, email):
    for i in range(10):
        one, two = email(), email()
        made = client.create(email=one)
        client.patch(path_of(made), {"email": two}).expect(200)
        fresh = other.create(email=one)
        taken(client.patch(path_of(made), {"email": one}), fresh)
        taken(client.post("/customers", {"name": "C", "email": two}), made)


def test_removing_the_address_frees_it(client, other, email):
    for method in ("patch", "put"):
        made = client.create(email=email())
        if method == "patch":
            got = client.patch(path_of(made), {"email": None}).expect(200).json()
        else:
            got = client.put(path_of(made), {"name": "A", "balance": 0}).expect(200).json()
        assert "email" not in got and client.find(made["email"]) is None
        assert other.create(email=made["email"])["id"] != made["id"]


def test_adding_an_address_claims_it(client, other, email):
    made, address = client.create(), email()
    got = client.patch(path_of(made), {"email": address}).expect(200).json()
    assert other.find(address) == got
    taken(other.post("/customers", {"name": "B", "email": address}), made)


def test_deleting_after_changes_frees_all(client, other, email):
    addresses = [email() for _ in range(4)]
    made = client.create(email=addresses[0])
    for address in addresses[1:]:
        client.patch(path_of(made), {"email": address}).expect(200)
    client.delete(path_of(made)).expect(204)
    for address in addresses:
        assert client.find(address) is None
        other.create(email=address)


def test_there_and_back_again(client, other, email):
    for i in range(10):
        one, two = email(), email()
        made = client.create(email=one)
        for address in (two, one, two, one):
            got = other.patch(path_of(made), {"email": address}).expect(200).json()
        assert got["version"] == 5
        assert client.find(one) == got and client.find(two) is None
        taken(client.post("/customers", {"name": "B", "email": one}), made)
        other.create(email=two)


def test_two_customers_swap(client, other, email):
    for i in range(5):
        one, two, between = email(), email(), email()
        a, b = client.create(email=one), client.create(email=two)
        taken(client.patch(path_of(a), {"email": two}), b)
        client.patch(path_of(a), {"email": between}).expect(200)
        other.patch(path_of(b), {"email": one}).expect(200)
        client.patch(path_of(a), {"email": two}).expect(200)
        assert client.find(one)["id"] == b["id"] and client.find(two)["id"] == a["id"] and client.find(between) is None


def test_a_refused_change_changes_nothing(client, email):
    owner, made = client.create(email=email()), client.create(email=email(), balance=1)
    taken(client.patch(path_of(made), {"email": owner["email"], "balance": 2}), owner)
    assert client.get(path_of(made)).json() == made
    assert client.find(made["email"]) == made and client.find(owner["email"]) == owner
    client.patch(path_of(made), {"balance": 3}).expect(200)


def test_a_change_may_carry_other_members_and_preconditions(client, email):
    made, address = client.create(email=email(), phone="12345"), email()
    client.patch(path_of(made), {"email": address}, if_match='"9"').problem(412, "precondition-failed")
    assert client.find(address) is None
    got = client.patch(path_of(made), {"email": address, "balance": 4, "phone": None}, if_match='"1"').expect(200).json()
    assert got == client.find(address) and got["balance"] == 4 and "phone" not in got and got["version"] == 2


def test_a_change_of_an_absent_customer_claims_nothing(client, email):
    address = email()
    client.patch(ABSENT, {"email": address}).problem(404, "not-found")
    client.put(ABSENT, {"name": "A", "balance": 0, "email": address}).problem(404, "not-found")
    client.create(email=address)


def test_the_owner_may_state_its_own_address(client, email):
    made = client.create(email=email())
    client.put(path_of(made), {"name": "B", "balance": 0, "email": made["email"]}).expect(200)
    assert client.patch(path_of(made), {"email": made["email"]}).expect(200).json()["email"] == made["email"]


@pytest.mark.concurrent
def test_of_many_creates_of_one_address_one_wins(cluster, second, email):
    for _ in range(6):
        address = email("race")

        def create(url):
            with Client(url) as c:
                return c.post("/customers", {"name": "Race", "email": address})

        answers = together([lambda u=u: create(u) for u in [cluster.url, second.url] * 5])
        won = [a for a in answers if a.expect(201, 409).status == 201]
        assert len(won) == 1
        for answer in answers:
            if answer.status == 409:
                taken(answer, won[0].json())
        with Client(cluster.url) as c:
            assert c.find(address) == won[0].json()


def until_decided(request):
    """Repeats a request while another change is under way."""
    for _ in range(500):
        answer = request().expect(200, 201, 409)
        if answer.status != 409 or answer.json()["type"].endswith("email-taken"):
            return answer
        answer.problem(409, "update-in-progress")
        assert answer.header("Retry-After"), str(answer)
    raise AssertionError(f"always in progress:\n{answer}")


@pytest.mark.concurrent
def test_of_many_changes_to_one_address_one_wins(cluster, second, email):
    for _ in range(4):
        address = email("race")
        with Client(cluster.url) as c:
            made = [c.create(email=email()) for _ in range(8)]

            def change(url, customer):
                with Client(url) as mine:
                    return until_decided(lambda: mine.patch(path_of(customer), {"email": address}))

            def create(url):
                with Client(url) as mine:
                    return until_decided(lambda: mine.post("/customers", {"name": "Race", "email": address}))

            urls = [cluster.url, second.url] * 4
            answers = together([lambda u=u, m=m: change(u, m) for u, m in zip(urls, made)] +
                               [lambda u=u: create(u) for u in urls[:2]])
            won = [a.json() for a in answers if a.status in (200, 201)]
            assert len(won) == 1
            assert c.find(address) == won[0]
            for customer in made:
                if customer["id"] != won[0]["id"]:
                    assert c.get(path_of(customer)).json() == customer and c.find(customer["email"]) == customer


@pytest.mark.concurrent
def test_many_changes_of_one_customer_leave_one_address(cluster, second, email):
    for _ in range(3):
        with Client(cluster.url) as c:
            made, addresses = c.create(email=email()), [email() for _ in range(6)]

            def change(url, address):
                with Client(url) as mine:
                    return until_decided(lambda: mine.patch(path_of(made), {"email": address}))

            answers = together([lambda u=u, a=a: change(u, a) for u, a in zip([cluster.url, second.url] * 3, addresses)])
            assert [a.status for a in answers] == [200] * 6
            got = c.get(path_of(made)).json()
            assert got["version"] == 7
            held = [a for a in [made["email"]] + addresses if c.find(a)]
            assert held == [got["email"]]
            assert sorted(a.json()["version"] for a in answers) == [2, 3, 4, 5, 6, 7]


@pytest.mark.concurrent
def test_addresses_go_round_among_many_customers(cluster, second, email):
    """Six customers move among four addresses on two instances: never two owners, never a lost one."""
    addresses = [email("island") for _ in range(4)]
    with Client(cluster.url) as c:
        made = [c.create() for _ in range(6)]

        def mover(url, i):
            with Client(url) as mine:
                for step in range(12):
                    address = addresses[(i * 5 + step * 3) % 4] if step % 3 else None
                    mine.patch(path_of(made[i]), {"email": address}).expect(200, 409)
                    for item in [mine.find(a) for a in addresses]:
                        assert item is None or item["email"] in addresses

        together([lambda u=u, i=i: mover(u, i) for i, u in enumerate([cluster.url, second.url] * 3)])
        now = [c.get(path_of(m)).expect(200).json() for m in made]
        held = [n["email"] for n in now if "email" in n]
        assert len(held) == len(set(held)), f"an address has two owners: {held}"
        for address in addresses:
            owner = next((n for n in now if n.get("email") == address), None)
            assert c.find(address) == owner
            if owner is None:
                until_decided(lambda: c.post("/customers", {"name": "New", "email": address})).expect(201)


@pytest.mark.concurrent
def test_a_delete_races_with_a_change(cluster, second, email):
    with Client(cluster.url) as c:
        for _ in range(6):
            made, address = c.create(email=email()), email()

            def change():
                with Client(second.url) as mine:
                    return mine.patch(path_of(made), {"email": address})

            def delete():
                with Client(cluster.url) as mine:
                    return mine.delete(path_of(made))

            changed, deleted = together([change, delete])
            changed.expect(200, 404, 409)
            if deleted.expect(204, 409).status == 409:
                c.delete(path_of(made)).expect(204)
            c.get(path_of(made)).expect(404)
            for free in (made["email"], address):
                assert c.find(free) is None
                until_decided(lambda: c.post("/customers", {"name": "New", "email": free})).expect(201)
