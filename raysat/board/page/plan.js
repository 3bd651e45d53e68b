// The plan's tree as it fills up: a row an arm, from where it leaves the arm before it to its end, a line for each seed.
// Only rows that can be seen are drawn, on one canvas: a thousand arms scroll as ten do.

import { colours, fit, oncePerFrame, plural, prepared } from "./text.js";

const AXIS = 22; // pixels above the first row
const MOST_DRAWN = 44; // pixels of the lines of one arm's seeds

export class PlanTree {
  // `chosen` is called with an arm whose curves are to be drawn or not; `shown` with one that is looked at.
  constructor(box, chosen, shown) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.room = box.querySelector("div");
    this.chosen = chosen;
    this.shown = shown;
    this.order = [];
    this.rows = [];
    this.words = "";
    this.selected = null;
    this.marks = new Map(); // arm -> colour of its curve
    this.redraw = oncePerFrame(() => this.draw());
    box.addEventListener("scroll", this.redraw, { passive: true });
    box.addEventListener("keydown", (event) => this.press(event));
    this.canvas.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.layOut()).observe(box);
  }

  show(run) {
    this.run = run;
    this.order = treeOrder(run.arms);
    this.last = Math.max(1, ...run.arms.map((arm) => arm.epochs ?? 0), ...run.running.map((job) => (job.cell === null ? 0 : job.epochs)));
    if (this.selected !== null && this.selected >= run.arms.length) this.selected = null;
    this.find(this.words);
    this.update();
  }

  update() {
    this.reached = reached(this.run, this.last);
    this.redraw();
  }

  find(words) {
    this.words = words;
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (arm) => wanted.every((word) => `${arm.name} ${arm.settings}`.toLowerCase().includes(word));
    this.rows = wanted.length ? this.order.filter((arm) => fits(this.run.arms[arm])) : this.order;
    this.layOut();
  }

  layOut() {
    if (!this.run) return;
    const seeds = Math.max(1, this.run.seeds.length);
    this.line = Math.min(7, Math.max(3, 15 / seeds), MOST_DRAWN / seeds); // of a seed, with the gap below it
    this.height = Math.max(22, Math.ceil(seeds * this.line) + 9);
    const total = AXIS + this.rows.length * this.height + 4;
    const most = parseFloat(getComputedStyle(this.box).maxHeight) || total;
    this.view = Math.min(total, most - 4);
    this.room.style.height = `${total - this.view}px`;
    this.redraw();
  }

  draw() {
    if (!this.run) return;
    const width = this.box.clientWidth;
    const context = prepared(this.canvas, width, this.view);
    const look = colours();
    const top = this.box.scrollTop;
    const label = Math.max(110, Math.min(380, width * (width < 500 ? 0.42 : 0.34)));
    const left = label + 10;
    const across = width - left - 52;
    const x = (epoch) => left + (epoch / this.last) * across;
    const y = (row) => AXIS + row * this.height - top;
    const first = Math.max(0, Math.floor((top - AXIS) / this.height));
    const end = Math.min(this.rows.length, Math.ceil((top + this.view - AXIS) / this.height));
    const geometry = { context, look, x, y, label, width };
    this.drawForks(geometry, first, end);
    for (let row = first; row < end; row += 1) this.drawRow(geometry, row);
    this.drawAxis(geometry, across);
    this.canvas.setAttribute("aria-hidden", "true");
    this.box.setAttribute("aria-label", `${plural(this.rows.length, "arm")} of the plan; up and down choose one, Enter draws its curves`);
  }

  // Upright lines from an arm to those that leave it, at the epoch where they do.
  drawForks({ context, look, x, y }, first, end) {
    if (this.rows !== this.order) return; // some are not shown
    const places = new Map(this.rows.map((arm, row) => [arm, row]));
    context.strokeStyle = look.muted;
    context.lineWidth = 1;
    context.beginPath();
    this.rows.forEach((arm, row) => {
      const { parent, fork } = this.run.arms[arm];
      if (parent === null || parent === undefined) return;
      const from = places.get(parent);
      if (row < first || from >= end) return;
      const at = Math.round(x(fork)) - 0.5;
      context.moveTo(at, y(from) + this.height - 5);
      context.lineTo(at, y(row) + this.height / 2);
    });
    context.stroke();
  }

  drawRow({ context, look, x, y, label, width }, row) {
    const { run, line } = this;
    const arm = this.rows[row];
    const { name, epochs, fork, parent } = run.arms[arm];
    const top = y(row);
    if (arm === this.selected) {
      context.fillStyle = look.grid;
      context.globalAlpha = 0.55;
      context.fillRect(0, top, width, this.height);
      context.globalAlpha = 1;
    }
    const depth = this.rows === this.order ? Math.min(4, this.depths.get(arm)) : 0;
    context.font = `${this.marks.has(arm) ? 600 : 400} 13px ${look.sans}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = look.ink;
    const indent = 4 + depth * 12;
    if (this.marks.has(arm)) {
      context.fillStyle = this.marks.get(arm);
      context.fillRect(0, top + 4, 3, this.height - 8);
      context.fillStyle = look.ink;
    }
    context.fillText(fit(context, name, label - indent), indent + 4, top + this.height / 2);
    const last = epochs ?? this.last;
    const start = parent === null || parent === undefined ? 0 : fork;
    const same = start >= last; // an arm that is all of another
    const upper = top + (this.height - run.seeds.length * line) / 2;
    const thick = Math.max(0.6, line - (line >= 2 ? 1 : 0));
    let done = 0;
    let asked = 0;
    run.seeds.forEach((_, seed) => {
      const cell = arm * run.seeds.length + seed;
      const state = run.cells[cell];
      if (state === "-") return;
      asked += 1;
      done += state === "d";
      const at = upper + seed * line;
      const [from, to] = [same ? x(start) - 4 : x(start), x(last)];
      context.fillStyle = look.grid;
      context.fillRect(from, at, to - from, thick);
      const until = state === "d" ? to : same ? from : x(Math.min(last, Math.max(start, this.reached[cell])));
      context.fillStyle = state === "f" ? look.warn : look.accent;
      context.globalAlpha = state === "d" || state === "f" ? 1 : 0.45;
      context.fillRect(from, at, (state === "f" ? to : until) - from, thick);
      context.globalAlpha = 1;
      if (state === "r") context.fillRect(until - 1, at - 1, 3, thick + 2);
    });
    context.fillStyle = look.muted;
    context.font = `12px ${look.sans}`;
    context.textAlign = "right";
    context.fillText(`${done}/${asked}`, width - 6, top + this.height / 2);
  }

  drawAxis({ context, look, x, width }, across) {
    context.fillStyle = look.surface;
    context.fillRect(0, 0, width, AXIS);
    context.fillStyle = look.muted;
    context.font = `12px ${look.sans}`;
    context.textBaseline = "middle";
    const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000].find((each) => (each / this.last) * across > 46) ?? this.last;
    context.textAlign = "center";
    for (let epoch = 0; epoch <= this.last; epoch += step) {
      const isNear = x(epoch) > width - 74; // to the word at the right
      context.textAlign = isNear ? "right" : "center";
      context.fillText(epoch ? String(epoch) : "epoch 0", isNear ? x(epoch) + 2 : x(epoch), 9);
      context.fillRect(Math.round(x(epoch)), AXIS - 5, 1, 4);
    }
    context.textAlign = "right";
    context.fillText("seeds", width - 6, 9);
    context.fillStyle = look.grid;
    context.fillRect(0, AXIS - 1, width, 1);
  }

  select(arm, scrolls = true) {
    this.selected = arm;
    const row = this.rows.indexOf(arm);
    if (scrolls && row >= 0) {
      const top = row * this.height;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      const bottom = AXIS + top + this.height - this.view;
      if (bottom > this.box.scrollTop) this.box.scrollTop = bottom + 4;
    }
    this.shown(arm);
    this.redraw();
  }

  click(event) {
    const row = Math.floor((event.offsetY + this.box.scrollTop - AXIS) / this.height);
    if (event.offsetY < AXIS || row < 0 || row >= this.rows.length) return;
    const arm = this.rows[row];
    if (arm === this.selected || event.offsetX < 30) this.chosen(arm);
    this.select(arm, false);
  }

  press(event) {
    const page = Math.max(1, Math.floor(this.view / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps && this.rows.length) {
      const now = this.rows.indexOf(this.selected);
      const next = now < 0 ? 0 : Math.min(this.rows.length - 1, Math.max(0, now + steps[event.key]));
      this.select(this.rows[next]);
    } else if ((event.key === "Enter" || event.key === " ") && this.selected !== null) {
      this.chosen(this.selected);
    } else {
      return;
    }
    event.preventDefault();
  }

  get depths() {
    if (this.depthsOf !== this.run.arms) {
      this.depthsOf = this.run.arms;
      this.known = new Map();
      this.run.arms.forEach(({ parent }, arm) => this.known.set(arm, parent === null || parent === undefined ? 0 : this.known.get(parent) + 1));
    }
    return this.known;
  }
}

// Arms below those that they leave, the latest to leave first: no upright line crosses a row.
export function treeOrder(arms) {
  const children = new Map();
  arms.forEach(({ parent }, arm) => {
    const key = parent ?? -1;
    if (!children.has(key)) children.set(key, []);
    children.get(key).push(arm);
  });
  for (const [key, of] of children) if (key >= 0) of.sort((a, b) => arms[b].fork - arms[a].fork || a - b);
  const order = [];
  const left = [...(children.get(-1) ?? [])].reverse();
  while (left.length) {
    const arm = left.pop();
    order.push(arm);
    left.push(...[...(children.get(arm) ?? [])].reverse());
  }
  return order;
}

// The epoch that each trial has reached, by itself or by one that trains the epochs that both share.
export function reached(run, last) {
  const found = run.cells.map((state, cell) => (state === "d" ? run.arms[Math.floor(cell / run.seeds.length)].epochs ?? last : 0));
  for (const job of run.running) if (job.cell !== null && job.cell !== undefined) found[job.cell] = Math.max(found[job.cell], job.epoch);
  for (let arm = run.arms.length - 1; arm >= 0; arm -= 1) {
    const { parent, fork } = run.arms[arm];
    if (parent === null || parent === undefined) continue;
    for (let seed = 0; seed < run.seeds.length; seed += 1) {
      const above = parent * run.seeds.length + seed;
      found[above] = Math.max(found[above], Math.min(fork, found[arm * run.seeds.length + seed]));
    }
  }
  return found;
}
