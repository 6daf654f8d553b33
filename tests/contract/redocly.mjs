// redocly.mjs FILE: what Redocly's recommended rules find, as JSON.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({ extends: ["recommended"] });
const problems = await lint({ ref: process.argv[2], config });
console.log(JSON.stringify(problems.map((p) => ({
  rule: p.ruleId,
  message: p.message,
  at: p.location.map((l) => l.pointer ?? `${l.start?.line}:${l.start?.col}`).join(" "),
}))));
