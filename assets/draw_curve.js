// Axes on which a curve is drawn with mouse, finger or keys. What is known stands there already; what is drawn is sent
// to the page when the pointer is lifted. After the answer is locked, what happened is drawn beside it.

const SVG = "http://www.w3.org/2000/svg";
const drawings = new WeakMap();
const EDGE = { left: 62, right: 14, top: 34, bottom: 44 };
const REVEAL = 1400; // milliseconds in which the truth is drawn

function make(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

// About five round numbers between low and high.
function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(10)));
  return found;
}

class Drawing {
  constructor(parent) {
    this.frame = parent.querySelector(".qhn-draw");
    this.svg = parent.querySelector("svg");
    this.said = parent.querySelector(".qhn-draw-said");
    this.clear = parent.querySelector("button");
    this.heights = [];
    this.at = 0;
    this.clear.onclick = () => this.change(this.heights.map(() => null), true);
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => this.up());
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.data && this.paint());
    this.observer.observe(this.frame);
  }

  receive(data, tell) {
    const text = JSON.stringify(data);
    this.tell = tell;
    if (text === this.text) return;
    const revealed = data.truth && !(this.data && this.data.truth);
    const other = !this.data || this.data.name !== data.name || data.locked !== this.data.locked;
    this.text = text;
    this.data = data;
    if (other || this.heights.length !== data.points) {
      this.heights = data.drawn ? [...data.drawn] : new Array(data.points).fill(null);
    }
    this.shown = revealed && data.animate && !matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1;
    this.paint();
    if (this.shown < 1) this.play();
  }

  play() {
    const began = performance.now();
    const frame = (now) => {
      if (!this.svg.isConnected) return;
      this.shown = Math.min(1, (now - began) / REVEAL);
      this.paint();
      if (this.shown < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  x(value) {
    const [low, high] = this.data.x;
    return EDGE.left + ((value - low) / (high - low)) * (this.width - EDGE.left - EDGE.right);
  }

  y(value) {
    const [low, high] = this.data.y;
    return this.height - EDGE.bottom - ((value - low) / (high - low)) * (this.height - EDGE.top - EDGE.bottom);
  }

  place(k) {
    const { start, end, points } = this.data;
    return start + ((end - start) * k) / (points - 1);
  }

  // Which of the places a pointer is at, and how high.
  spot(event) {
    const box = this.svg.getBoundingClientRect();
    const { start, end, points, x, y } = this.data;
    const across = x[0] + ((event.clientX - box.left - EDGE.left) / (this.width - EDGE.left - EDGE.right)) * (x[1] - x[0]);
    const up = (this.height - EDGE.bottom - (event.clientY - box.top)) / (this.height - EDGE.top - EDGE.bottom);
    const k = Math.round(((across - start) / (end - start)) * (points - 1));
    const height = Math.min(y[1], Math.max(y[0], y[0] + up * (y[1] - y[0])));
    return { k: Math.min(points - 1, Math.max(0, k)), height, outside: k < -1 };
  }

  down(event) {
    if (this.data.locked) return;
    const spot = this.spot(event);
    if (spot.outside) return;
    event.preventDefault();
    this.svg.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    this.last = spot;
    this.set(spot, spot);
  }

  move(event) {
    if (!this.last) return;
    const spot = this.spot(event);
    this.set(this.last, spot);
    this.last = spot;
  }

  up() {
    if (!this.last) return;
    this.last = null;
    this.send();
  }

  // All places between two, on the straight line between their heights.
  set(a, b) {
    const [left, right] = a.k <= b.k ? [a, b] : [b, a];
    for (let k = left.k; k <= right.k; k++) {
      const share = right.k === left.k ? 1 : (k - left.k) / (right.k - left.k);
      this.heights[k] = left.k === right.k ? b.height : left.height + share * (right.height - left.height);
    }
    this.at = b.k;
    this.paint();
  }

  key(event) {
    if (this.data.locked) return;
    const [low, high] = this.data.y;
    const now = this.heights[this.at] ?? this.data.begin;
    const move = { ArrowUp: (high - low) / 50, ArrowDown: -(high - low) / 50 }[event.key];
    if (move !== undefined) {
      const height = Math.min(high, Math.max(low, now + move));
      // What has not been drawn yet to the right follows along, so that a few keys make a whole curve.
      for (let k = this.at; k < this.heights.length; k++) {
        if (k === this.at || this.heights[k] === null || this.follows) this.heights[k] = height;
      }
      this.follows = true;
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const by = event.key === "ArrowRight" ? 1 : -1;
      this.at = Math.min(this.heights.length - 1, Math.max(0, this.at + by));
      if (this.heights[this.at] === null && by > 0) this.heights[this.at] = now;
      this.follows = by > 0;
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.paint();
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.send(), 350);
  }

  change(heights, send) {
    if (this.data.locked) return;
    this.heights = heights;
    this.paint();
    if (send) this.send();
  }

  send() {
    if (this.tell) this.tell(this.heights.every((h) => h === null) ? null : [...this.heights]);
  }

  path(points) {
    return points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  }

  // Stretches of what is drawn, without the gaps between them.
  stretches(heights) {
    const found = [];
    let now = [];
    heights.forEach((h, k) => {
      if (h === null) now = [];
      else {
        if (!now.length) found.push(now);
        now.push([this.x(this.place(k)), this.y(h)]);
      }
    });
    return found;
  }

  paint() {
    const { data, svg } = this;
    this.width = this.frame.clientWidth || 600;
    this.height = data.height;
    svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    svg.style.height = `${this.height}px`;
    svg.setAttribute("aria-label", data.alt);
    this.frame.setAttribute("data-chart", data.name);
    this.frame.setAttribute("data-drawn", JSON.stringify(this.heights));
    this.frame.setAttribute("data-locked", String(data.locked));
    this.frame.setAttribute("data-revealed", String(Boolean(data.truth) && this.shown >= 1));
    this.clear.hidden = data.locked;
    svg.replaceChildren();
    this.axes();
    for (const known of data.known) this.curve(known, 1);
    const mine = data.colours.mine;
    for (const part of this.stretches(this.heights)) {
      if (part.length === 1) make("circle", { cx: part[0][0], cy: part[0][1], r: 4, fill: mine }, svg);
      else make("path", { d: this.path(part), class: "qhn-drawn", stroke: mine }, svg);
    }
    if (data.truth) this.curve(data.truth, this.shown);
    if (!data.locked && document.activeElement === svg && this.heights[this.at] !== null) {
      make("circle", { cx: this.x(this.place(this.at)), cy: this.y(this.heights[this.at]), r: 6, fill: "none", stroke: mine, "stroke-width": 2 }, svg);
    }
    this.legend();
  }

  axes() {
    const { data, svg } = this;
    const bottom = this.height - EDGE.bottom;
    for (const value of ticks(...data.y)) {
      make("line", { x1: EDGE.left, x2: this.width - EDGE.right, y1: this.y(value), y2: this.y(value), class: "qhn-grid" }, svg);
      make("text", { x: EDGE.left - 8, y: this.y(value) + 5, "text-anchor": "end", class: "qhn-tick" }, svg, String(value));
    }
    for (const value of ticks(...data.x)) {
      make("text", { x: this.x(value), y: bottom + 18, "text-anchor": "middle", class: "qhn-tick" }, svg, String(value));
    }
    make("text", { x: (EDGE.left + this.width) / 2, y: this.height - 6, "text-anchor": "middle", class: "qhn-tick" }, svg, data.labels.x);
    const middle = (EDGE.top + bottom) / 2;
    make("text", { x: 14, y: middle, "text-anchor": "middle", class: "qhn-tick", transform: `rotate(-90 14 ${middle})` }, svg, data.labels.y);
    if (!data.locked) {
      const left = this.x(data.start);
      make("rect", { x: left, y: EDGE.top, width: this.x(data.end) - left, height: bottom - EDGE.top, class: "qhn-field" }, svg);
      if (this.heights.every((h) => h === null)) {
        make("text", { x: (left + this.x(data.end)) / 2, y: middle, "text-anchor": "middle", class: "qhn-ask" }, svg, "draw here");
      }
    }
  }

  curve(curve, share) {
    const points = curve.x.map((x, k) => [this.x(x), this.y(curve.y[k])]).slice(0, Math.max(2, Math.ceil(share * curve.x.length)));
    make("path", { d: this.path(points), class: "qhn-known", stroke: curve.colour, "stroke-dasharray": curve.dashed ? "9 6" : "" }, this.svg);
  }

  legend() {
    const { data, svg } = this;
    const entries = data.known.map((c) => ({ name: c.name, colour: c.colour, dash: c.dashed ? "9 6" : "" }));
    if (data.truth && !entries.some((e) => e.name === data.truth.name)) entries.push({ name: data.truth.name, colour: data.truth.colour, dash: data.truth.dashed ? "9 6" : "" });
    entries.push({ name: data.labels.mine, colour: data.colours.mine, dash: "" });
    let left = EDGE.left;
    for (const entry of entries) {
      make("line", { x1: left, x2: left + 26, y1: 16, y2: 16, class: "qhn-known", stroke: entry.colour, "stroke-dasharray": entry.dash }, svg);
      const text = make("text", { x: left + 32, y: 21, class: "qhn-tick" }, svg, entry.name);
      left += 48 + (text.getComputedTextLength ? text.getComputedTextLength() : 60);
    }
  }

  destroy() {
    this.observer.disconnect();
    clearTimeout(this.wait);
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let drawing = drawings.get(parentElement);
  if (!drawing || !parentElement.contains(drawing.svg)) {
    if (drawing) drawing.destroy();
    drawing = new Drawing(parentElement);
    drawings.set(parentElement, drawing);
  }
  if (data) drawing.receive(data, (heights) => setStateValue("drawn", heights));
  // Streamlit ends a call, too, that newer data overtook: its element is in use then.
  const end = () => {
    drawing.destroy();
    drawings.delete(parentElement);
  };
  return () => setTimeout(() => parentElement.isConnected || end());
}
