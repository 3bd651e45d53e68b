// A search for hyperparameters: what each candidate reached on val, the best so far, and the log.

import { Chart } from "./chart.js";
import { ask } from "./feed.js";
import { Pager } from "./pager.js";
import { colours, count, duration, el, fixed, plural } from "./text.js";

const ROWS = 20;
const HEADS = [
  ["candidate", ""],
  ["state", "tight"],
  ["balanced accuracy on val", ""],
  ["ICV on val", "minor"],
  ["on test, unused", "minor"],
  ["differs from the base in", "words"],
];

export class Search {
  constructor({ charts, table, hint, pager, place }) {
    Object.assign(this, { table, hint, place });
    this.chart = new Chart(charts, "balanced accuracy on val, by candidate", { bounds: [0, 1], axis: "candidate", picked: (at) => this.chart.read(at) });
    this.pager = new Pager(pager, ROWS, () => this.drawTable());
  }

  async load() {
    try {
      const found = await ask(`runs/${this.place}/search`);
      if (!found || this.isOver) return;
      this.found = found;
      this.draw();
      this.drawTable();
    } catch {
      // the next change asks again
    }
  }

  draw() {
    const look = colours();
    const { candidates } = this.found;
    const best = candidates.filter((each) => each.best !== null);
    const shapes = { finished: "full", stopped: "ring", running: "ring", failed: "cross" };
    const points = candidates
      .filter((each) => each.val !== null)
      .map((each) => ({ x: each.number, y: each.val, colour: each.state === "failed" ? look.warn : look.series[0], shape: shapes[each.state] ?? "ring" }));
    const line = { name: "best so far", colour: look.ink, width: 2, x: best.map((each) => each.number), mean: best.map((each) => each.best) };
    const last = Math.max(1, ...candidates.map((each) => each.number));
    this.chart.show({ lines: [line], points, last });
    const winner = best.length ? best.reduce((found, each) => (each.val !== null && each.state === "finished" && each.val > (found?.val ?? -1) ? each : found), null) : null;
    const base = candidates.find((each) => each.number === 0);
    const ahead = winner && base?.val !== null && base ? `, ${winner.val >= base.val ? "+" : "−"}${fixed(Math.abs(winner.val - base.val))} to the base` : "";
    const said = winner ? `Best so far: ${winner.name}, ${fixed(winner.val)} on val${ahead}. ` : "";
    this.hint.textContent = `${said}${plural(candidates.length, "candidate")} in ${duration(this.found.seconds)}; val has ${count(Object.fromEntries(this.found.patches).val ?? 0)} patches, and chooses; test is shown and chooses nothing. Full: finished; rings: stopped early or training; the line: the best so far.`;
  }

  drawTable() {
    this.table.tHead.replaceChildren(el("tr", {}, ...HEADS.map(([text, cls]) => el("th", { text, cls, scope: "col" }))));
    const latest = [...this.found.candidates].reverse();
    const top = Math.max(...latest.map((each) => (each.state === "finished" ? each.val ?? 0 : 0)));
    this.table.tBodies[0].replaceChildren(
      ...this.pager.slice(latest).map((each) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", text: each.name }),
          el("td", { cls: `tight ${each.state === "failed" ? "bad" : ""}`, text: each.state === "running" && each.epoch ? `training, epoch ${each.epoch}` : each.state }),
          el("td", { cls: each.val === top ? "strong" : "", text: fixed(each.val) }),
          el("td", { cls: "minor", text: fixed(each.icv, 4) }),
          el("td", { cls: "minor", text: fixed(each.test) }),
          el("td", { cls: "words", text: each.settings }, each.error ? el("span", { cls: "bad", text: ` ${each.error}` }) : null),
        ),
      ),
    );
  }

  end() {
    this.isOver = true;
  }
}
