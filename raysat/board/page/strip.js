// All trials at a glance: a column an arm, a cell a seed, in lines as wide as the page; for studies of many arms.

import { colours, count, oncePerFrame, plural, prepared } from "./text.js";

const FEW = 40; // arms that the tree shows at a glance itself
const TALLEST = 176; // pixels
const GAP = 6; // between lines

export class Strip {
  constructor(box, canvas, chosen) {
    this.box = box;
    this.canvas = canvas;
    this.chosen = chosen;
    this.redraw = oncePerFrame(() => this.draw());
    canvas.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(this.redraw).observe(box);
  }

  show(run, order) {
    this.run = run;
    this.order = order;
    this.box.hidden = run.arms.length <= FEW;
    this.redraw();
  }

  select(arm) {
    this.selected = arm;
    this.redraw();
  }

  draw() {
    if (!this.run || this.box.hidden) return;
    const { arms, seeds, cells } = this.run;
    const width = this.box.clientWidth;
    const lines = (size) => Math.ceil(arms.length / Math.max(1, Math.floor(width / size)));
    const tall = (size) => lines(size) * (seeds.length * size + GAP);
    let size = 9;
    while (size > 2 && tall(size) > TALLEST) size -= 1;
    this.size = size;
    this.across = Math.max(1, Math.floor(width / size));
    const context = prepared(this.canvas, width, tall(size));
    const look = colours();
    const gap = size > 3 ? 1 : 0;
    const colour = { d: [look.accent, 1], r: [look.accent, 0.45], f: [look.warn, 1], m: [look.grid, 1] };
    const byState = { d: [], r: [], f: [], m: [] };
    this.order.forEach((arm, place) => {
      const [left, top] = this.at(place);
      for (let seed = 0; seed < seeds.length; seed += 1) byState[cells[arm * seeds.length + seed]]?.push(left, top + seed * size);
    });
    for (const [state, corners] of Object.entries(byState)) {
      [context.fillStyle, context.globalAlpha] = colour[state];
      for (let index = 0; index < corners.length; index += 2) context.fillRect(corners[index], corners[index + 1], size - gap, size - gap);
    }
    context.globalAlpha = 1;
    const place = this.order.indexOf(this.selected);
    if (place >= 0) {
      const [left, top] = this.at(place);
      context.strokeStyle = look.ink;
      context.lineWidth = 1.5;
      context.strokeRect(left - 1, top - 1.5, size + 1, seeds.length * size + 2);
    }
    const said = [["d", "done"], ["r", "training"], ["f", "failed"], ["m", "to come"]];
    const words = said.map(([state, word]) => `${count(byState[state].length / 2)} ${word}`).join(", ");
    this.canvas.setAttribute("aria-label", `${plural(arms.length, "arm")} by ${plural(seeds.length, "seed")}: ${words}. The list below says the same in words.`);
  }

  at(place) {
    const line = Math.floor(place / this.across);
    return [(place % this.across) * this.size, line * (this.run.seeds.length * this.size + GAP) + 2];
  }

  click(event) {
    const line = Math.floor(event.offsetY / (this.run.seeds.length * this.size + GAP));
    const place = line * this.across + Math.floor(event.offsetX / this.size);
    if (place < this.order.length) this.chosen(this.order[place]);
  }
}
