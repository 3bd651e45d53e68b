// Learning curves of a few arms: means over seeds with bands, points of trials that train, and all values as a table.

import { Chart } from "./chart.js";
import { ask } from "./feed.js";
import { colours, el, fixed, plural, svg } from "./text.js";

const MOST = 6; // arms, as many as there are colours
const AT_FIRST = 4;
const DASHES = [[], [7, 3], [2, 3], [7, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2]];
const METRICS = [
  { key: "balanced_accuracy", title: "balanced accuracy on val", short: "balanced accuracy", digits: 3, bounds: [0, 1], trail: 1 },
  { key: "icv", title: "ICV on val (lower is better)", short: "ICV", digits: 4, bounds: [0, Infinity], trail: 2 },
  { key: "loss", title: "training loss", short: "loss", digits: 3, bounds: [-Infinity, Infinity], trail: null },
];
const AGAIN_MS = 2500; // between two questions while trials finish

export class Curves {
  // `marked` is called with the arms that are drawn and their colours.
  constructor({ charts, table, hint, place, marked }) {
    Object.assign(this, { table, hint, place, marked });
    this.slots = []; // arms by colour; null where one is free
    this.isOwn = false; // chosen by whoever looks
    this.views = new Map();
    this.band = "range";
    this.at = null;
    const picked = (at) => this.read(at);
    this.charts = METRICS.map((metric) => new Chart(charts, metric.title, { ...metric, picked }));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(run) {
    this.run = run;
    if (!this.isOwn) this.choose(this.proposed());
    else this.slots = this.slots.map((arm) => (arm !== null && arm < run.arms.length ? arm : null));
    this.load();
  }

  lead(leaders) {
    this.leaders = leaders;
    if (!this.isOwn && this.run) this.show(this.run);
  }

  // The first arms by rank and the first of the study; before any has finished, those that train.
  proposed() {
    const { run, leaders } = this;
    const ranked = (leaders?.rows ?? []).map((row) => row.arm).filter((arm) => arm < run.arms.length);
    if (ranked.length) return [...new Set([...ranked.slice(0, AT_FIRST), ...(ranked.includes(0) ? [0] : [])])];
    const seeds = run.seeds.length;
    const has = (arm) => run.cells.slice(arm * seeds, (arm + 1) * seeds).some((state) => state === "d" || state === "r");
    return run.arms.map((_, arm) => arm).filter(has).slice(0, AT_FIRST);
  }

  // Arms that stay keep their colour.
  choose(arms) {
    const wanted = arms.slice(0, MOST);
    const kept = Array.from({ length: MOST }, (_, slot) => (wanted.includes(this.slots[slot]) ? this.slots[slot] : null));
    for (const arm of wanted) if (!kept.includes(arm)) kept[kept.indexOf(null)] = arm;
    this.slots = kept;
    const look = colours();
    this.marked(new Map(kept.flatMap((arm, slot) => (arm === null ? [] : [[arm, look.series[slot]]]))));
  }

  toggle(arm) {
    this.isOwn = true;
    const now = this.slots.filter((each) => each !== null);
    if (now.includes(arm)) this.choose(now.filter((each) => each !== arm));
    else this.choose([...now.slice(now.length >= MOST ? 1 : 0), arm]);
    this.load();
  }

  setBand(band) {
    this.band = band;
    this.draw();
  }

  read(at) {
    this.at = at;
    for (const chart of this.charts) chart.read(at);
    this.drawTable();
  }

  finished(arm) {
    const { seeds, cells } = this.run;
    return cells.slice(arm * seeds.length, (arm + 1) * seeds.length).filter((state) => state === "d").length;
  }

  async load() {
    const arms = this.slots.filter((arm) => arm !== null);
    const isStale = (arm) => (this.views.get(arm)?.asked ?? 0) !== this.finished(arm);
    const stale = arms.filter((arm) => isStale(arm) && this.finished(arm));
    this.draw();
    if (!stale.length || this.isLoading) return;
    this.isLoading = true;
    try {
      const asked = new Map(stale.map((arm) => [arm, this.finished(arm)]));
      const found = await ask(`runs/${this.place}/curves?arms=${stale.join(",")}`);
      for (const view of found) this.views.set(view.arm, { ...view, asked: asked.get(view.arm) });
      this.draw();
    } catch {
      // the next change asks again
    }
    setTimeout(() => {
      this.isLoading = false;
      if (!this.isOver) this.load();
    }, AGAIN_MS);
  }

  draw() {
    if (!this.run) return;
    const look = colours();
    const chosen = this.slots.flatMap((arm, slot) => (arm === null ? [] : [{ arm, slot }]));
    const { arms, running, seeds } = this.run;
    const last = Math.max(1, ...chosen.map(({ arm }) => arms[arm].epochs ?? this.views.get(arm)?.epochs.at(-1) ?? 1));
    METRICS.forEach((metric, place) => {
      const lines = chosen.flatMap(({ arm, slot }) => {
        const view = this.views.get(arm);
        if (!view?.n) return [];
        const { mean, low, high, half } = view[metric.key];
        const isRange = this.band === "range" || half.some((value) => value === null);
        const band = isRange ? { low, high } : { low: mean.map((value, at) => value - half[at]), high: mean.map((value, at) => value + half[at]) };
        return [{ name: arms[arm].name, colour: look.series[slot], dash: DASHES[slot], x: view.epochs, mean, ...(view.n > 1 ? band : {}) }];
      });
      const points = [];
      for (const job of running) {
        const slot = job.cell === null || job.cell === undefined ? -1 : this.slots.indexOf(Math.floor(job.cell / seeds.length));
        if (slot < 0 || metric.trail === null) continue;
        job.trail.forEach((point, index) => points.push({ x: point[0], y: point[metric.trail], colour: look.series[slot], shape: index === job.trail.length - 1 ? "ring" : "dot" }));
      }
      this.charts[place].show({ lines, points, last });
    });
    const drawn = chosen.filter(({ arm }) => this.views.get(arm)?.n);
    const bands = this.band === "range" ? "bands reach from the lowest to the highest seed and are no intervals" : "bands are 95 % intervals of the mean by Student's t over seeds";
    this.hint.textContent = chosen.length
      ? `${drawn.length ? `Means over seeds; ${bands}. ` : ""}${running.length ? "Rings are trials that train now. " : ""}Averaged weights (SWA, EMA) show the training that they are taken from. Choose up to ${MOST} arms in the plan or the leaderboard.`
      : "Curves are drawn once something trains.";
    this.drawTable();
  }

  drawTable() {
    const look = colours();
    const [head, body] = [this.table.tHead, this.table.tBodies[0]];
    const names = ["arm", this.at === null ? "at the end" : "read at", ...METRICS.map((metric) => metric.short), "n"];
    const chosen = this.slots.flatMap((arm, slot) => (arm === null ? [] : [{ arm, slot }]));
    this.table.hidden = !chosen.length;
    head.replaceChildren(el("tr", {}, ...names.map((name, place) => el("th", { text: name, scope: "col", cls: place === 0 ? "words" : place === 1 ? "minor" : "" }))));
    body.replaceChildren(
      ...chosen.map(({ arm, slot }) => {
        const view = this.views.get(arm);
        const at = !view?.n ? -1 : this.at === null ? view.epochs.length - 1 : view.epochs.indexOf(this.at);
        const line = svg("svg", { viewBox: "0 0 27 12", class: "swatch", "aria-hidden": "true" }, svg("line", { x1: 0, x2: 27, y1: 6, y2: 6, stroke: look.series[slot], "stroke-width": 2.4, "stroke-dasharray": DASHES[slot].join(" ") }));
        const name = el("button", { type: "button", cls: "arm", text: this.run.arms[arm].name, "aria-label": `take ${this.run.arms[arm].name} out of the curves`, on: { click: () => this.toggle(arm) } });
        const cells = METRICS.map((metric) => {
          const value = at < 0 ? null : view[metric.key].mean[at];
          const half = at < 0 ? null : view[metric.key].half[at];
          const cell = el("td", { text: fixed(value, metric.digits) });
          if (half !== null) cell.append(el("small", { cls: "minor", text: `± ${fixed(half, metric.digits)}` }));
          return cell;
        });
        const epoch = at < 0 ? "–" : `epoch ${view.epochs[at]}`;
        return el("tr", {}, el("th", { scope: "row", cls: "words" }, el("span", { cls: "marked" }, line, name)), el("td", { cls: "minor", text: epoch }), ...cells, el("td", { text: view ? String(view.n) : "0", title: view?.fault ?? null }));
      }),
    );
    this.table.setAttribute("aria-label", `Values of ${plural(chosen.length, "arm")}`);
  }

  end() {
    this.isOver = true;
  }
}
