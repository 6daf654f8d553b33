"""The contract and the program say the same, both ways: routes, problem types, limits; and the contract's parts fit together."""

import collections
import json
import re

import pytest
from jsonschema import Draft202012Validator

import contract
from http_client import Client

SETS = pytest.mark.parametrize("resources", [contract.DEFAULT, contract.ALL], ids=["default", "all"])
Route = collections.namedtuple("Route", "operation scope query takes gives")


def words(cell):
    return frozenset(filter(None, cell.split(", ")))


def essence(media_type):
    return media_type.partition(";")[0]


@pytest.fixture(scope="module")
def routes(printed):
    """routes(resources): (listener, method, path) -> what the program has."""
    def of(resources):
        rows = printed("config", "--routes", "--resources", ",".join(resources))
        return {(listener, method, path): Route(operation, scope, words(query), words(takes), essence(gives))
                for listener, method, path, operation, scope, query, takes, gives in rows}
    return of


def declared_routes(resources):
    """The same of the contract; a path parameter with few values stands for a path of each."""
    found = {}
    for operation in contract.operations(resources):
        paths = [operation.path]
        for parameter in operation.parameters:
            if parameter["in"] == "path" and "enum" in parameter["schema"]:
                paths = [path.replace("{%s}" % parameter["name"], value) for path in paths for value in parameter["schema"]["enum"]]
        query = frozenset(p["name"] for p in operation.parameters if p["in"] == "query")
        takes = frozenset(operation.declared.get("requestBody", {}).get("content", {}))
        success = next(contract.resolved(r) for status, r in operation.declared["responses"].items() if status[0] == "2")
        for path in paths:
            found[operation.listener, operation.method, path] = Route(
                operation.id, operation.declared.get("x-scope", ""), query, takes, frozenset(success.get("content", {})))
    return found


@SETS
def test_every_route_is_declared_and_every_declared_route_is_served(routes, resources):
    declared, there = set(declared_routes(resources)), set(routes(resources))
    assert there - declared == set(), "served, and not in the contract"
    assert declared - there == set(), "in the contract, and not served"


def test_the_program_knows_the_resources_of_the_contract(routes, printed):
    """Without flags all routes are printed: no resource has none of the contract's files."""
    assert {(row[0], row[1], row[2]) for row in printed("config", "--routes")} == set(routes(contract.ALL))


@SETS
def test_a_route_takes_and_gives_what_is_declared(routes, resources):
    there = routes(resources)
    for key, declared in declared_routes(resources).items():
        assert there[key][:-1] == declared[:-1], key
        assert there[key].gives in declared.gives or not declared.gives and not there[key].gives, key


@pytest.fixture(scope="module")
def problems(printed):
    """slug -> (status, title)."""
    return {kind.removeprefix(contract.PROBLEM_PREFIX): (status, title)
            for status, kind, title, _ in printed("config", "--problems")}


def declared_responses(resources=None):
    """(where, status, response) of every response that is written in the contract, once."""
    document, shared = contract.document(resources), {}
    owners = {o.id: o.declared["responses"] for o in contract.operations(resources)}
    for owner, responses in [("any", document["x-every-answer"]["responses"]), *owners.items()]:
        for status, response in responses.items():
            if "$ref" in response:
                name = response["$ref"].rsplit("/", 1)[1]
                shared.setdefault(name, set()).add(status)
            else:
                yield f"{owner} {status}", status, contract.resolved(response)
    for name, statuses in shared.items():
        (status,) = statuses
        yield name, status, contract.resolved(document["components"]["responses"][name])


RESPONSES = list(declared_responses())


