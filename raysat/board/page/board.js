// The board: which run is shown, and what of the page a change is about.

import { Curves } from "./curves.js";
import { ask, Feed } from "./feed.js";
import { showHead } from "./head.js";
import { listen } from "./keys.js";
import { Leaders } from "./leaders.js";
import { Events, Failed } from "./lists.js";
import { PlanTree } from "./plan.js";
import { Search } from "./search.js";
import { Strip } from "./strip.js";
import { el, oncePerFrame, plural } from "./text.js";

const $ = (id) => document.getElementById(id);
const TABS_MS = 6000;
const LINK = { live: "live", lost: "connecting", ended: "the board has ended; this is what it last said" };

let tabs = [];
let place = 0;
let shown = null; // the parts of the page for one run

class Shown {
  constructor() {
    for (const id of ["charts", "search-charts", "failures-list"]) $(id).replaceChildren();
    for (const id of ["leaders-pager", "search-pager", "failures-pager", "events-pager"]) $(id).replaceChildren();
    const marked = (marks) => {
      tree.marks = marks;
      tree.redraw();
      this.leaders?.mark(marks);
    };
    this.curves = new Curves({ charts: $("charts"), table: $("values"), hint: $("curves-hint"), place, marked });
    const read = (found) => this.curves.lead(found);
    const chosen = (arm) => this.toggle(arm);
    this.leaders = new Leaders({ table: $("leaders-table"), hint: $("leaders-hint"), pager: $("leaders-pager"), place, chosen, read });
    this.failed = new Failed({ section: $("failures"), list: $("failures-list"), pager: $("failures-pager"), place });
    this.events = new Events({ table: $("events-table"), pager: $("events-pager") });
    this.search = new Search({ charts: $("search-charts"), table: $("search-table"), hint: $("search-hint"), pager: $("search-pager"), place });
    this.news = new Set();
    this.draw = oncePerFrame(() => this.drawNews());
    const changed = (run, news) => {
      this.run = run;
      for (const name of news) this.news.add(name);
      this.draw();
    };
    this.feed = new Feed(place, changed, linked);
  }

  toggle(arm) {
    this.curves.toggle(arm);
    tree.select(arm, false);
  }

  drawNews() {
    const { run, news } = this;
    const has = (...names) => news.has("all") || names.some((name) => news.has(name));
    this.news = new Set();
    const isSearch = run.kind === "search";
    for (const part of document.querySelectorAll(".of-run")) part.hidden = isSearch;
    $("search").hidden = !isSearch;
    if (has("head")) showHead(run);
    if (has("events")) this.events.show(run);
    if (has("head")) this.failed.load(run);
    if (isSearch) {
      if (has("search")) this.search.load();
      return;
    }
    if (has()) {
      tree.show(run);
      strip.show(run, tree.order);
      $("plan-hint").textContent = planWords(run);
      say(tree.selected);
    } else if (has("cells", "running")) {
      tree.update();
      if (has("cells")) strip.redraw();
      say(tree.selected);
    }
    if (has("cells", "running")) this.curves.show(run);
    if (has("leaders")) this.leaders.load(run);
  }

  end() {
    for (const part of [this.feed, this.curves, this.leaders, this.search]) part.end();
  }
}

const tree = new PlanTree($("rows"), (arm) => shown.toggle(arm), (arm) => say(arm));
const strip = new Strip($("strip-box"), $("strip"), (arm) => tree.select(arm));

function planWords(run) {
  const { arms, seeds, head } = run;
  const shared = head.saved > 0.005 ? ` Epochs that arms share are trained once: ${Math.round(100 * head.saved)} % of the images are saved.` : "";
  return `${plural(arms.length, "arm")} by ${plural(seeds.length, "seed")}.${shared} A bar begins where its arm leaves the one above; a line in it is a seed.`;
}

function say(arm) {
  strip.select(arm);
  if (arm === null || !shown?.run || arm >= shown.run.arms.length) {
    $("arm").textContent = "Choose an arm: its settings stand here, Enter or a second click draws its curves.";
    return;
  }
  const { arms, seeds, cells, running } = shown.run;
  const { name, settings, epochs, parent, fork } = arms[arm];
  const states = cells.slice(arm * seeds.length, (arm + 1) * seeds.length);
  const number = (state) => states.filter((each) => each === state).length;
  const said = [`${number("d")} of ${plural(states.length - number("-"), "seed")} done`];
  const now = running.filter((job) => job.cell !== null && job.cell !== undefined && Math.floor(job.cell / seeds.length) === arm);
  said.push(...now.map((job) => `seed ${job.seed} at epoch ${job.epoch} of ${job.epochs}${job.host ? ` on ${job.host}` : ""}`));
  if (number("f")) said.push(`${number("f")} failed`);
  if (epochs) said.push(plural(epochs, "epoch"));
  if (parent !== null && parent !== undefined) said.push(`${fork} of them shared with ${arms[parent].name}`);
  $("arm").replaceChildren(el("b", { text: name }), ` ${said.join(", ")}.`, settings ? ` ${settings}` : "");
}

function linked(state) {
  $("link").dataset.state = state === "live" ? "live" : "lost";
  $("link").textContent = LINK[state];
}

function show(number) {
  place = number;
  shown?.end();
  tree.selected = null;
  tree.words = $("find").value = "";
  shown = new Shown();
  drawTabs();
}

function drawTabs() {
  $("tabs").hidden = tabs.length < 2;
  const names = tabs.map((tab) => tab.study);
  const buttons = tabs.map((tab, number) => {
    const isTwice = names.indexOf(tab.study) !== names.lastIndexOf(tab.study);
    const share = tab.total ? `${Math.floor((100 * tab.done) / tab.total)} %` : "";
    const label = el("button", { type: "button", role: "tab", "aria-selected": String(number === place), "aria-controls": "content", tabindex: number === place ? "0" : "-1", text: isTwice ? tab.place : tab.study, on: { click: () => show(number) } });
    label.append(el("small", { text: `${share}${tab.is_alive ? " ●" : ""}` }));
    return label;
  });
  const hadFocus = $("tabs").contains(document.activeElement);
  $("tabs").replaceChildren(...buttons);
  if (hadFocus) buttons[place]?.focus();
}

function turn(by) {
  if (tabs.length > 1) show((place + by + tabs.length) % tabs.length);
}

async function refreshTabs() {
  try {
    tabs = await ask("runs");
    drawTabs();
  } catch {
    // the link says so
  }
}

$("tabs").addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") turn(1);
  else if (event.key === "ArrowLeft") turn(-1);
});
$("find").addEventListener("input", (event) => tree.find(event.target.value));
for (const choice of document.querySelectorAll("input[name=band]")) choice.addEventListener("change", () => shown.curves.setBand(choice.value));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  tree.redraw();
  strip.redraw();
});
setInterval(() => shown?.run?.head && showHead(shown.run), 5000); // ages and time left
setInterval(() => tabs.length > 1 && refreshTabs(), TABS_MS);
listen(turn);
await refreshTabs();
show(0);
window.raysatBoard = { shown: () => shown }; // for who measures it
