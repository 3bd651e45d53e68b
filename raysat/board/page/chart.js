// A chart of lines with bands, on a canvas: read by eye, by mouse, by the arrow keys, and in words.

import { colours, el, fixed, oncePerFrame, prepared } from "./text.js";

const MARGIN = { left: 44, right: 10, top: 8, bottom: 24 };
const MOST_LINEAR = 30; // values that differ by a larger factor get a logarithmic axis

export class Chart {
  // `picked` is called with the place on the horizontal axis that is read, or null.
  constructor(box, title, { digits = 3, bounds = [-Infinity, Infinity], axis = "epoch", picked = () => {} }) {
    Object.assign(this, { title, digits, bounds, axis, picked, at: null, data: null });
    this.canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": title });
    box.append(el("figure", {}, el("figcaption", { text: title }), this.canvas));
    this.redraw = oncePerFrame(() => this.draw());
    this.canvas.addEventListener("mousemove", (event) => this.pick(event.offsetX));
    this.canvas.addEventListener("mouseleave", () => this.picked(null));
    this.canvas.addEventListener("blur", () => this.picked(null));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(this.redraw).observe(this.canvas.parentElement);
  }

  // `data`: lines (colour, dash, width, x, mean, low, high), points (colour, x, y, shape), and the last x.
  show(data) {
    this.data = data;
    this.redraw();
  }

  read(at) {
    this.at = at;
    this.redraw();
  }

  scales(width, height) {
    const { lines, points, last, first = 0 } = this.data;
    const values = [];
    for (const line of lines) for (const of of [line.mean, line.low, line.high]) for (const value of of ?? []) if (value !== null) values.push(value);
    for (const point of points) values.push(point.y);
    let low = Math.min(...spread(values));
    let high = Math.max(...spread(values));
    const isLog = low > 0 && high / low > MOST_LINEAR;
    if (!isLog) {
      const pad = (high - low || Math.abs(high) || 1) * 0.06;
      low = Math.max(this.bounds[0], low - pad);
      high = Math.min(this.bounds[1], high + pad);
    }
    const bend = isLog ? Math.log : (value) => value;
    const [from, to] = [bend(low), bend(high)];
    const inner = height - MARGIN.top - MARGIN.bottom;
    const across = width - MARGIN.left - MARGIN.right;
    return {
      x: (value) => MARGIN.left + ((value - first) / Math.max(1, last - first)) * across,
      back: (pixel) => first + ((pixel - MARGIN.left) / across) * (last - first),
      y: (value) => MARGIN.top + inner - ((bend(value) - from) / (to - from || 1)) * inner,
      ticks: isLog ? logTicks(low, high) : linearTicks(low, high, Math.max(2, Math.round(inner / 42))),
      isEmpty: !values.length,
    };
  }

  draw() {
    const { width, height } = sizeOf(this.canvas);
    if (!width) return;
    const context = prepared(this.canvas, width, height);
    this.canvas.style.width = "100%";
    const look = colours();
    context.font = `12px ${look.sans}`;
    context.fillStyle = look.muted;
    if (!this.data) return;
    const scale = this.scales(width, height);
    if (scale.isEmpty) {
      context.textAlign = "center";
      context.fillText("nothing to draw yet", width / 2, height / 2);
      this.canvas.setAttribute("aria-label", `${this.title}: nothing to draw yet`);
      return;
    }
    this.drawAxes(context, look, scale, width, height);
    for (const line of this.data.lines) drawBand(context, scale, line);
    for (const line of this.data.lines) drawLine(context, scale, line);
    for (const point of this.data.points) drawPoint(context, look, scale, point);
    if (this.at !== null) {
      context.fillStyle = look.muted;
      context.fillRect(Math.round(scale.x(this.at)), MARGIN.top, 1, height - MARGIN.top - MARGIN.bottom);
    }
    this.canvas.setAttribute("aria-label", this.words());
  }

