/** A customer's life in steps, the same for both SDKs: each is done in order, and told by a line. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

export type Step = [name: string, run: () => Promise<void>];

export async function runSteps(steps: Step[]): Promise<never> {
  for (const [name, run] of steps) {
    await run();
    console.log(`ok ${name}`);
  }
  // Node's fetch (18 and 20) keeps a connection on which a 304 stated a Content-Length, and the process with it, until the
  // server's idle timeout.
  process.exit(0);
}

export function serviceUrl(): string {
  const url = process.argv[2];
  assert.ok(url, "the service's URL is the argument");
  return url;
}

export function uniqueEmail(): string {
  return `sdk.${randomUUID()}@example.net`;
}

/** A header field that the contract promises. */
export function field(response: Response, name: string): string {
  const value = response.headers.get(name);
  assert.ok(value !== null, `the answer has no ${name}`);
  return value;
}

/** What the SDK's type says may be absent, and here is not. */
export function present<T>(value: T | undefined, what: string): T {
  assert.ok(value !== undefined, `no ${what}`);
  return value;
}
