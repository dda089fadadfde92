// An explorer of tenants that runs in a web page: preflights, packages sent as application/json, polling without a pause.
//
// Usage: node explorer.mjs URL FILE IMAGE. Prints a line per check and fails on the first that does not hold.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const [url, file, image] = process.argv.slice(2);
const origin = "https://explorer.example";
const authorization = "Bearer pentaprism-dev";

// What a browser lets the page see of an answer from another origin.
function readable(answer) {
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  return answer;
}

// What a browser asks before it sends the page's request.
async function preflight(path, method, headers) {
  const asked = { origin, "access-control-request-method": method, "access-control-request-headers": headers.join(",") };
  const answer = readable(await fetch(url + path, { method: "OPTIONS", headers: asked }));
  assert.equal(answer.status, 204);
  const listed = (name) => answer.headers.get(name).toLowerCase().split(",").map((item) => item.trim());
  assert.ok(listed("access-control-allow-methods").includes(method.toLowerCase()));
  const allowed = listed("access-control-allow-headers");
  assert.ok(headers.every((header) => allowed.includes(header)), `${headers} are not all among ${allowed}`);
}

async function call(path, method = "GET", body = undefined) {
  const headers = { authorization, "content-type": "application/json", origin };
  await preflight(path, method, ["authorization", "content-type"]);
  return readable(await fetch(url + path, { method, headers, body }));
}

async function ended(tenant, operation) {
  if (operation.State > 1) return operation;
  const answer = await call(`/v2/tenants/${tenant}/operations/${operation.OperationId}`);
  assert.equal(answer.status, 200);
  return ended(tenant, await answer.json());
}

const [tenant] = (await (await call("/v2/tenants")).json()).map((found) => found.Id);
const bytes = await readFile(file);
const images = `/v2/tenants/${tenant}/images`;
const operation = await (await call(images, "POST", bytes)).json();
const done = await ended(tenant, operation);
assert.deepEqual([done.State, done.OperationType, done.Error], [2, 7, null]);
assert.equal(done.ResourceLocation, `${images}/${image}`);
console.log("uploaded from a page");

const metadata = await (await call(`${images}/${image}/metadata`)).json();
assert.equal(metadata.Id, image);
const { Uri: place } = await (await call(`${images}/${image}`)).json();
const answer = readable(await fetch(place, { headers: { origin } }));
assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), "the bytes differ");
console.log("read back in a page");

// The page takes the array of a refusal for an operation and asks for one whose id is undefined.
const refused = await call(images, "POST", Buffer.from("no package"));
assert.equal(refused.status, 400);
const { OperationId } = await refused.json();
const confused = await call(`/v2/tenants/${tenant}/operations/${OperationId}`);
assert.equal(confused.status, 400);
assert.equal((await confused.json())[0].ErrorCode, "BadRequest");
console.log("a refusal ends the polling");
