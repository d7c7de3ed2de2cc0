// From qubit to network: one or two qubits that can be turned, the arrow, the coin, the weight ±1, and the network that
// this weight is. All amplitudes are real here (RY and CNOT only), so that the arrow stays in one plane.

const SVG = "http://www.w3.org/2000/svg";
const toys = new WeakMap();
// Pixels below which the networks stand under the arrows, and there the place of the first and the height of each.
const NARROW = 480;
const UNDER = { top: 285, row: 60 };

function make(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

function html(name, className, parent, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

// Amplitudes of the strings, wire 0 the most significant bit.
export function amplitudes(angles, coupled) {
  let state = [1];
  for (const angle of angles) {
    const [zero, one] = [Math.cos(angle / 2), Math.sin(angle / 2)];
    state = state.flatMap((a) => [a * zero, a * one]);
  }
  if (coupled && angles.length === 2) [state[2], state[3]] = [state[3], state[2]];
  return state;
}

// Each qubit's own arrow (x, z); shorter than 1 where it is entangled with the other.
export function arrows(state) {
  if (state.length === 2) return [[2 * state[0] * state[1], state[0] ** 2 - state[1] ** 2]];
  const [a, b, c, d] = state;
  return [
    [2 * (a * c + b * d), a * a + b * b - c * c - d * d],
    [2 * (a * b + c * d), a * a + c * c - b * b - d * d],
  ];
}

const percent = (p) => `${(100 * p).toFixed(1)} %`;
const sign = (bit) => (bit ? "+1" : "−1");

class Toy {
  constructor(parent) {
    this.frame = parent.querySelector(".qhn-qubits");
    this.tally = [];
    this.last = null;
    this.stacked = false;
    new ResizeObserver(() => this.arrange()).observe(this.frame);
  }

  arrange() {
    const width = this.frame.clientWidth;
    if (!width || this.stacked === width < NARROW) return;
    this.stacked = width < NARROW;
    if (this.picture) this.paint();
  }

  receive(data, tell) {
    this.tell = tell;
    const text = JSON.stringify(data);
    if (text === this.text) return;
    this.text = text;
    this.data = data;
    this.angles = [...data.angles];
    this.coupled = data.coupled;
    this.forget();
    this.build();
    this.paint();
  }

  forget() {
    this.tally = new Array(2 ** this.angles.length).fill(0);
    this.last = null;
  }

  build() {
    const { frame, data } = this;
    frame.replaceChildren();
    frame.setAttribute("data-chart", data.name);
    this.picture = make("svg", { role: "img" }, frame);
    const bar = html("div", "qhn-qubits-bar", frame);
    this.sliders = this.angles.map((angle, k) => {
      const label = html("label", "", bar);
      const said = html("span", "", label);
      const input = html("input", "", label);
      Object.assign(input, { type: "range", min: 0, max: 180, step: 1, value: Math.round((angle * 180) / Math.PI), disabled: !data.interactive });
      input.oninput = () => {
        this.angles[k] = (input.value * Math.PI) / 180;
        this.forget();
        this.paint();
      };
      input.onchange = () => this.send();
      return { said, input };
    });
    if (this.angles.length === 2) {
      const label = html("label", "qhn-qubits-check", bar);
      const box = html("input", "", label);
      Object.assign(box, { type: "checkbox", checked: this.coupled, disabled: !data.interactive });
      html("span", "", label, "CNOT: b flips where w is +1");
      box.onchange = () => {
        this.coupled = box.checked;
        this.forget();
        this.paint();
        this.send();
      };
    }
    for (const count of [1, 100]) {
      const button = html("button", "", bar, count === 1 ? "measure" : `measure ${count} times`);
      button.type = "button";
      button.disabled = !data.interactive;
      button.onclick = () => this.measure(count);
    }
    this.said = html("p", "qhn-qubits-said", frame);
    this.said.setAttribute("role", "status");
  }

  send() {
    if (this.tell) this.tell({ degrees: this.angles.map((a) => Math.round((a * 180) / Math.PI)), coupled: this.coupled });
  }

  measure(count) {
    const p = amplitudes(this.angles, this.coupled).map((a) => a * a);
    for (let k = 0; k < count; k++) {
      let u = Math.random();
      let index = p.length - 1;
      for (let i = 0; i < p.length; i++) {
        u -= p[i];
        if (u < 0) {
          index = i;
          break;
        }
      }
      this.tally[index] += 1;
      this.last = index;
    }
    this.paint();
  }

  bits(index) {
    return this.angles.map((_, k) => (index >> (this.angles.length - 1 - k)) & 1);
  }

  network(index) {
    const [w, b] = this.bits(index).map((bit) => (bit ? "+" : "−"));
    return b === undefined ? `sign(${w}x)` : `sign(${w}x ${b} 1)`;
  }

  paint() {
    const state = amplitudes(this.angles, this.coupled);
    const p = state.map((a) => a * a);
    const names = this.angles.length === 1 ? ["w"] : ["w", "b"];
    this.sliders.forEach(({ said, input }, k) => {
      said.textContent = `angle of ${names[k]}: ${input.value}°`;
    });
    const locked = !this.data.interactive; // a question about it is open: its odds would be the answer
    this.frame.setAttribute("data-p", locked ? "" : JSON.stringify(p.map((x) => Number(x.toFixed(6)))));
    this.frame.setAttribute("data-last", this.last === null ? "" : String(this.last));
    this.picture.replaceChildren();
    this.picture.setAttribute("viewBox", this.stacked ? `0 0 320 ${UNDER.top + UNDER.row * p.length}` : "0 0 640 300");
    this.picture.classList.toggle("qhn-stacked", this.stacked);
    const spheres = arrows(state);
    spheres.forEach((arrow, k) => this.sphere(arrow, names[k], spheres.length === 1 ? 150 : 80 + 150 * k, spheres.length === 1 ? 100 : 66));
    this.coins(p, locked);
    const total = this.tally.reduce((a, b) => a + b, 0);
    const shares = p.map((x, i) => `${this.network(i)} ${percent(x)}${total ? `, drawn ${this.tally[i]} of ${total}` : ""}`);
    const open = this.last === null ? "Not measured yet: no weight, only odds." : `Measured: ${this.network(this.last)}.`;
    this.said.textContent = locked ? "Its odds are shown when your answer is locked." : open;
    this.picture.setAttribute("aria-label", locked ? this.data.alt : `${this.data.alt} ${shares.join("; ")}.`);
  }

  sphere([x, z], name, cx, radius) {
    const cy = 150;
    const svg = this.picture;
    make("circle", { cx, cy, r: radius, class: "qhn-sphere" }, svg);
    make("ellipse", { cx, cy, rx: radius, ry: radius * 0.28, class: "qhn-equator" }, svg);
    make("line", { x1: cx, x2: cx, y1: cy - radius, y2: cy + radius, class: "qhn-equator" }, svg);
    make("text", { x: cx, y: cy - radius - 10, "text-anchor": "middle" }, svg, `|0⟩: ${name} = −1`);
    make("text", { x: cx, y: cy + radius + 22, "text-anchor": "middle" }, svg, `|1⟩: ${name} = +1`);
    const [ex, ey] = [cx + x * radius, cy - z * radius];
    make("line", { x1: cx, y1: cy, x2: ex, y2: ey, class: "qhn-arrow" }, svg);
    make("circle", { cx: ex, cy: ey, r: 7, class: "qhn-tip" }, svg);
  }

  // Every network with its odds (a question mark while locked), what was drawn of it, where it says + and where −.
  coins(p, locked) {
    const svg = this.picture;
    const total = this.tally.reduce((a, b) => a + b, 0);
    const rows = p.length;
    const [top, height] = this.stacked ? [UNDER.top, UNDER.row] : [30, 240 / rows];
    const left = this.stacked ? 10 : this.angles.length === 1 ? 300 : 320;
    p.forEach((share, index) => {
      const y = top + index * height;
      const middle = y + Math.min(height, 70) / 2;
      if (index === this.last) make("rect", { x: left - 8, y: y - 4, width: 316, height: Math.min(height, 70) + 4, rx: 6, class: "qhn-chosen" }, svg);
      make("text", { x: left, y: middle + 5 }, svg, this.network(index));
      const bar = left + 92;
      make("rect", { x: bar, y: middle - 9, width: 90, height: 18, class: "qhn-empty" }, svg);
      make("rect", { x: bar, y: middle - 9, width: locked ? 0 : 90 * share, height: 18, class: "qhn-full" }, svg);
      const open = total ? `${percent(share)} · ${this.tally[index]}` : percent(share);
      make("text", { x: bar + 96, y: middle + 5 }, svg, locked ? "?" : open);
      this.strip(index, left, middle + 14, 300);
    });
  }

  strip(index, x, y, width) {
    const [w, b] = this.bits(index);
    const edge = b === undefined ? 0.5 : b === w ? 0.3 : 0.7; // the line x = −b/w, with x from −2.5 to 2.5
    const right = w ? "qhn-plus" : "qhn-minus";
    make("rect", { x, y, width: width * edge, height: 9, class: w ? "qhn-minus" : "qhn-plus" }, this.picture);
    make("rect", { x: x + width * edge, y, width: width * (1 - edge), height: 9, class: right }, this.picture);
    make("line", { x1: x + width * edge, x2: x + width * edge, y1: y - 3, y2: y + 12, class: "qhn-edge" }, this.picture);
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let toy = toys.get(parentElement);
  if (!toy || !parentElement.contains(toy.frame)) {
    toy = new Toy(parentElement);
    toys.set(parentElement, toy);
  }
  if (data) toy.receive(data, (turned) => setStateValue("turned", turned));
}
