// What a run is: a snapshot, then a stream of changes. Asks for a new snapshot where changes are lost.

const BLANK = { kind: "run", arms: [], seeds: [], cells: "", running: [], events: [], classes: [], leaders: 0, search: 0 };
const EVENTS = 200; // that are kept
const tags = new Map(); // address -> tag and content: what has not changed is not sent again

export async function ask(address) {
  const known = tags.get(address);
  const headers = known ? { "If-None-Match": known.tag } : {};
  const answer = await fetch(address, { cache: "no-store", headers });
  if (answer.status === 304) return known.content;
  if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
  const content = await answer.json();
  tags.set(address, { tag: answer.headers.get("etag"), content });
  if (tags.size > 60) tags.delete(tags.keys().next().value);
  return content;
}

export class Feed {
  // `changed` is called with the run and the names of what is new of it; `linked` with live, lost or ended.
  constructor(place, changed, linked) {
    this.place = place;
    this.changed = changed;
    this.linked = linked;
    this.run = null;
    this.source = null;
    this.isOver = false;
    this.begin();
  }

  async begin() {
    this.source?.close();
    try {
      const found = await ask(`runs/${this.place}/snapshot`);
      if (this.isOver) return;
      this.run = { ...BLANK, ...found, cells: Array.from(found.cells), skew: found.at - Date.now() / 1000 };
    } catch {
      if (this.isOver) return;
      this.linked("lost");
      this.later = setTimeout(() => this.begin(), 3000);
      return;
    }
    this.changed(this.run, new Set(["all"]));
    this.listen();
  }

  listen() {
    this.source = new EventSource(`runs/${this.place}/changes?after=${this.run.revision}`);
    this.source.onopen = () => this.linked("live");
    this.source.onerror = () => {
      const isEnded = this.source.readyState === EventSource.CLOSED;
      this.linked(isEnded ? "ended" : "lost");
      if (isEnded) this.later = setTimeout(() => this.begin(), 5000);
    };
    this.source.addEventListener("anew", () => this.begin());
    this.source.onmessage = (event) => this.take(JSON.parse(event.data));
  }

  take(delta) {
    const { run } = this;
    if (delta.revision <= run.revision) return;
    const news = new Set();
    run.revision = delta.revision;
    run.skew = delta.at - Date.now() / 1000;
    if (delta.head) {
      run.head = delta.head;
      news.add("head");
    }
    for (const [cell, state] of delta.cells) run.cells[cell] = state;
    if (delta.cells.length) news.add("cells");
    if (delta.running) {
      const before = new Map(run.running.map((job) => [`${job.cell} ${job.name} ${job.seed}`, job.trail]));
      for (const job of delta.running) {
        const trail = before.get(`${job.cell} ${job.name} ${job.seed}`) ?? [];
        job.trail = [...trail.filter(([epoch]) => epoch < (job.trail[0]?.[0] ?? 0)), ...job.trail];
      }
      run.running = delta.running;
      news.add("running");
    }
    if (delta.events.length) {
      run.events = [...run.events, ...delta.events].slice(-EVENTS);
      news.add("events");
    }
    for (const name of ["leaders", "search"]) {
      if (delta[name] === undefined) continue;
      run[name] = delta[name];
      news.add(name);
    }
    this.changed(run, news);
  }

  end() {
    this.isOver = true;
    clearTimeout(this.later);
    this.source?.close();
  }
}
