// What failed, with the last lines of each, and what happened.

import { ask } from "./feed.js";
import { Pager } from "./pager.js";
import { clock, el } from "./text.js";

const FAILURES = 10; // of a page
const EVENTS = 12;

export class Failed {
  constructor({ section, list, pager, place }) {
    Object.assign(this, { section, list, place });
    this.pager = new Pager(pager, FAILURES, () => this.load(this.run));
  }

  async load(run) {
    this.run = run;
    const number = run.kind === "search" ? 0 : run.head.failed;
    this.section.hidden = !number;
    if (!number) return;
    try {
      const found = await ask(`runs/${this.place}/failures?from=${this.pager.first}&n=${FAILURES}`);
      this.pager.show(found.total);
      const open = new Set([...this.list.querySelectorAll("details[open]")].map((each) => each.dataset.cell));
      this.list.replaceChildren(...found.failures.map((failure) => this.item(failure, open)));
    } catch {
      // the next change asks again
    }
  }

  item(failure, open) {
    const { arms, seeds } = this.run;
    const arm = arms[Math.floor(failure.cell / seeds.length)];
    const title = el("summary", {}, el("b", { text: arm?.name ?? "?" }), ` seed ${seeds[failure.cell % seeds.length]}  `, el("span", { text: failure.error }));
    const box = el("details", { "data-cell": String(failure.cell), open: open.has(String(failure.cell)) }, title);
    if (failure.lines.length) box.append(el("pre", { tabindex: "0", text: failure.lines.join("\n") }));
    else box.append(el("p", { cls: "hint", text: "No traceback is on record." }));
    const more = [failure.hint && `hint: ${failure.hint}`, failure.time && clock(failure.time)].filter(Boolean).join(" · ");
    if (more) box.append(el("p", { cls: "hint", text: more }));
    return box;
  }
}

export class Events {
  constructor({ table, pager }) {
    this.table = table;
    this.pager = new Pager(pager, EVENTS, () => this.show(this.run));
  }

  show(run) {
    this.run = run;
    const latest = [...run.events].reverse();
    const rows = this.pager.slice(latest).map((event) => {
      const isBad = ["failed", "node lost", "node unfit"].includes(event.event);
      const what = event.name ? `${event.name}${event.seed === null || event.seed === undefined ? "" : `, seed ${event.seed}`}` : "";
      const epoch = event.epoch ? ` at epoch ${event.epoch}` : "";
      const reason = event.reason ? `: ${event.reason}` : "";
      const text = el("td", { cls: "words" }, what && `${what}  `, el("span", { cls: isBad ? "bad" : "", text: `${event.event}${epoch}` }), reason);
      return el("tr", {}, el("td", { cls: "tight", text: clock(event.time) }), text, el("td", { cls: "tight minor", text: event.host }));
    });
    if (!rows.length) rows.push(el("tr", {}, el("td", { cls: "words", text: "Nothing is on record." })));
    this.table.tBodies[0].replaceChildren(...rows);
  }
}