@SETS
def test_every_problem_type_is_declared_and_no_other(problems, resources):
    kinds = contract.document(resources)["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    declared = {kind.removeprefix(contract.PROBLEM_PREFIX) for kind in kinds}
    assert len(declared) == len(kinds)
    if resources == contract.ALL:
        assert set(problems) - declared == set(), "answered, and not in the contract"
    assert declared - set(problems) == set(), "in the contract, and not answered"
    found = {slug for _, _, r in declared_responses(resources) for slug in r.get("x-problem-types", ())}
    assert found == declared, "in no response"


@SETS
def test_every_response_is_used(resources):
    used = {where for where, _, _ in declared_responses(resources)}
    assert set(contract.document(resources)["components"]["responses"]) <= used


@pytest.mark.parametrize("where,status,response", RESPONSES, ids=[where for where, _, _ in RESPONSES])
def test_a_response_has_an_example_of_each_problem(problems, where, status, response):
    problem = response.get("content", {}).get(contract.PROBLEM_MEDIA_TYPE)
    assert (problem is not None) == ("x-problem-types" in response) == (status[0] in "45")
    if problem is None:
        return
    kinds = [e["value"]["type"].removeprefix(contract.PROBLEM_PREFIX) for e in problem["examples"].values()]
    assert sorted(kinds) == sorted(response["x-problem-types"])
    for example in problem["examples"].values():
        value = example["value"]
        assert str(value["status"]) == status
        slug = value["type"].removeprefix(contract.PROBLEM_PREFIX)
        assert problems[slug] == (status, value["title"])


@pytest.mark.parametrize("where,status,response", RESPONSES, ids=[where for where, _, _ in RESPONSES])
def test_examples_fit_their_schemas(where, status, response):
    for kind, content in response.get("content", {}).items():
        validator = Draft202012Validator(contract.closed(content["schema"]))
        for name, example in content.get("examples", {}).items():
            errors = [e.message for e in validator.iter_errors(example["value"])]
            assert not errors, (kind, name, errors)


def test_every_body_that_is_taken_has_examples_that_fit():
    for operation in contract.operations():
        for kind, content in operation.declared.get("requestBody", {}).get("content", {}).items():
            validator = Draft202012Validator(contract.closed(contract.resolved(content["schema"])))
            assert content["examples"], (operation.id, kind)
            for name, example in content["examples"].items():
                assert validator.is_valid(example["value"]), (operation.id, kind, name)


def test_every_object_that_is_served_has_an_example():
    for operation in contract.operations():
        for status, response in operation.declared["responses"].items():
            content = contract.resolved(response).get("content", {}).get("application/json")
            assert content is None or "examples" in content or operation.id == "getOpenApi", (operation.id, status)


def test_the_scope_of_an_operation_is_told():
    """Reads need one scope, writes the other; both machine and reader are told."""
    for operation in contract.operations():
        scope = operation.declared.get("x-scope")
        (tag,) = operation.declared["tags"]
        if operation.path.startswith("/session") and operation.id != "openSession":
            assert scope is None and operation.declared["security"] == [{"session": []}, {"sessionCookie": []}], operation.id
            continue
        if tag not in contract.ALL:
            assert scope is None and operation.declared["security"] == [], operation.id
            continue
        reads = operation.method == "GET" or operation.id == "lookupCustomer"
        assert scope == f"{tag}:{'read' if reads else 'write'}", operation.id
        assert f"`{scope}`" in operation.declared["description"], operation.id
        assert operation.declared["security"] == [{"bearer": []}, {}], operation.id


def test_every_request_can_be_named_and_traced():
    for operation in contract.operations():
        names = [p["name"] for p in operation.parameters]
        assert {"X-Request-Id", "traceparent"} <= set(names), operation.id
        assert len(names) == len(set(names)), operation.id


def constant(name):
    """The number that a header or source of the program defines."""
    pattern = re.compile(rf"^#define {name} \(?(\d+)", re.M)
    for path in [*(contract.ROOT / "include").rglob("*.h"), *(contract.ROOT / "src").rglob("*.c")]:
        match = pattern.search(path.read_text())
        if match:
            return int(match[1])
    raise AssertionError(f"{name} is defined nowhere")


def schema(name):
    return contract.document()["components"]["schemas"][name]["properties"]


def test_limits_are_the_programs():
    for name in ("Customer", "CustomerCreate", "CustomerReplace", "CustomerPatch"):
        members = schema(name)
        assert members["name"]["maxLength"] == constant("CUSTOMER_NAME_MAX_CHARS")
        assert members["email"]["maxLength"] == constant("EMAIL_MAX_BYTES")
        assert members["phone"]["maxLength"] == constant("CUSTOMER_PHONE_MAX_CHARS")
        assert members["phone"]["minLength"] == constant("PHONE_MIN_CHARS")
        assert members["address"]["maxLength"] == constant("CUSTOMER_ADDRESS_MAX_CHARS")
        assert members["balance"]["maximum"] == -members["balance"]["minimum"] == constant("CUSTOMER_BALANCE_MAX")
        metadata = members["metadata"]
        assert metadata["propertyNames"]["maxLength"] == constant("CUSTOMER_METADATA_KEY_MAX_CHARS")
        assert metadata["additionalProperties"]["maxLength"] == constant("CUSTOMER_METADATA_VALUE_MAX_CHARS")
        assert metadata["additionalProperties"]["maximum"] == constant("CUSTOMER_BALANCE_MAX")
        if name != "CustomerPatch":
            assert metadata["maxProperties"] == constant("CUSTOMER_METADATA_MAX_MEMBERS")
    session = schema("OpenedSession")
    for attributes in (session["attributes"], schema("SessionOpening")["attributes"]):
        assert attributes["maxProperties"] == constant("SESSION_ATTRIBUTES_MAX")
        assert attributes["propertyNames"]["maxLength"] == constant("SESSION_ATTRIBUTE_NAME_MAX_CHARS")
        assert attributes["additionalProperties"]["maxLength"] == constant("SESSION_ATTRIBUTE_VALUE_MAX_CHARS")
    assert session["from"]["maxLength"] == constant("SESSION_FROM_MAX_CHARS")
    assert schema("SessionList")["items"]["maxItems"] == constant("SESSIONS_PER_CUSTOMER")
    assert schema("Cart")["items"]["maxItems"] == schema("Cart")["count"]["maximum"] == constant("CART_ITEMS_MAX")
    assert schema("CartItem")["sku"]["maxLength"] == constant("CART_SKU_MAX_CHARS")
    assert schema("CartItemPut")["quantity"]["maximum"] == constant("CART_QUANTITY_MAX")
    assert schema("CartItemPut")["unit_price"]["maximum"] == constant("CART_UNIT_PRICE_MAX")
    assert constant("CART_ITEMS_MAX") * constant("CART_QUANTITY_MAX") * constant("CART_UNIT_PRICE_MAX") < 2 ** 53
    assert schema("CustomerLookup")["email"]["maxLength"] == constant("EMAIL_MAX_BYTES")
    assert schema("CustomerPage")["items"]["maxItems"] == constant("CUSTOMERS_PAGE_MAX")
    assert schema("Problem")["errors"]["maxItems"] == constant("FINDINGS_MAX")
    parameters = contract.document()["components"]["parameters"]
    assert parameters["Limit"]["schema"]["maximum"] == constant("CUSTOMERS_PAGE_MAX")
    assert parameters["Limit"]["schema"]["default"] == constant("CUSTOMERS_PAGE_DEFAULT")
    assert parameters["Email"]["schema"]["maxLength"] == constant("EMAIL_MAX_BYTES")
    assert parameters["RequestId"]["schema"]["maxLength"] == constant("REQUEST_ID_MAX_CHARS")


def test_limits_in_words_are_the_programs():
    text = json.dumps(contract.document())
    for words_with_number, name in (("At most %d entity tags", "PRECONDITION_VERSIONS_MAX"),
                                    ("1 to %d visible ASCII characters", "IDEMPOTENCY_KEY_MAX_CHARS"),
                                    ("longer than %d bytes", "URI_MAX_BYTES"), ("than %d header fields", "HEADERS_MAX"),
                                    ("more than %d bytes of them", "HEADERS_MAX_BYTES"),
                                    ("at most %d bytes as served", "CUSTOMER_MAX_BYTES"),
                                    ("Together at most %d bytes.", "SESSION_ATTRIBUTES_MAX_BYTES"),
                                    ("at most\\n%d sessions", "SESSIONS_PER_CUSTOMER"),
                                    ("At most %d may be there", "SESSION_ATTRIBUTES_MAX"),
                                    ("holds at most %d items", "CART_ITEMS_MAX")):
        assert words_with_number % constant(name) in text, name


def test_the_version_is_the_programs(printed):
    assert printed("version") == "customerd " + contract.document()["info"]["version"]


def test_what_is_served_is_what_is_written(client, plain):
    answer = client.get("/openapi.json").expect(200)
    assert answer.json() == contract.document(contract.ALL)
    with Client(plain.url, resources=contract.DEFAULT) as other:
        default = other.get("/openapi.json").expect(200)
    assert default.json() == contract.document(contract.DEFAULT)
    assert (default.etag == answer.etag) == (contract.DEFAULT == contract.ALL)


def test_what_is_switched_off_is_no_path(plain):
    off = [o for o in contract.operations(contract.ALL) if o.path not in contract.document(contract.DEFAULT)["paths"]]
    assert off or contract.ALL == contract.DEFAULT
    with Client(plain.url, resources=contract.DEFAULT) as client:
        for operation in off:
            path = operation.path.replace("{id}", "01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d")
            for method in (operation.method, "OPTIONS"):
                client.request(method, path.replace("{", "").replace("}", "")).problem(404, "not-found")


def test_operation_ids_are_method_names():
    ids = [o.id for o in contract.operations()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+[A-Z][A-Za-z]+", i) for i in ids), ids


def test_an_answer_against_the_contract_is_seen(client):
    """The judge of the http tests: each thing that it is for makes it fail."""
    made = client.create()
    answer = client.get("/customers/" + made["id"])
    good = ("public", "GET", answer.path, answer.status, answer.headers, answer.body)
    contract.judge(*good)
    without_tag = [(k, v) for k, v in answer.headers if k != "ETag"]
    bad = {
        "no status 418": ("public", "GET", answer.path, 418, answer.headers, answer.body),
        "no header field etag": ("public", "GET", answer.path, 200, without_tag, answer.body),
        "does not name: x-new": ("public", "GET", answer.path, 200, [*answer.headers, ("X-New", "1")], answer.body),
        "stands there 2 times": ("public", "GET", answer.path, 200, [*answer.headers, ("ETag", '"1"')], answer.body),
        "field ETag is": ("public", "GET", answer.path, 200, [*without_tag, ("ETag", "1")], answer.body),
        "'extra' was unexpected": ("public", "GET", answer.path, 200, answer.headers, json.dumps({**made, "extra": 1})),
        "'version' is a required": ("public", "GET", answer.path, 200, answer.headers,
                                    json.dumps({k: v for k, v in made.items() if k != "version"})),
        "no JSON": ("public", "GET", answer.path, 200, answer.headers, b"{"),
        "a request for no operation has no status 200": ("admin", "GET", answer.path, 200, answer.headers, answer.body),
    }
    for complaint, arguments in bad.items():
        with pytest.raises(AssertionError, match=re.escape(complaint)):
            contract.judge(*arguments)
    problem = client.get("/customers?limit=0").problem(400, "bad-parameter")
    headers = [("X-Request-Id", "r"), ("Cache-Control", "no-store"), ("Content-Type", contract.PROBLEM_MEDIA_TYPE)]
    other = json.dumps({**problem, "type": contract.PROBLEM_PREFIX + "malformed-json"})
    with pytest.raises(AssertionError, match="the problem type"):
        contract.judge("public", "GET", "/customers", 400, headers, other)
    with pytest.raises(AssertionError, match="nothing has status 418"):
        contract.judge_unaddressed(418, headers, other)


def test_a_listener_serves_its_own_alone(cluster):
    with Client(cluster.url) as public, Client(cluster.admin_url, listener="admin") as admin:
        for operation in contract.operations():
            if operation.method != "GET" or "{" in operation.path:
                continue
            other = admin if operation.listener == "public" else public
            other.get(operation.path).problem(404, "not-found")
