"use strict";
// Draws the cases that pass the filter. Everything recorded is put in with textContent: it is data, never markup.
const cases = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filter");
const list = document.getElementById("cases");
const MOST = 200;

const make = (name, text, kind) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
};

for (const name of ["outcome", "class", "model", "category"]) {
  const select = form.elements[name];
  const values = [...new Set(cases.map((one) => one[name] ?? ""))].filter((value) => value !== "").sort();
  select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
}

function drawn(one) {
  const node = make("details");
  const title = make("summary");
  title.append(make("span", "", "dot " + one.outcome), make("strong", one.id), " " + (one.class ?? one.outcome));
  title.append(make("span", " " + [one.model, one.category, one.detected ?? one.format].filter(Boolean).join(", "), "dim"));
  node.append(title);
  node.addEventListener("toggle", () => {
    if (node.childElementCount > 1) return;
    if (one.message) node.append(make("p", one.message));
    const text = make("pre");
    if (one.at === null || one.at >= one.text.length) {
      text.textContent = one.text;
    } else {
      const end = one.at + ([...one.text.slice(one.at, one.at + 2)][0] ?? "").length;
      text.append(one.text.slice(0, one.at), make("mark", one.text.slice(one.at, end)), one.text.slice(end));
    }
    node.append(text);
    for (const call of one.calls) node.append(make("pre", call.name + " " + JSON.stringify(call.arguments, null, 2)));
    if (one.fixes.length) node.append(make("p", "put right: " + one.fixes.join(", ")));
    node.append(make("p", one.place, "dim"));
  });
  return node;
}

function draw() {
  const wanted = (name) => form.elements[name].value;
  const text = wanted("text").toLowerCase();
  const passes = (one) =>
    ["outcome", "class", "model", "category"].every((name) => !wanted(name) || one[name] === wanted(name)) &&
    (!text || [one.id, one.text, one.message ?? ""].some((said) => said.toLowerCase().includes(text)));
  const found = cases.filter(passes);
  list.replaceChildren(...found.slice(0, MOST).map(drawn));
  document.getElementById("count").textContent =
    found.length + " of " + cases.length + (found.length > MOST ? ", the first " + MOST + " shown" : "");
}

form.addEventListener("input", draw);
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.outcome.value = cases.some((one) => one.outcome === "wrong") ? "wrong" : "";
draw();
