// A page that shows saved views, with the habits of the service's own TypeScript client, which is in no package registry:
// fetch, the token passed on as it was given, slashes at the ends of some paths, a Content-Type only with a body, Prefer when a
// view is read, characters that the platform forbids written in another way inside of views, and the object of a refusal thrown.
//
// Usage: node browser.mjs URL FULL OTHER, with two PNGs. Prints a line per check and fails on the first that does not hold.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const [url, ...files] = process.argv.slice(2);
const base = `${url}/savedviews`;
const origin = "https://viewer.example";
const iTwinId = "c6b0bf8d-033d-4291-9931-9b20f2135111";
const iModelId = "b2db2e65-24a5-4958-abf5-91a60b94e8a5";
const forbidden = { "&": "++and++", ".": "++dot++", "<": "++lst++", ">": "++gtr++", "'": "++sqt++", '"': "++dqt++" };

function check(what) {
  console.log(what);
}

// Every text in a view, changed.
function mapped(value, change) {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapped(member, change)]));
}

const written = (view) => mapped(view, (text) => text.replace(/[&.<>'"]/g, (character) => forbidden[character]));

function readAgain(view) {
  const meant = Object.fromEntries(Object.entries(forbidden).map(([character, name]) => [name, character]));
  return mapped(view, (text) => text.replace(/\+\+(?:and|dot|lst|gtr|sqt|dqt)\+\+/g, (name) => meant[name]));
}

async function preflight(address, method, headers) {
  const asked = { origin, "access-control-request-method": method, "access-control-request-headers": headers.join(",") };
  const answer = await fetch(address, { method: "OPTIONS", headers: asked });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.ok(answer.headers.get("access-control-allow-methods").includes(method));
  const allowed = answer.headers.get("access-control-allow-headers").toLowerCase();
  assert.ok(headers.every((header) => allowed.includes(header)), `${headers} are not all among ${allowed}`);
}

// Returns what JSON there is; throws the object of a refusal itself.
async function call(address, method, body, prefer, token = "Bearer pentaprism-dev") {
  const headers = { authorization: token };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (prefer !== undefined) headers.prefer = `return=${prefer}`;
  await preflight(address, method, Object.keys(headers));
  headers.origin = origin;
  const answer = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  const text = await answer.text();
  const found = text === "" ? undefined : JSON.parse(text);
  if (!answer.ok) throw found.error;
  return found;
}

const create = (view) => call(`${base}/`, "POST", view);
const show = (id, prefer) => call(`${base}/${id}`, "GET", undefined, prefer);
const update = (id, image) => call(`${base}/${id}/image`, "PUT", { image });
const href = async (id, size) => (await call(`${base}/${id}/image?size=${size}`, "GET")).href;
// Page after page, until there is no link to another.
async function* pages(query, prefer) {
  for (let address = `${base}/?${query}`; address; ) {
    const page = await call(address, "GET", undefined, prefer);
    yield page;
    address = page._links.next?.href;
  }
}

async function list(query, prefer = "minimal") {
  const found = [];
  for await (const { savedViews } of pages(query, prefer)) found.push(savedViews);
  return found;
}

const dataUrl = (bytes) => `data:image/png;base64,${bytes.toString("base64")}`;

async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

// What <img src> does: no token, and the type counts.
async function picture(source) {
  const answer = await fetch(source, { headers: { origin } });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "image/png"]);
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  return Buffer.from(await answer.arrayBuffer());
}

const size = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];

const [full, other] = await Promise.all(files.map((file) => readFile(file)));
const looking = { itwin3dView: { origin: [0, 0, 0], extents: [100, 100, 100], sky: "https://a.example/?x=<1>&y='2'\"" } };
const extensions = [{ extensionName: "EmphasizeElements", data: '{"always":["0x1"]}' }];
const view = { iTwinId, iModelId, displayName: "North side", shared: false, savedViewData: written(looking), extensions };
const { savedView } = await create(view);
const { id } = savedView;
assert.deepEqual([savedView.displayName, savedView.shared, savedView.tags], ["North side", false, []]);
assert.equal(savedView._links.iTwin.href.split("/").pop(), iTwinId);
check("a view is made");

