// The timeline: for each layer a lane, in it the attempts at its splits. Attempts that ran side by side stand below one
// another; where these are too many, the lane shows how many ran, and is unfolded by its name.

const RULER = 26;
const GAP = 8;
const FEW_ROWS = 24; // side by side: a lane of more is folded at first
const FOLDED = 34; // pixels
const TALLEST = 320; // pixels, of a lane that is unfolded

function timeline() {
  const lanes = layers
    .map((layer) => ({ layer, ...barsOf(layer) }))
    .filter((lane) => lane.bars.length)
    .map((lane) => ({ ...lane, folded: lane.rows > FEW_ROWS }));
  let from = 0;
  let to = clock_.length;
  let pointed = null;
  let dragged = null;

  const canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": "Timeline of attempts: when each ran, by layer. Plus and minus zoom, the arrow keys move, 0 shows all. The table of layers has the same times." });
  const names = make("div", { class: "names" });
  const tip = make("div", { class: "tip", hidden: true });
  const box = make("div", { class: "lanes" }, names, canvas, tip);
  const whole = make("button", { type: "button", onclick: () => zoomTo(0, clock_.length) }, "Show all");
  const used = new Set(lanes.flatMap((lane) => lane.bars.map((bar) => bar.letter)));
  const tools = make(
    "div",
    { class: "tools" },
    make("span", { class: "keys" }, ...[..."fxrild"].filter((letter) => used.has(letter)).map(stateOf)),
    make("span", {}, "Drag over a span of time to zoom in"),
    make("span", { class: "group" },
      make("button", { type: "button", "aria-label": "Zoom in", onclick: () => zoomBy(0.5) }, "+"),
      make("button", { type: "button", "aria-label": "Zoom out", onclick: () => zoomBy(2) }, "−"),
      whole),
  );
  document.getElementById("timeline-fallback").replaceWith(tools, box);

  const height = (lane) => {
    if (lane.folded) return FOLDED;
    const each = lane.rows <= 12 ? 14 : lane.rows <= FEW_ROWS ? 8 : lane.rows <= 60 ? 6 : Math.max(1, TALLEST / lane.rows);
    return Math.max(20, Math.min(lane.rows * each, TALLEST));
  };

  function name(lane) {
    const fold = () => { lane.folded = !lane.folded; layout(); names.children[lanes.indexOf(lane)].focus(); };
    const foldable = lane.rows > FEW_ROWS;
    const open = () => { location.hash = `#layer-${lane.layer.name}`; };
    const words = foldable ? `at most ${count(lane.rows)} at a time` : "";
    const button = make(
      "button",
      { type: "button", "aria-expanded": foldable ? String(!lane.folded) : null, onclick: foldable ? fold : open, title: foldable ? "Fold or unfold" : `Go to ${lane.layer.name}` },
      make("i", { "aria-hidden": "true" }, foldable ? (lane.folded ? "▸" : "▾") : ""),
      make("b", {}, lane.layer.name),
      make("small", {}, words),
    );
    button.style.height = `${height(lane) + GAP}px`;
    return button;
  }

  function layout() {
    names.replaceChildren(...lanes.map(name));
    draw();
  }

  function zoomTo(first, last) {
    const least = Math.max(1, clock_.length / 1e5);
    from = Math.max(0, Math.min(first, clock_.length - least));
    to = Math.min(clock_.length, Math.max(last, from + least));
    draw();
  }

  function zoomBy(factor) {
    const middle = (from + to) / 2;
    const half = ((to - from) / 2) * factor;
    zoomTo(middle - half, middle + half);
  }

  const colour = (style, letter) => style.getPropertyValue(`--${data.states[letter]}`) || style.getPropertyValue("--muted");
  const x = (time, wide) => ((time - from) / (to - from)) * wide;

  function draw() {
    const wide = canvas.clientWidth;
    const high = RULER + lanes.reduce((sum, lane) => sum + height(lane) + GAP, 0);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(high * ratio);
    canvas.style.height = `${high}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    ruler(pen, style, wide, high);
    let top = RULER;
    for (const lane of lanes) {
      (lane.folded ? drawFolded : drawBars)(pen, style, lane, top, wide);
      top += height(lane) + GAP;
    }
    if (dragged) {
      pen.globalAlpha = 0.15;
      pen.fillStyle = style.getPropertyValue("--focus");
      pen.fillRect(Math.min(dragged.from, dragged.to), 0, Math.abs(dragged.to - dragged.from), high);
      pen.globalAlpha = 1;
    }
    whole.disabled = from === 0 && to === clock_.length;
  }

  function ruler(pen, style, wide, high) {
    const rough = ((to - from) / wide) * 110;
    const unit = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].map((s) => s * 1000))
      .find((step) => step >= rough) || Math.ceil(rough / 864e5) * 864e5;
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (let time = Math.ceil(from / unit) * unit; time <= to; time += unit) {
      const at = Math.round(x(time, wide)) + 0.5;
      pen.strokeStyle = style.getPropertyValue("--line");
      pen.beginPath();
      pen.moveTo(at, RULER - 6);
      pen.lineTo(at, high);
      pen.stroke();
      pen.fillStyle = style.getPropertyValue("--muted");
      const text = time ? span(time) : "0";
      const room = pen.measureText(text).width;
      pen.fillText(text, Math.min(Math.max(0, at - room / 2), wide - room), 9);
    }
    pen.setLineDash([2, 3]);
    pen.strokeStyle = style.getPropertyValue("--strong-line");
    for (const cut of clock_.cuts) {
      const at = x(clock_.at((cut.from + cut.to) / 2), wide);
      if (at < 0 || at > wide) continue;
      pen.beginPath();
      pen.moveTo(at, RULER - 6);
      pen.lineTo(at, high);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  function drawBars(pen, style, lane, top, wide) {
    const each = height(lane) / lane.rows;
    const gap = each >= 10 ? 3 : each >= 4 ? 1 : 0;
    // What failed is drawn last, and is never thinner than it can be seen.
    for (const notable of [false, true]) {
      for (const bar of lane.bars) {
        if ((bar.letter !== "f") !== notable || bar.to < from || bar.from > to) continue;
        const least = notable || lane.bars.length < 200 ? 2.5 : 0.6;
        const across = Math.max(least, x(bar.to, wide) - x(bar.from, wide) - (each >= 10 ? 0.5 : 0));
        const left = Math.min(x(bar.from, wide), wide - least);
        const y = top + bar.row * each;
        pen.fillStyle = colour(style, bar.letter);
        const full = bar === pointed ? 1 : notable ? 0.95 : 0.62;
        pen.globalAlpha = full;
        if (bar.took == null && bar.letter !== "r") {
          // Its end is not known: it begins like any other, and fades.
          pen.fillRect(left, y, Math.min(2.5, across), Math.max(1, each - gap));
          pen.globalAlpha = full * 0.35;
        }
        pen.fillRect(left, y, across, Math.max(1, each - gap));
      }
    }
    pen.globalAlpha = 1;
  }

  // How many ran at a time, and below, where one failed.
  function drawFolded(pen, style, lane, top, wide) {
    const room = FOLDED - 5;
    const change = new Float64Array(Math.ceil(wide) + 2);
    const failed = new Set();
    for (const bar of lane.bars) {
      if (bar.to < from || bar.from > to) continue;
      const left = Math.max(0, x(bar.from, wide));
      const right = Math.min(wide, Math.max(left, x(bar.to, wide)));
      // Each column gets the share of it during which the attempt ran.
      const first = Math.floor(left);
      const last = Math.floor(right);
      if (first === last) {
        change[first] += right - left;
        change[first + 1] -= right - left;
      } else {
        const begun = first + 1 - left;
        change[first] += begun;
        change[first + 1] += 1 - begun;
        change[last] += right - last - 1;
        change[last + 1] -= right - last;
      }
      if (bar.letter === "x") failed.add(first);
    }
    pen.fillStyle = colour(style, lane.layer.state === "running" ? "r" : "f");
    pen.globalAlpha = 0.55;
    pen.beginPath();
    pen.moveTo(0, top + room);
    let now = 0;
    for (let column = 0; column < wide; column++) {
      now += change[column];
      pen.lineTo(column + 0.5, top + room - (now / lane.rows) * room);
    }
    pen.lineTo(wide, top + room);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = colour(style, "x");
    for (const column of failed) pen.fillRect(column - 1, top + room + 1, 2.5, 4);
  }

  function barAt(event) {
    let top = RULER;
    for (const lane of lanes) {
      const high = height(lane);
      if (event.offsetY >= top && event.offsetY < top + high && !lane.folded) {
        const row = Math.floor((event.offsetY - top) / (high / lane.rows));
        const wide = canvas.clientWidth;
        const near = (bar) => {
          const left = x(bar.from, wide);
          const right = Math.max(x(bar.to, wide), left);
          return event.offsetX < left ? left - event.offsetX : event.offsetX > right ? event.offsetX - right : 0;
        };
        let best = null;
        for (const bar of lane.bars) {
          if (Math.abs(bar.row - row) <= (high / lane.rows < 4 ? 1 : 0) && near(bar) < 4 && (!best || near(bar) < near(best) || (near(bar) === near(best) && bar.letter === "x"))) best = bar;
        }
        return best && { lane, bar: best };
      }
      top += high + GAP;
    }
    return null;
  }

  function point(event) {
    const hit = dragged ? null : barAt(event);
    const before = pointed;
    pointed = hit && hit.bar;
    canvas.style.cursor = hit ? "pointer" : "";
    tip.hidden = !hit;
    if (hit) {
      const { bar, lane } = hit;
      const parts = [`${lane.layer.name}/${indexAt(lane.layer, bar.place)}`, `attempt ${bar.number}`, data.states[bar.letter], span(bar.took)];
      tip.textContent = parts.filter(Boolean).join(" · ") + (bar.error == null ? "" : `\n${data.texts[bar.error]}`);
      const left = canvas.offsetLeft + event.offsetX;
      tip.style.left = `${Math.min(left + 12, box.clientWidth - tip.offsetWidth)}px`;
      tip.style.top = `${canvas.offsetTop + event.offsetY + 16}px`;
    }
    if (before !== pointed) draw();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = { from: event.offsetX, to: event.offsetX };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged) {
      dragged.to = event.offsetX;
      draw();
    } else point(event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!dragged) return;
    const [first, last] = [dragged.from, dragged.to].sort((a, b) => a - b);
    dragged = null;
    if (last - first > 5) {
      const time = (at) => from + (at / canvas.clientWidth) * (to - from);
      zoomTo(time(first), time(last));
      return;
    }
    const hit = barAt(event);
    if (hit) location.hash = `#${hit.lane.layer.name}/${indexAt(hit.lane.layer, hit.bar.place)}`;
    draw();
  });
  canvas.addEventListener("pointerleave", () => { if (!dragged) { pointed = null; tip.hidden = true; draw(); } });
  canvas.addEventListener("dblclick", () => zoomTo(0, clock_.length));
  canvas.addEventListener("keydown", (event) => {
    const step = (to - from) / 5;
    const moves = {
      "+": () => zoomBy(0.5),
      "=": () => zoomBy(0.5),
      "-": () => zoomBy(2),
      "0": () => zoomTo(0, clock_.length),
      ArrowLeft: () => { const by = Math.min(step, from); zoomTo(from - by, to - by); },
      ArrowRight: () => { const by = Math.min(step, clock_.length - to); zoomTo(from + by, to + by); },
    };
    if (moves[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      moves[event.key]();
      event.preventDefault();
    }
  });
  new ResizeObserver(draw).observe(box);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.addEventListener("beforeprint", draw);
  layout();
}

if (clock_.any) timeline();
