// The head of the page: how far a run is, how fast, until when, and who works on it where.

import { clock, count, duration, el, plural } from "./text.js";

const $ = (id) => document.getElementById(id);
const PARTS = [
  ["done", "done"],
  ["running", "training"],
  ["failed", "failed"],
  ["missing", "to come"],
];

export function showHead(run) {
  const { head } = run;
  $("study").textContent = head.study;
  $("place").textContent = head.place;
  $("fault").hidden = !head.fault;
  $("fault").textContent = head.fault ? `What is shown may be old: ${head.fault}` : "";
  const share = head.total ? Math.floor((100 * head.done) / head.total) : 0;
  document.title = `${head.total ? `${share} % · ` : ""}${head.study} · raysat board`;
  showMeter(head);
  $("facts").replaceChildren(...facts(run, head, Date.now() / 1000 + run.skew));
}

function showMeter(head) {
  const meter = $("meter");
  if (meter.childElementCount !== PARTS.length) meter.replaceChildren(...PARTS.map(([name]) => el("i", { cls: name })));
  PARTS.forEach(([name], place) => {
    meter.children[place].style.flexGrow = head[name];
  });
  const words = PARTS.map(([name, said]) => `${count(head[name])} ${said}`).join(", ");
  meter.setAttribute("aria-label", `${words}, of ${plural(head.total, noun(head))}`);
}

const noun = () => "trial";

function fact(title, value, more = "", cls = "") {
  const dd = el("dd", { text: value });
  if (more) dd.append(el("small", { text: more }));
  return el("div", { cls }, el("dt", { text: title }), dd);
}

function* facts(run, head, now) {
  if (!head.is_there) {
    yield fact("run", "has not begun", "It is shown as soon as its plan is written.", "wide");
    return;
  }
  const what = run.kind === "search" ? "candidate" : "trial";
  const share = head.total ? `${((100 * head.done) / head.total).toFixed(head.done === head.total ? 0 : 1)} %` : "";
  yield fact("done", count(head.done), `of ${plural(head.total, what)}${share && `, ${share}`}`);
  if (head.is_alive || head.running) yield fact("training", count(head.running), head.waiting ? `${plural(head.waiting, "job")} wait` : slots(head));
  yield fact("failed", count(head.failed), head.failed && run.kind === "run" ? "press f to read why" : "", head.failed ? "bad" : "");
  if (head.missing) yield fact("to come", count(head.missing));
  if (head.is_alive) {
    yield fact("rate", head.per_hour === undefined || head.per_hour === null ? "–" : rate(head.per_hour), `${what}s an hour`);
    const known = head.eta_seconds !== undefined && head.eta_seconds !== null;
    const left = known ? Math.max(0, head.eta_seconds - (now - head.seen)) : 0;
    yield fact("time left", known ? duration(left) : "–", known ? `until ${clock(now + left)}` : "");
  }
  if (head.began) yield fact("began", clock(head.began), head.is_alive ? `${duration(now - head.began)} ago` : "");
  yield fact("filled by", head.filled_by ?? "nobody", whoSays(head, now), "wide");
  const hosts = head.hosts ?? [];
  if (hosts.length) yield fact("works on", machines(hosts), head.gpus ?? "", "wide");
}

const slots = (head) => head.slots ?? "";
const rate = (value) => (value >= 100 ? count(Math.round(value)) : value.toPrecision(2));

function machines(hosts) {
  const jobs = hosts.reduce((sum, [, number]) => sum + number, 0);
  if (hosts.length > 3) return `${plural(hosts.length, "machine")}, ${plural(jobs, "job")}`;
  return hosts.map(([host, number]) => `${host}: ${plural(number, "job")}`).join(", ");
}

function whoSays(head, now) {
  if (head.seen === undefined || head.seen === null) return head.filled_by ? "starting" : "";
  const ago = `${duration(now - head.seen)} ago`;
  if (head.is_alive) return `seen ${ago}`;
  return head.missing ? `not running; it was last seen ${ago}` : `it ended ${ago}`;
}
