/** The life of a customer, driven by the SDK that @hey-api/openapi-ts makes. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { client } from "./generated/hey_api/client.gen.js";
import {
  createCustomer, deleteCustomer, getCustomer, listCustomers, lookupCustomer, patchCustomer, replaceCustomer,
} from "./generated/hey_api/sdk.gen.js";
import type { Customer, PatchCustomerErrors, Problem } from "./generated/hey_api/types.gen.js";
import { field, present, runSteps, serviceUrl, uniqueEmail } from "./steps.js";

client.setConfig({ baseUrl: serviceUrl() });
const email = uniqueEmail();
let customer: Customer;
let etag: string;

/** What an SDK's user would write: the type decides, and holds the members that belong to it. */
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
  const { data, response } = await createCustomer({ body: { name: "Ada Lovelace", email, balance: 1000 } });
  customer = present(data, "customer");
  etag = field(response, "ETag");
  assert.equal(response.status, 201);
  assert.equal(field(response, "Location"), `/customers/${customer.id}`);
  assert.equal(etag, `"${customer.version}"`);
}

async function read(): Promise<void> {
  const { data } = await getCustomer({ path: { id: customer.id } });
  assert.deepEqual(data, customer);
  const again = await getCustomer({ path: { id: customer.id }, headers: { "If-None-Match": etag } });
  assert.equal(again.response.status, 304);
}

async function patch(): Promise<void> {
  const { data, response } = await patchCustomer({
    path: { id: customer.id }, headers: { "If-Match": etag }, body: { phone: "+44 20 7946 0958", metadata: { tier: "gold" } },
  });
  const changed = present(data, "customer");
  assert.deepEqual([changed.version, changed.phone, changed.metadata["tier"]], [2, "+44 20 7946 0958", "gold"]);
  const removed = await patchCustomer({ path: { id: customer.id }, body: { phone: null, metadata: null } });
  customer = present(removed.data, "customer");
  assert.deepEqual([customer.version, customer.phone, customer.metadata], [3, undefined, {}]);
  assert.notEqual(field(response, "ETag"), etag);
}

async function conflict(): Promise<void> {
  const { data, error, response } = await replaceCustomer({
    path: { id: customer.id }, headers: { "If-Match": etag }, body: { name: "Late", balance: 0 },
  });
  const problem: PatchCustomerErrors[412] = present(error, "error");
  assert.equal(data, undefined);
  assert.equal(response.status, 412);
  assert.equal(explain(problem), "The customer's version is 3");
  assert.equal(field(response, "ETag"), '"3"');
}

async function replace(): Promise<void> {
  const { data } = await replaceCustomer({
    path: { id: customer.id }, headers: { "If-Match": '"3"' }, body: { name: "Ada King", email, balance: 750 },
  });
  customer = present(data, "customer");
  assert.deepEqual([customer.name, customer.balance, customer.version], ["Ada King", 750, 4]);
}

async function replay(): Promise<void> {
  const headers = { "Idempotency-Key": randomUUID() };
  const first = await createCustomer({ headers, body: { name: "Grace Hopper" } });
  const second = await createCustomer({ headers, body: { name: "Grace Hopper" } });
  assert.deepEqual(second.data, first.data);
  assert.equal(first.response.headers.get("Idempotency-Replayed"), null);
  assert.equal(field(second.response, "Idempotency-Replayed"), "true");
  const other = await createCustomer({ headers, body: { name: "Somebody" } });
  assert.equal(explain(present(other.error, "error")), "another body");
}

async function taken(): Promise<void> {
  const { error } = await createCustomer({ body: { name: "Another", email: email.toUpperCase() } });
  assert.equal(explain(present(error, "error")), `taken by /customers/${customer.id}`);
}

async function invalid(): Promise<void> {
  const { error } = await createCustomer({ body: { name: "", phone: "x" } });
  assert.equal(explain(present(error, "error")), "/name /phone");
}

async function pages(): Promise<void> {
  for (const name of ["First", "Second", "Third"]) {
    assert.equal((await createCustomer({ body: { name } })).response.status, 201);
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  let count = 0;
  do {
    const { data, response } = await listCustomers({ query: cursor === undefined ? { limit: 2 } : { limit: 2, cursor } });
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
  const { data } = await lookupCustomer({ body: { email: email.toUpperCase() } });
  assert.deepEqual(present(data, "page").items, [customer]);
  const found = await listCustomers({ query: { email } });
  assert.deepEqual(found.data, data);
}

async function remove(): Promise<void> {
  const { error, response } = await deleteCustomer({ path: { id: customer.id } });
  assert.equal(response.status, 204);
  assert.equal(explainAbsence(error), "none");
  const gone = await getCustomer({ path: { id: customer.id } });
  assert.equal(gone.response.status, 404);
  assert.equal(explain(present(gone.error, "error")), "gone");
}

function explainAbsence(problem: Problem | undefined): string {
  return problem === undefined ? "none" : explain(problem);
}

void runSteps([
  ["create", create], ["read", read], ["patch", patch], ["conflict", conflict], ["replace", replace], ["replay", replay],
  ["taken", taken], ["invalid", invalid], ["pages", pages], ["lookup", lookup], ["remove", remove],
]);
