// Search over layers, splits, artifacts and errors: what stands in the page and what only the data has.

const MOST = 12;

const search = make("input", { type: "search", placeholder: "Search  ( / )", "aria-label": "Search layers, splits, artifacts and errors", autocomplete: "off", spellcheck: "false" });
const found = make("div", { class: "found", hidden: true, role: "region", "aria-label": "Search results" });
const told = make("div", { class: "unseen", role: "status" });
document.getElementById("search").append(search, told, found);

// Each kind: what was found, and how many more there are.
function look(words) {
  const fits = (text) => text.toLowerCase().includes(words);
  const kinds = { Layers: [], Errors: [], Artifacts: [], Splits: [] };
  const texts = data.texts.map(fits);
  for (const layer of layers) {
    if (fits(layer.name) || (layer.note && fits(layer.note))) {
      kinds.Layers.push([`#layer-${layer.name}`, layer.name, layer.note || layer.state]);
    }
    for (const artifact of layer.artifacts) {
      if (fits(artifact.name) || fits(artifact.preview) || fits(artifact.type)) {
        kinds.Artifacts.push([`#layer-${layer.name}`, `${layer.name}.${artifact.name}`, artifact.preview]);
      }
    }
    const previewed = layer.artifacts.filter((artifact) => artifact.previews);
    for (let place = 0; place < layer.states.length; place++) {
      const name = `${layer.name}/${indexAt(layer, place)}`;
      const error = triesAt(layer, place).find((t) => t[4] != null && texts[t[4]]);
      if (error) kinds.Errors.push([`#${name}`, name, data.texts[error[4]]]);
      const artifact = previewed.find((each) => each.previews[place] != null && texts[each.previews[place]]);
      if (artifact) kinds.Artifacts.push([`#${name}`, `${name}.${artifact.name}`, data.texts[artifact.previews[place]]]);
      if (name.toLowerCase() === words) kinds.Splits.unshift([`#${name}`, name, data.states[layer.states[place]]]);
      else if (fits(name) && words.includes("/")) kinds.Splits.push([`#${name}`, name, data.states[layer.states[place]]]);
      else if (/^\d+$/.test(words) && String(indexAt(layer, place)) === words) kinds.Splits.push([`#${name}`, name, data.states[layer.states[place]]]);
    }
  }
  return kinds;
}

function results() {
  const words = search.value.trim().toLowerCase();
  found.hidden = !words;
  if (!words) {
    told.textContent = "";
    return;
  }
  const kinds = Object.entries(look(words)).filter(([, all]) => all.length);
  const many = kinds.reduce((sum, [, all]) => sum + all.length, 0);
  told.textContent = many === 1 ? "1 result" : `${count(many)} results`;
  found.replaceChildren(
    ...kinds.flatMap(([kind, all]) => [
      make("h3", {}, `${kind} (${count(all.length)})`),
      make("ul", {}, ...all.slice(0, MOST).map(([href, name, note]) =>
        make("li", {}, make("a", { href }, make("b", {}, name), make("span", {}, note))))),
      all.length > MOST ? make("p", {}, `and ${count(all.length - MOST)} more`) : null,
    ]).filter(Boolean),
    ...(many ? [] : [make("p", {}, `Nothing here has “${search.value.trim()}” in it.`)]),
  );
}

function leave() {
  found.hidden = true;
}

search.addEventListener("input", results);
search.addEventListener("focus", results);

found.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  leave();
  if (link.hash === location.hash) follow();
});

// Arrows go through the results; Escape leaves them.
document.getElementById("search").addEventListener("keydown", (event) => {
  const links = [...found.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "Escape") {
    leave();
    search.focus();
    leave();
  } else if (event.key === "ArrowDown" && links.length) {
    links[Math.min(at + 1, links.length - 1)].focus();
    event.preventDefault();
  } else if (event.key === "ArrowUp" && at >= 0) {
    (links[at - 1] || search).focus();
    event.preventDefault();
  } else if (event.key === "Enter" && event.target === search && links.length) {
    links[0].click();
  }
});

document.addEventListener("click", (event) => { if (!event.target.closest("#search")) leave(); });

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !dialog.open && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    search.focus();
  }
});
