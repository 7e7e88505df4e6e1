// What the timeline draws: the attempts as bars, each in a row in which it has room, on a clock that skips idle time.

// Idle time is cut out: a run that was resumed after days is still readable.
const clock_ = (() => {
  const busy = [];
  for (const layer of layers) {
    for (let place = 0; place < layer.states.length; place++) {
      for (const each of triesAt(layer, place)) if (each[2] != null) busy.push([each[2], endOf(each)]);
    }
  }
  busy.sort((a, b) => a[0] - b[0]);
  let worked = 0;
  let until = 0;
  const gaps = [];
  for (const [from, to] of busy) {
    if (from > until) gaps.push([until, from]);
    worked += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  const cuts = gaps.filter(([from, to]) => to - from > Math.max(10000, worked)).map(([from, to]) => ({ from, to, keep: worked * 0.02 }));
  const at = (ms) => cuts.reduce((sum, cut) => sum - (ms >= cut.to ? cut.to - cut.from - cut.keep : ms > cut.from ? (ms - cut.from) * (1 - cut.keep / (cut.to - cut.from)) : 0), ms);
  return { at, cuts, length: Math.max(1, at(until)), any: busy.length > 0 };
})();

// The bars of a layer, each with the row in which it has room: the first that is free when it begins.
function barsOf(layer) {
  const bars = [];
  for (let place = 0; place < layer.states.length; place++) {
    for (const each of triesAt(layer, place)) {
      const [number, letter, start, took, error] = each;
      if (start == null) continue;
      bars.push({ place, number, letter, error, took, from: clock_.at(start), to: clock_.at(endOf(each)), row: 0 });
    }
  }
  bars.sort((a, b) => a.from - b.from || a.place - b.place);
  const free = []; // a heap of rows, by the time from which they are free
  const swap = (i, j) => { [free[i], free[j]] = [free[j], free[i]]; };
  let rows = 0;
  for (const bar of bars) {
    let row;
    if (free.length && free[0].time <= bar.from) {
      row = free[0].row;
      free[0].time = bar.to;
      for (let i = 0; ;) {
        const left = 2 * i + 1;
        if (left >= free.length) break;
        const least = left + 1 < free.length && free[left + 1].time < free[left].time ? left + 1 : left;
        if (free[i].time <= free[least].time) break;
        swap(i, least);
        i = least;
      }
    } else {
      row = rows++;
      free.push({ time: bar.to, row });
      for (let i = free.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (free[parent].time <= free[i].time) break;
        swap(i, parent);
        i = parent;
      }
    }
    bar.row = row;
  }
  return { bars, rows };
}