assert.deepEqual(readAgain((await show(id, "minimal")).savedView.savedViewData), looking);
assert.equal((await show(id, "minimal")).savedView.extensions[0].extensionName, "EmphasizeElements");
assert.equal((await show(id, "representation")).savedView.extensions[0].data, extensions[0].data);
check("the view is as it was made");

const ofModel = `iTwinId=${iTwinId}&iModelId=${iModelId}`;
const [listed, ...others] = await list(ofModel);
assert.deepEqual([listed.map((found) => found.displayName), others], [["Default view", "North side"], []]);
const { savedViewData, ...outline } = (await show(id, "minimal")).savedView;
assert.deepEqual(listed[1], outline);
const [[, whole]] = await list(ofModel, "representation");
assert.deepEqual([whole.extensions[0].data, whole.savedViewData], [extensions[0].data, undefined]);
const shown = await list(`${ofModel}&$top=1`);
assert.deepEqual(shown.map((page) => page.map((found) => found.id)), listed.map((found) => [found.id]));
assert.deepEqual(await list(`${ofModel}&$top=1&$skip=1`), [[outline]]);
const encoded = new URLSearchParams({ iModelId, $top: "1", $skip: "1" });
assert.deepEqual(await list(encoded), [[outline]]);
assert.deepEqual(await list("iTwinId=00000000-0000-4000-8000-000000000000"), [[]]);
const notANumber = { code: "InvalidParameter", message: "$top must be a number.", target: "$top" };
const cannotRetrieve = { code: "InvalidSavedviewsRequest", message: "Cannot retrieve saved view.", details: [notANumber] };
assert.deepEqual(await thrown(list(`${ofModel}&$top=ten`)), cannotRetrieve);
assert.equal((await thrown(list(`groupId=${id}`))).code, "GroupNotFound");
check("the view is listed without its data, page by page");

assert.deepEqual(await thrown(href(id, "thumbnail")), { code: "ImageNotFound", message: "Requested image is not available." });
check("there is no picture yet");

assert.equal(await update(id, dataUrl(full)), undefined);
const [first, small] = [await href(id, "full"), await href(id, "thumbnail")];
assert.ok((await picture(first)).equals(full), "the bytes differ");
assert.deepEqual(size(full), [900, 600]);
assert.deepEqual(size(await picture(small)), [400, 267]);
assert.equal(await href(id, "full"), first, "the link stays");
check("the picture and its thumbnail need no token");

await update(id, dataUrl(other));
const second = await href(id, "full");
assert.notEqual(second, first);
assert.ok((await picture(second)).equals(other), "the bytes differ");
assert.equal((await fetch(first)).status, 404);
check("another picture has another link");

const notAnImage = { code: "InvalidRequestBody", message: "image must be a base64Image.", target: "image" };
const cannotUpdate = { code: "InvalidSavedviewsRequest", message: "Cannot update savedview.", details: [notAnImage] };
for (const image of ["hello", "data:image/jpeg;base64,/9j/", dataUrl(full.subarray(0, 1000)), ""]) {
  assert.deepEqual(await thrown(update(id, image)), cannotUpdate);
}
assert.ok((await picture(second)).equals(other), "a refused picture leaves the earlier one");
check("what is no picture is thrown with details");

const missing = { code: "SavedViewNotFound", message: "Requested savedview is not available." };
assert.deepEqual(await thrown(update("ACZbDmWhULVChRcDRkoPdA", dataUrl(full))), missing);
const nameless = await thrown(create({ ...view, displayName: "a<b", iTwinId: "one" }));
assert.deepEqual(nameless.details.map((detail) => detail.target), ["iTwinId", "displayName"]);
const stranger = await thrown(call(`${base}/${id}`, "GET", undefined, undefined, "Bearer unknown"));
assert.equal(stranger.code, "Unauthorized");
check("refusals are thrown as they are written");

assert.equal(await call(`${base}/${id}`, "DELETE"), undefined);
assert.deepEqual(await thrown(show(id, "minimal")), missing);
assert.deepEqual((await list(ofModel)).flat().map((found) => found.displayName), ["Default view"]);
assert.equal((await fetch(second)).status, 404);
check("a deleted view takes its picture along");
