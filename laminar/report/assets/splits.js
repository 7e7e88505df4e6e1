// The tables of splits: all of a layer, by pages, to filter and to sort; and one split by itself, in a dialog.

const PAGE = 50;

const ORDER = "xyirldwfs"; // states in the order in which people ask for them

function splitTable(box) {
  const layer = byName.get(box.dataset.layer);
  if (!layer) return;
  const view = { state: "", by: "state", down: false, page: 0 };
  const keys = {
    index: (place) => indexAt(layer, place),
    state: (place) => ORDER.indexOf(layer.states[place]),
    attempt: (place) => attemptAt(layer, place) ?? 0,
    began: (place) => layer.starts[place] ?? Infinity,
    took: (place) => layer.spans[place] ?? -1,
    memory: (place) => layer.memory[place] ?? -1,
  };
  const columns = [
    ["index", "Split"],
    ["state", "State"],
    ["attempt", "Attempt", "number"],
    ["began", "Began after", "number"],
    ["took", "Took", "number"],
    ...(layer.memory ? [["memory", "Memory", "number"]] : []),
  ];
  const failed = Object.keys(layer.errors).length > 0;
  const several = layer.artifacts.filter((artifact) => artifact.previews).slice(0, 3);

  function places() {
    const all = [];
    for (let place = 0; place < layer.states.length; place++) {
      if (!view.state || layer.states[place] === view.state) all.push(place);
    }
    const key = keys[view.by];
    const sign = view.down ? -1 : 1;
    return all.sort((a, b) => sign * (key(a) - key(b)) || a - b);
  }

  function row(place) {
    const name = `${layer.name}/${indexAt(layer, place)}`;
    const cells = several.map((artifact) => {
      const text = artifact.previews[place];
      return make("td", {}, text == null ? "" : make("code", { class: "preview" }, data.texts[text]));
    });
    const error = errorAt(layer, place);
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, make("a", { href: `#${name}`, class: "split" }, name)),
      make("td", {}, stateOf(layer.states[place])),
      make("td", { class: "number" }, attemptAt(layer, place) ?? ""),
      make("td", { class: "number" }, span(layer.starts[place])),
      make("td", { class: "number" }, span(layer.spans[place])),
      ...(layer.memory ? [make("td", { class: "number" }, mib(layer.memory[place]))] : []),
      ...cells,
      ...(failed ? [make("td", {}, error ? make("span", { class: "error" }, error) : "")] : []),
    );
  }

  function sortBy(column) {
    view.down = view.by === column ? !view.down : ["took", "attempt", "memory"].includes(column);
    view.by = column;
    view.page = 0;
    draw(column);
  }

  function head([column, title, kind]) {
    const sorted = view.by === column;
    const arrow = sorted ? (view.down ? " ↓" : " ↑") : "";
    const button = make("button", { type: "button", "data-by": column, onclick: () => sortBy(column) }, title + arrow);
    const order = sorted ? (view.down ? "descending" : "ascending") : null;
    return make("th", { scope: "col", class: kind, "aria-sort": order }, button);
  }

  function filter() {
    const counts = new Map();
    for (const letter of layer.states) counts.set(letter, (counts.get(letter) || 0) + 1);
    if (counts.size < 2) return "";
    const options = [...counts].sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0])).map(([letter, many]) =>
      make("option", { value: letter, selected: view.state === letter }, `${data.states[letter]} (${count(many)})`));
    const select = make(
      "select",
      { onchange: (event) => { view.state = event.target.value; view.page = 0; draw("filter"); }, "data-by": "filter" },
      make("option", { value: "" }, `all (${count(layer.states.length)})`),
      ...options,
    );
    return make("label", {}, "Show ", select);
  }

  function turn(by) {
    view.page += by;
    draw(by < 0 ? "earlier" : "later");
  }

  function draw(focus) {
    const all = places();
    const first = view.page * PAGE;
    const shown = all.slice(first, first + PAGE);
    const titles = several.map((artifact) => make("th", { scope: "col" }, make("code", {}, artifact.name)));
    const table = make(
      "table",
      {},
      make("caption", { class: "unseen" }, `Splits of ${layer.name}`),
      make("thead", {}, make("tr", {}, ...columns.map(head), ...titles, failed ? make("th", { scope: "col" }, "Error") : null)),
      make("tbody", {}, ...shown.map(row)),
    );
    const left = layer.splits != null && layer.splits > layer.states.length ? ` of ${count(layer.splits)} in all` : "";
    const words = `${count(first + 1)} to ${count(first + shown.length)} of ${count(all.length)}${left}`;
    const pages = make(
      "div",
      { class: "pages" },
      make("span", { role: "status" }, words),
      make("span", { class: "group" },
        make("button", { type: "button", "data-by": "earlier", disabled: !first, onclick: () => turn(-1) }, "Earlier"),
        make("button", { type: "button", "data-by": "later", disabled: first + PAGE >= all.length, onclick: () => turn(1) }, "Later")),
    );
    const region = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Splits of ${layer.name}` }, table);
    const title = make("div", { class: "tools" }, make("h4", {}, "Splits"), filter());
    box.replaceChildren(...[title, region, all.length > PAGE || left ? pages : null].filter(Boolean));
    if (focus) box.querySelector(`[data-by="${focus}"]`)?.focus();
  }

  draw();
}

// A table costs nothing before its layer is looked at.
for (const box of document.querySelectorAll(".splits")) {
  const layer = box.closest("details");
  const fill = () => {
    if (!layer.open || box.dataset.filled) return;
    box.dataset.filled = "yes";
    splitTable(box);
  };
  layer.addEventListener("toggle", fill);
  fill();
}

// One split.

const dialog = make("dialog", { "aria-labelledby": "split-title" });
document.body.append(dialog);
let cameFrom = null;

function attemptTable(layer, place) {
  const rows = triesAt(layer, place).map(([number, letter, start, took, error, cpu, memory]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, String(number)),
      make("td", {}, stateOf(letter)),
      make("td", {}, moment(start)),
      make("td", { class: "number" }, span(took)),
      make("td", { class: "number" }, span(cpu)),
      make("td", { class: "number" }, mib(memory)),
      make("td", {}, error == null ? "" : make("span", { class: "error" }, data.texts[error])),
    ));
  const titles = ["Attempt", "State", "Began", "Took", "Processor", "Memory", "Error"].map((title) =>
    make("th", { scope: "col", class: ["Took", "Processor", "Memory"].includes(title) ? "number" : null }, title));
  const caption = make("caption", { class: "unseen" }, "Attempts");
  return make("div", { class: "scroll" }, make("table", {}, caption, make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows)));
}

function artifactTable(layer, place) {
  const rows = layer.artifacts
    .map((artifact) => [artifact, layer.states.length === 1 ? artifact.preview : artifact.previews && data.texts[artifact.previews[place]]])
    .filter(([, preview]) => preview != null)
    .map(([artifact, preview]) =>
      make("tr", {}, make("th", { scope: "row" }, make("code", {}, artifact.name)), make("td", {}, make("code", { class: "preview" }, preview)), make("td", {}, artifact.type)));
  if (!rows.length) return null;
  const titles = ["Artifact", "Preview", "Type"].map((title) => make("th", { scope: "col" }, title));
  return make("div", { class: "scroll" }, make("table", {}, make("caption", { class: "unseen" }, "Artifacts"), make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows)));
}

// Which item of each axis of a ForEach the split stands for: the last axis varies fastest.
function elements(layer, index) {
  const found = [];
  for (const [name, size] of [...layer.axes].reverse()) {
    found.unshift(`${name}[${index % size}]`);
    index = Math.floor(index / size);
  }
  return found.join(", ");
}

function showSplit(layer, place) {
  const index = indexAt(layer, place);
  const address = `${data.address}/${layer.name}/${index}`;
  const trace = layer.traces[place];
  const pair = (name, value) => value && make("div", {}, make("dt", {}, name), make("dd", {}, value));
  const tries = triesAt(layer, place);
  const artifacts = artifactTable(layer, place);
  const step = (by) => () => { location.hash = `#${layer.name}/${indexAt(layer, place + by)}`; };
  dialog.replaceChildren(
    make(
      "header",
      {},
      make("h2", { id: "split-title", tabindex: -1 }, `${layer.name}/${index}`),
      stateOf(layer.states[place]),
      make("span", { class: "group" },
        make("button", { type: "button", disabled: place < 1, onclick: step(-1) }, "Previous"),
        make("button", { type: "button", disabled: place + 1 >= layer.states.length, onclick: step(1) }, "Next"),
        make("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    ),
    make("dl", { class: "facts" }, ...[pair("Element", elements(layer, index)), pair("Asks for", layer.asks)].filter(Boolean)),
    tries.length ? make("h3", {}, "Attempts") : make("p", { class: "muted" }, "No attempt has begun."),
    ...(tries.length ? [attemptTable(layer, place)] : []),
    ...(trace == null ? [] : [make("h3", {}, "Traceback"), make("pre", { tabindex: 0 }, data.texts[trace])]),
    ...(artifacts ? [make("h3", {}, "Artifacts"), artifacts] : []),
    make("h3", {}, "Look further"),
    make("pre", { tabindex: 0 }, `laminar show ${address}\nlaminar logs ${address}\nlaminar shell ${address}`),
  );
  if (!dialog.open) {
    cameFrom = document.activeElement;
    dialog.showModal();
  }
  dialog.querySelector("h2").focus();
}

dialog.addEventListener("close", () => {
  history.replaceState(null, "", location.pathname + location.search);
  cameFrom?.focus();
});

// A click beside the dialog closes it, as Escape does.
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

function follow() {
  const hash = decodeURIComponent(location.hash.slice(1));
  const [name, index] = hash.split("/");
  const layer = byName.get(name);
  const place = layer && /^\d+$/.test(index || "") ? placeOf(layer, Number(index)) : -1;
  if (place >= 0) {
    showSplit(layer, place);
    return;
  }
  if (dialog.open) dialog.close();
  const target = document.getElementById(hash);
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  }
}

window.addEventListener("hashchange", follow);
follow();
