"use strict";
// Draws the cases that pass the filter. Everything recorded is put in with textContent: it is data, never markup.
const cases = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filter");
const list = document.getElementById("cases");
const MOST = 200;
// A text is folded beyond so many characters; so many of it stand around the marked place.
const LONG = 900;
const AROUND = 300;
// A value of the outcome's filter that is none of the outcomes.
const FAILURES = "failures";

const make = (name, text, kind) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
};
const label = (name) => name.replaceAll("_", " ");
const failed = (one) => one.failed;

for (const name of ["outcome", "class", "model", "category"]) {
  const select = form.elements[name];
  const values = [...new Set(cases.map((one) => one[name] ?? ""))].filter((value) => value !== "").sort();
  const shown = ["outcome", "class"].includes(name) ? label : (value) => value;
  select.append(new Option("all", ""));
  if (name === "outcome" && cases.some(failed)) select.append(new Option("all failures", FAILURES));
  select.append(...values.map((value) => new Option(shown(value), value)));
}

// What is long waits behind a line that says how long.
function folded(text) {
  if (text.length <= LONG) return make("pre", text);
  const node = make("details", undefined, "folded");
  node.append(make("summary", text.slice(0, 120) + " … (" + text.length.toLocaleString() + " characters)"));
  node.addEventListener("toggle", () => node.childElementCount > 1 || node.append(make("pre", text)));
  return node;
}

// The word or value at a place, so that the mark can be seen.
function markedTo(text, at) {
  const rest = /^["'\w.-]+|^[^\n]{1,40}/u.exec(text.slice(at, at + 80));
  return at + (rest ? rest[0].length : ([...text.slice(at, at + 2)][0] ?? "").length);
}

function output(one) {
  const { text, at } = one;
  if (at === null || at >= text.length) return [folded(text)];
  const end = markedTo(text, at);
  const from = text.length > LONG ? Math.max(0, at - AROUND) : 0;
  const to = text.length > LONG ? Math.min(text.length, end + AROUND) : text.length;
  const node = make("pre");
  node.append((from > 0 ? "…" : "") + text.slice(from, at), make("mark", text.slice(at, end)));
  node.append(text.slice(end, to) + (to < text.length ? "…" : ""));
  return to - from < text.length ? [node, folded(text)] : [node];
}

const called = (call) => call.name + " " + JSON.stringify(call.arguments ?? call.args, null, 2);

function part(node, title, children) {
  if (children.length) node.append(make("h3", title), ...children);
}

function drawn(one) {
  const node = make("details");
  const title = make("summary");
  title.append(make("span", "", "dot " + one.outcome), make("strong", one.id), " " + label(one.class ?? one.outcome));
  title.append(make("span", " " + [one.model, one.category, one.detected ?? one.format].filter(Boolean).join(", "), "dim"));
  node.append(title);
  node.addEventListener("toggle", () => {
    if (node.childElementCount > 1) return;
    if (one.message) node.append(make("p", one.message));
    part(node, "Question", one.question ? [folded(one.question)] : []);
    part(node, "Tools", one.tools.length ? [make("p", one.tools.join(", "))] : []);
    part(node, "Output", output(one));
    part(node, "Expected calls", (one.due ?? []).map((call) => folded(called(call))));
    if (one.due && !one.due.length) part(node, "Expected calls", [make("p", "none")]);
    part(node, "Calls found", one.calls.length ? one.calls.map((call) => folded(called(call))) : [make("p", "none")]);
    if (one.fixes.length) node.append(make("p", "fixed: " + one.fixes.map(label).join(", ")));
    node.append(make("p", one.place, "dim"));
  });
  return node;
}

function draw() {
  const wanted = (name) => form.elements[name].value;
  const text = wanted("text").toLowerCase();
  const fits = (one, name) => !wanted(name) || (wanted(name) === FAILURES ? failed(one) : one[name] === wanted(name));
  const passes = (one) =>
    ["outcome", "class", "model", "category"].every((name) => fits(one, name)) &&
    (!text || [one.id, one.text, one.question ?? "", one.message ?? ""].some((said) => said.toLowerCase().includes(text)));
  const found = cases.filter(passes);
  list.replaceChildren(...found.slice(0, MOST).map(drawn));
  document.getElementById("count").textContent =
    found.length + " of " + cases.length + (found.length > MOST ? ", the first " + MOST + " shown" : "");
}

form.addEventListener("input", draw);
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.outcome.value = cases.some(failed) ? FAILURES : "";
draw();
