// Pages of a long list: two buttons and where one is.

import { count, el } from "./text.js";

export class Pager {
  // `turned` is called with the place of the first row.
  constructor(box, size, turned) {
    this.box = box;
    this.size = size;
    this.first = 0;
    this.back = el("button", { type: "button", text: "‹ before", on: { click: () => this.go(this.first - size) } });
    this.next = el("button", { type: "button", text: "next ›", on: { click: () => this.go(this.first + size) } });
    this.where = el("span", { role: "status" });
    this.turned = turned;
  }

  go(first) {
    this.first = Math.max(0, first);
    this.turned(this.first);
  }

  // The rows of a list that are shown.
  slice(rows) {
    this.show(rows.length);
    return rows.slice(this.first, this.first + this.size);
  }

  show(total) {
    if (this.first >= total) this.first = Math.max(0, Math.floor((total - 1) / this.size) * this.size);
    if (total <= this.size) {
      if (this.box.childElementCount) this.box.replaceChildren();
      return;
    }
    if (!this.box.childElementCount) this.box.append(this.back, this.next, this.where);
    this.back.disabled = this.first === 0;
    this.next.disabled = this.first + this.size >= total;
    this.where.textContent = `${count(this.first + 1)}–${count(Math.min(total, this.first + this.size))} of ${count(total)}`;
  }
}
