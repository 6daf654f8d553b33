// read.js FILE...: what stands in the Terraform files, as JSON: {file: {body, references}}.
// body: the blocks by kind, expressions as "${...}"; references: the names that its expressions refer to.
"use strict";

const fs = require("fs");
const { getReferencesInExpression, parse } = require("@cdktn/hcl2json");

function textsIn(value) {
  if (typeof value === "string") return value.includes("${") ? [value] : [];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(textsIn);
}

async function referencesIn(file, text) {
  // A text of several lines stands as a heredoc, any other in quotes.
  const source = text.includes("\n") ? `<<EOT\n${text}EOT\n` : `"${text}"`;
  return (await getReferencesInExpression(file, source)).map((reference) => reference.value);
}

async function main(files) {
  const found = {};
  for (const file of files) {
    const body = await parse(file, fs.readFileSync(file, "utf8"));
    const references = new Set();
    for (const text of textsIn(body)) {
      for (const reference of await referencesIn(file, text)) references.add(reference);
    }
    found[file] = { body, references: [...references].sort() };
  }
  process.stdout.write(JSON.stringify(found));
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.message || error}\n`);
  process.exit(1);
});