  drawAxes(context, look, scale, width, height) {
    const { last, first = 0 } = this.data;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const steps = scale.ticks.map((tick) => tick.toPrecision(12));
    const digits = Math.max(0, ...steps.map((text) => (String(Number(text)).split(".")[1] ?? "").length));
    for (const tick of scale.ticks) {
      const y = Math.round(scale.y(tick));
      context.fillStyle = look.grid;
      context.fillRect(MARGIN.left, y, width - MARGIN.left - MARGIN.right, 1);
      context.fillStyle = look.muted;
      context.fillText(tick >= 1e4 || (tick && tick < 1e-3) ? tick.toExponential(0) : tick.toFixed(Math.min(4, digits)), MARGIN.left - 6, y);
    }
    context.textAlign = "center";
    const ticks = linearTicks(first, last, Math.max(2, Math.floor(width / 80))).filter(Number.isInteger);
    const end = scale.x(ticks.at(-1));
    ticks.forEach((tick, place) => {
      const isLast = place === ticks.length - 1;
      if (!isLast && end - scale.x(tick) < 12 * this.axis.length) return; // the last one has the axis's name
      context.textAlign = isLast && tick > last * 0.95 ? "right" : "center";
      context.fillText(isLast ? `${this.axis} ${tick}` : String(tick), Math.min(scale.x(tick), width - 2), height - 10);
    });
  }

  pick(pixel) {
    if (!this.data) return;
    const { width, height } = sizeOf(this.canvas);
    const at = Math.round(this.scales(width, height).back(pixel));
    this.picked(Math.max(1, Math.min(this.data.last, at)));
  }

  press(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || !this.data) return;
    const now = this.at ?? this.data.last;
    this.picked(Math.max(1, Math.min(this.data.last, now + steps[event.key])));
    event.preventDefault();
  }

  words() {
    const ends = this.data.lines.filter((line) => line.mean.length).map((line) => `${line.name} ${fixed(line.mean.at(-1), this.digits)}`);
    return `${this.title}, ${ends.length ? `at the end: ${ends.join("; ")}` : `${this.data.points.length} points`}. Left and right read it; the table below has the values.`;
  }
}

// What the page has for a canvas, without what the canvas itself asks for.
function sizeOf(canvas) {
  const height = parseFloat(getComputedStyle(canvas).getPropertyValue("--height")) || 216;
  return { width: canvas.parentElement.clientWidth, height };
}

// Lowest and highest of many numbers, which are too many for the arguments of a call.
function spread(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function linearTicks(low, high, number) {
  const rough = (high - low || 1) / number;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const steps = high / low > 1000 ? [1] : [1, 3];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(6));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

function drawBand(context, scale, line) {
  if (!line.low || line.x.length < 2) return;
  context.beginPath();
  line.x.forEach((x, place) => line.high[place] !== null && context.lineTo(scale.x(x), scale.y(line.high[place])));
  for (let place = line.x.length - 1; place >= 0; place -= 1) if (line.low[place] !== null) context.lineTo(scale.x(line.x[place]), scale.y(line.low[place]));
  context.closePath();
  context.fillStyle = line.colour;
  context.globalAlpha = 0.13;
  context.fill();
  context.globalAlpha = 1;
}

function drawLine(context, scale, line) {
  context.beginPath();
  let isOpen = false;
  line.x.forEach((x, place) => {
    const value = line.mean[place];
    if (value === null) isOpen = false;
    else if (isOpen) context.lineTo(scale.x(x), scale.y(value));
    else context.moveTo(scale.x(x), scale.y(value));
    isOpen = value !== null;
  });
  context.strokeStyle = line.colour;
  context.lineWidth = line.width ?? 1.8;
  context.lineJoin = "round";
  context.setLineDash(line.dash ?? []);
  context.stroke();
  context.setLineDash([]);
  if (line.x.length < 3) line.x.forEach((x, place) => line.mean[place] !== null && drawPoint(context, null, scale, { x, y: line.mean[place], colour: line.colour, shape: "full" }));
}

function drawPoint(context, look, scale, { x, y, colour, shape = "ring" }) {
  const [across, down] = [scale.x(x), scale.y(y)];
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  if (shape === "cross") {
    context.moveTo(across - 3, down - 3);
    context.lineTo(across + 3, down + 3);
    context.moveTo(across - 3, down + 3);
    context.lineTo(across + 3, down - 3);
    context.stroke();
    return;
  }
  context.arc(across, down, shape === "dot" ? 2 : 3.2, 0, 2 * Math.PI);
  context.fillStyle = shape === "ring" ? look.surface : colour;
  context.fill();
  if (shape === "ring") context.stroke();
}
