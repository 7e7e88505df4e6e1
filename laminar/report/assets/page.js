// What the other scripts stand on. Data becomes text nodes only: nothing that a flow wrote is ever read as HTML.

const data = JSON.parse(document.getElementById("data").textContent);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function drawing(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// A state with its mark, as the rest of the page has it.
function stateOf(letter) {
  const name = data.states[letter];
  const mark = drawing("svg", { class: "mark", viewBox: "-8 -8 16 16", "aria-hidden": "true" });
  mark.append(drawing("circle", { r: 8 }), drawing("path", { d: data.marks[name] || "" }));
  return make("span", { class: `state ${name}` }, mark, name);
}

const grouped = new Intl.NumberFormat("en");
const count = (number) => grouped.format(number);

// As `clock` in laminar/model/words.py, with milliseconds below a second.
function span(ms) {
  if (ms == null) return "";
  if (ms < 995) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function moment(ms) {
  return ms == null ? "" : new Date(data.zero + ms).toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

const layers = data.layers;
const byName = new Map(layers.map((layer) => [layer.name, layer]));

// The index of the split in a place of a layer's columns, and the other way around.
const indexAt = (layer, place) => (layer.indices ? layer.indices[place] : place);

function placeOf(layer, index) {
  if (layer.indices) return layer.indices.indexOf(index);
  return index < layer.states.length ? index : -1;
}

const mib = (number) => (number == null ? "" : `${count(number)} MiB`);
const attemptAt = (layer, place) => layer.attempts[place] || (layer.starts[place] == null ? null : 1);
const errorAt = (layer, place) => (place in layer.errors ? data.texts[layer.errors[place]] : "");

// Every attempt at a split: number, state, start, duration, error, processor time, memory.
function triesAt(layer, place) {
  if (layer.tries[place]) return layer.tries[place];
  if (layer.starts[place] == null) return [];
  const error = place in layer.errors ? layer.errors[place] : null;
  return [[attemptAt(layer, place), layer.states[place], layer.starts[place], layer.spans[place], error, layer.cpu?.[place], layer.memory?.[place]]];
}

// When an attempt ended: where nothing says so, it is at work now, or its launch ended before it did.
function endOf([, letter, start, took]) {
  if (took != null) return start + took;
  if (letter === "r") return data.made;
  const after = data.launches.findIndex(([began]) => began > start);
  const [, ended] = data.launches.at(after < 0 ? -1 : after - 1) || [];
  return Math.max(start, ended ?? (after < 0 ? start : data.launches[after][0]));
}
