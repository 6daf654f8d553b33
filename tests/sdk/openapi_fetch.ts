/** The life of a customer, driven by openapi-fetch over the types that openapi-typescript makes. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient from "openapi-fetch";

import type { components, paths } from "./generated/openapi_typescript.js";
import { field, present, runSteps, serviceUrl, uniqueEmail } from "./steps.js";

type Customer = components["schemas"]["Customer"];
type Problem = components["schemas"]["Problem"];
type Patch = components["schemas"]["CustomerPatch"];

const api = createClient<paths>({ baseUrl: serviceUrl() });
const email = uniqueEmail();
const patchType = { "Content-Type": "application/merge-patch+json" };
let customer: Customer;
let etag: string;

/** Every type of problem is one of the contract's: a misspelled one does not compile. */
function explain(problem: Problem): string {
  switch (problem.type) {
    case "urn:customerd:problem:email-taken":
      return `taken by ${present(problem.owner, "owner")}`;
    case "urn:customerd:problem:invalid-customer":
      return present(problem.errors, "errors").map((finding) => finding.pointer).sort().join(" ");
    case "urn:customerd:problem:precondition-failed":
      return problem.detail;
    case "urn:customerd:problem:not-found":
      return "gone";
    case "urn:customerd:problem:idempotency-mismatch":
      return "another body";
    default:
      return `unexpected: ${problem.type}`;
  }
}

async function create(): Promise<void> {
  const { data, response } = await api.POST("/customers", { body: { name: "Ada Lovelace", email, balance: 1000 } });
  customer = present(data, "customer");
  etag = field(response, "ETag");
  assert.equal(response.status, 201);
  assert.equal(field(response, "Location"), `/customers/${customer.id}`);
  assert.equal(etag, `"${customer.version}"`);
}

async function read(): Promise<void> {
  const params = { path: { id: customer.id } };
  const { data } = await api.GET("/customers/{id}", { params });
  assert.deepEqual(data, customer);
  const again = await api.GET("/customers/{id}", { params: { ...params, header: { "If-None-Match": etag } } });
  assert.equal(again.response.status, 304);
}

async function patch(): Promise<void> {
  const body: Patch = { phone: "+44 20 7946 0958", metadata: { tier: "gold" } };
  const params = { path: { id: customer.id }, header: { "If-Match": etag } };
  const { data, response } = await api.PATCH("/customers/{id}", { params, body, headers: patchType });
  const changed = present(data, "customer");
  assert.deepEqual([changed.version, changed.phone, changed.metadata["tier"]], [2, "+44 20 7946 0958", "gold"]);
  const removed = await api.PATCH("/customers/{id}", {
    params: { path: { id: customer.id } }, body: { phone: null, metadata: null }, headers: patchType,
  });
  customer = present(removed.data, "customer");
  assert.deepEqual([customer.version, customer.phone, customer.metadata], [3, undefined, {}]);
  assert.notEqual(field(response, "ETag"), etag);
}

async function conflict(): Promise<void> {
  const params = { path: { id: customer.id }, header: { "If-Match": etag } };
  const { data, error, response } = await api.PUT("/customers/{id}", { params, body: { name: "Late", balance: 0 } });
  assert.equal(data, undefined);
  assert.equal(response.status, 412);
  assert.equal(explain(present(error, "error")), "The customer's version is 3");
  assert.equal(field(response, "ETag"), '"3"');
}

async function replace(): Promise<void> {
  const params = { path: { id: customer.id }, header: { "If-Match": '"3"' } };
  const { data } = await api.PUT("/customers/{id}", { params, body: { name: "Ada King", email, balance: 750 } });
  customer = present(data, "customer");
  assert.deepEqual([customer.name, customer.balance, customer.version], ["Ada King", 750, 4]);
}

async function replay(): Promise<void> {
  const header = { "Idempotency-Key": randomUUID() };
  const first = await api.POST("/customers", { params: { header }, body: { name: "Grace Hopper" } });
  const second = await api.POST("/customers", { params: { header }, body: { name: "Grace Hopper" } });
  assert.deepEqual(second.data, first.data);
  assert.equal(first.response.headers.get("Idempotency-Replayed"), null);
  assert.equal(field(second.response, "Idempotency-Replayed"), "true");
  const other = await api.POST("/customers", { params: { header }, body: { name: "Somebody" } });
  assert.equal(explain(present(other.error, "error")), "another body");
}

async function taken(): Promise<void> {
  const { error } = await api.POST("/customers", { body: { name: "Another", email: email.toUpperCase() } });
  assert.equal(explain(present(error, "error")), `taken by /customers/${customer.id}`);
}

async function invalid(): Promise<void> {
  const { error } = await api.POST("/customers", { body: { name: "", phone: "x" } });
  assert.equal(explain(present(error, "error")), "/name /phone");
}

async function pages(): Promise<void> {
  for (const name of ["First", "Second", "Third"]) {
    assert.equal((await api.POST("/customers", { body: { name } })).response.status, 201);
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  let count = 0;
  do {
    const query = cursor === undefined ? { limit: 2 } : { limit: 2, cursor };
    const { data, response } = await api.GET("/customers", { params: { query } });
    const page = present(data, "page");
    seen.push(...page.items.map((item) => item.id));
    cursor = page.next_cursor ?? undefined;
    assert.equal(response.headers.has("Link"), cursor !== undefined);
    count++;
  } while (cursor !== undefined);
  assert.ok(count > 1, "one page only");
  assert.ok(seen.includes(customer.id));
  assert.equal(new Set(seen).size, seen.length);
}

async function lookup(): Promise<void> {
  const { data } = await api.POST("/customers/lookup", { body: { email: email.toUpperCase() } });
  assert.deepEqual(present(data, "page").items, [customer]);
  const found = await api.GET("/customers", { params: { query: { email } } });
  assert.deepEqual(found.data, data);
}

async function remove(): Promise<void> {
  const params = { path: { id: customer.id } };
  const { error, response } = await api.DELETE("/customers/{id}", { params });
  assert.deepEqual([error, response.status], [undefined, 204]);
  const gone = await api.GET("/customers/{id}", { params });
  assert.equal(gone.response.status, 404);
  assert.equal(explain(present(gone.error, "error")), "gone");
}

void runSteps([
  ["create", create], ["read", read], ["patch", patch], ["conflict", conflict], ["replace", replace], ["replay", replay],
  ["taken", taken], ["invalid", invalid], ["pages", pages], ["lookup", lookup], ["remove", remove],
]);
