// A page with jQuery, of another origin than the server. XMLHttpRequest of jsdom asks before it sends and hides what no answer
// allows, as browsers do.
//
// Usage: node page.js SCRIPT PICTURE. Runs the script in the page, with the picture as `contents`, the way a page has it from a
// file that somebody chose. What the script logs is printed as JSON.
const fs = require("fs");
const { JSDOM, VirtualConsole } = require("jsdom");

const [script, picture] = process.argv.slice(2);
const log = new VirtualConsole();
log.on("log", (logged) => console.log(JSON.stringify(logged)));
log.on("jsdomError", (error) => console.error(error.message));
const { window } = new JSDOM("<!doctype html><title>Upload</title>", {
  url: "http://page.example/",
  runScripts: "outside-only",
  virtualConsole: log,
});
window.eval(fs.readFileSync(require.resolve("jquery"), "utf8"));
window.contents = new window.Uint8Array(fs.readFileSync(picture));
window.eval(fs.readFileSync(script, "utf8"));
