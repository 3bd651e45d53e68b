// The leaderboard as it grows: means with 95 % intervals, as numbers and as marks on one scale, a page at a time.

import { ask } from "./feed.js";
import { Pager } from "./pager.js";
import { clock, count, el, plural, svg } from "./text.js";

const ROWS = 20; // of a page
const SHOWN = 3; // metrics with their intervals in words; the others are means alone
const AGAIN_MS = 1500;

export class Leaders {
  // `chosen` is called with an arm whose curves are to be drawn or not; `read` with what was read.
  constructor({ table, hint, pager, place, chosen, read }) {
    Object.assign(this, { table, hint, place, chosen, read, marks: new Map() });
    this.pager = new Pager(pager, ROWS, () => this.fetch());
  }

  async load(run) {
    this.run = run;
    if (!run.leaders || this.isLoading) return;
    this.isLoading = true;
    await this.fetch();
    setTimeout(() => {
      this.isLoading = false;
      if (!this.isOver && this.found && this.run.leaders > this.found.version) this.load(this.run);
    }, AGAIN_MS);
  }

  // The rows of the page that is shown; the first page says too which arms lead.
  async fetch() {
    const { first } = this.pager;
    try {
      const found = await ask(`runs/${this.place}/leaders?from=${first}&n=${ROWS}`);
      if (!found || this.isOver || first !== this.pager.first) return;
      this.found = found;
      this.draw();
      if (!first) this.read(found);
    } catch {
      // the next version is asked for
    }
  }

  mark(marks) {
    this.marks = marks;
    this.draw();
  }

  draw() {
    const { found, run } = this;
    if (!found) return;
    const rows = found.rows.filter((row) => row.arm < run.arms.length);
    this.hint.textContent = words(found, run);
    this.table.hidden = !rows.length;
    if (!rows.length) return;
    const isCompared = found.total > 1; // a column that is on one page is on all
    this.pager.show(found.total);
    const heads = [el("th", { text: "#", scope: "col" }), el("th", { text: "arm", scope: "col", cls: "words" })];
    found.metrics.forEach(([, label], place) => {
      heads.push(el("th", { text: label, scope: "col", cls: place ? "minor" : "" }));
      if (!place) heads.push(el("th", { text: "95 % interval", scope: "col", cls: "plot" }));
    });
    if (isCompared) heads.push(el("th", { text: "to the best", scope: "col", cls: "minor" }));
    heads.push(el("th", { text: "n", scope: "col" }));
    this.table.tHead.replaceChildren(el("tr", {}, ...heads));
    this.table.tBodies[0].replaceChildren(...rows.map((row) => this.row(row, found, isCompared)));
  }

  row(row, scale, isCompared) {
    const arm = this.run.arms[row.arm];
    const isDrawn = this.marks.has(row.arm);
    const name = el("button", {
      type: "button",
      cls: "arm",
      text: arm.name,
      title: arm.settings || null,
      "aria-pressed": String(isDrawn),
      on: { click: () => this.chosen(row.arm) },
    });
    const cells = [el("td", { text: row.rank }), el("th", { scope: "row", cls: "words" }, name)];
    row.metrics.forEach((metric, place) => {
      const cell = el("td", { text: metric.text, cls: place ? "minor" : "strong" });
      if (place < SHOWN && metric.below) cell.append(el("small", { text: metric.below }));
      cells.push(cell);
      if (!place) cells.push(el("td", { cls: "plot" }, interval(metric, scale)));
    });
    if (isCompared) {
      const cell = el("td", { cls: "minor", text: row.to_best?.text ?? "" });
      if (row.to_best?.below) cell.append(el("small", { text: row.to_best.below }));
      cells.push(cell);
    }
    cells.push(el("td", { text: row.n }));
    return el("tr", {}, ...cells);
  }

  end() {
    this.isOver = true;
  }
}

function interval({ value, low, high }, scale) {
  const x = (at) => (100 * (at - scale.low)) / (scale.high - scale.low || 1);
  const percent = (at) => `${x(at).toFixed(2)}%`;
  const box = svg("svg", { "aria-hidden": "true" }, svg("line", { class: "best", x1: percent(scale.best), x2: percent(scale.best), y1: -4, y2: 24 }));
  if (low !== null) box.append(svg("line", { x1: percent(low), x2: percent(high), y1: "50%", y2: "50%" }));
  if (value !== null) box.append(svg("circle", { cx: percent(value), cy: "50%", r: 3.2 }));
  return box;
}

function words(found, run) {
  if (found.fault && !found.total) return found.fault;
  if (!found.total) return "Nothing has finished yet.";
  const on = found.patches === null ? "" : `, ${count(found.patches)} ${run.reported} patches`;
  const pending = found.intervals < found.arms ? ` Intervals so far: ${count(found.intervals)} of ${plural(found.arms, "arm")}.` : "";
  const some = found.total < run.arms.length ? ` ${plural(run.arms.length - found.total, "arm")} without a finished trial.` : "";
  const fault = found.fault ? ` Some have none: ${found.fault}` : "";
  return `Of ${plural(found.finished, "finished trial")}${on}, as of ${clock(found.at)}. Means over n seeds, 95 % intervals over seeds and patches; = is tied with the best; (in brackets) lacks seeds.${some}${pending}${fault}`;
}
