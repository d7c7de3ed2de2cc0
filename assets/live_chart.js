// In-place Plotly chart. Streamlit calls the default export on every refresh with new data and the same
// parentElement; Plotly.react keeps the DOM node. Ranges that somebody chose are put into every later layout, and the
// constant uirevision keeps what else was touched, such as curves switched off in the legend. While a run goes on a
// chart may have a feed: an address from which it fetches its newest figure by itself.

const charts = new WeakMap();
// Pixels that a title of one line takes above a legend, its letters being of so many pixels, and what one line takes
// of another, as a share of their letters.
const TITLE = 32;
const LETTERS = 15;
const LINE = 1.3;
// How far the first baseline lies below the top of the letters; Plotly reckons with it only where there is one line.
const RISE = 0.72;
// Share to which the letters of a title shrink at most.
const SMALLEST = 0.72;

function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  if (!window.__qhnPlotly) {
    window.__qhnPlotly = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("no Plotly")));
      script.onerror = () => reject(new Error(url));
      document.head.appendChild(script);
    }).catch((error) => {
      window.__qhnPlotly = undefined;
      throw error;
    });
  }
  return window.__qhnPlotly;
}

function isDark(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = "#ffffff";
  probe.fillStyle = colour;
  const hex = probe.fillStyle.startsWith("#") ? probe.fillStyle : "#ffffff";
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

function themeOf(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const paper = read("--st-background-color", "#ffffff");
  const dark = isDark(paper);
  return {
    paper,
    dark,
    ink: read("--st-text-color", dark ? "#fafafa" : "#10131a"),
    font: read("--st-font", "sans-serif"),
    key: [paper, read("--st-text-color", ""), read("--st-font", "")].join("|"),
  };
}

// Figures name colours that depend on the theme by token; `tokens` comes with the data, from app/figures.
function resolveTokens(value, tokens) {
  if (typeof value === "string") return value.charCodeAt(0) === 64 && value in tokens ? tokens[value] : value;
  if (Array.isArray(value)) {
    if (typeof value[value.length - 1] === "number") return value;
    return value.map((item) => resolveTokens(item, tokens));
  }
  if (value && typeof value === "object") {
    const out = {};
    for (const key in value) out[key] = resolveTokens(value[key], tokens);
    return out;
  }
  return value;
}

// The ranges that the figure asks for. Autorange is said outright: Plotly.react does not go back to it by itself from
// a fixed range, nor from the empty plot that stood there before.
function homeOf(layout) {
  const home = {};
  for (const [name, axis] of Object.entries(layout)) {
    if (!/^[xy]axis\d*$/.test(name)) continue;
    if (!axis.range) axis.autorange = true;
    if (axis.range) home[`${name}.range`] = [...axis.range];
    else home[`${name}.autorange`] = true;
  }
  return home;
}

// Widths in pixels of the lines of a title, which may be bold and small in places. (The parsed text is never shown.)
// Those measured last are kept: a title that stays is measured at each drawing, twice.
const pen = document.createElement("canvas").getContext("2d");
const measured = new Map();
const MEASURED = 128;
document.fonts?.addEventListener("loadingdone", () => measured.clear());
function widths(text, size, family) {
  const key = `${size} ${family} ${text}`;
  if (!measured.has(key)) {
    if (measured.size >= MEASURED) measured.delete(measured.keys().next().value);
    measured.set(key, measure(text, size, family));
  }
  return measured.get(key);
}

function measure(text, size, family) {
  const lines = [0];
  const walk = (node, letters, bold) => {
    for (const child of node.childNodes) {
      if (child.nodeName === "BR") lines.push(0);
      else if (child.nodeType === Node.TEXT_NODE) {
        pen.font = `${bold ? "bold " : ""}${letters}px ${family}`;
        lines[lines.length - 1] += pen.measureText(child.data).width;
      } else walk(child, parseFloat(child.style.fontSize) || letters, bold || child.nodeName === "B");
    }
  };
  walk(new DOMParser().parseFromString(text, "text/html").body, size, false);
  return lines;
}

// A title that is wider than its chart: what it says in small letters goes to a line of its own; where that is not
// enough all letters shrink, and where they are as small as they may be, lines break at spaces. Returns its text, the
// size of its letters, the pixels above it, those that it takes above a legend, and those that it takes more than one
// line would.
function fitted(title, width, family) {
  let { text } = title;
  let { size } = title.font;
  const widest = () => Math.max(...widths(text, size, family));
  if (widest() > width) text = text.replace(/ (?=<span style='font-size)/, "<br>");
  const whole = text;
  let share = 1;
  while (widest() > width && share > SMALLEST) {
    share = Math.max(SMALLEST, share * Math.min(0.99, width / widest())); // letters do not shrink evenly
    size = share * title.font.size;
    text = whole.replace(/font-size: ?([\d.]+)px/g, (_, letters) => `font-size:${(share * letters).toFixed(1)}px`);
  }
  if (widest() > width) text = brokenAtSpaces(text, size, family, width);
  const lines = text.split("<br>").length - title.text.split("<br>").length;
  const above = (title.pad?.t || 0) + (lines ? RISE * size : 0);
  const more = lines * LINE * size;
  return { text, size, above, room: (TITLE * title.font.size) / LETTERS + more, more };
}

// Pixels at both sides of a chart over which what stands under its plot does not reach.
const SIDES = 64;

// The text with a new line wherever the next word would go beyond the width. Spaces within a tag are none.
function brokenAtSpaces(text, size, family, width) {
  return text.split(/ (?![^<]*>)/).reduce((before, word) => {
    const longer = `${before} ${word}`;
    return Math.max(...measure(longer, size, family)) > width ? `${before}<br>${word}` : longer;
  });
}

// A rest as long as the drawing took: on a busy machine charts refresh less often, and training keeps its core.
function pause(took) {
  return new Promise((resolve) => setTimeout(resolve, Math.min(took, 400)));
}

// Which axes a relayout event set, and to what: {xaxis: [a, b]}, or {xaxis: null} for autorange.
function rangesIn(event) {
  const found = {};
  for (const [key, value] of Object.entries(event || {})) {
    const [, axis, what, index] = /^([xy]axis\d*)\.(range|autorange)(?:\[(\d)\])?$/.exec(key) || [];
    if (!axis) continue;
    if (what === "autorange") found[axis] = null;
    else if (index === undefined) found[axis] = [...value];
    else (found[axis] ||= [undefined, undefined])[Number(index)] = value;
  }
  return found;
}

// First drawings go one after the other, from the top of the page down, and the browser shows each before the next.
const waiting = [];
function myTurn(node) {
  return new Promise((resolve) => {
    waiting.push({ node, resolve });
    if (waiting.length === 1) setTimeout(nextTurn);
  });
}

function nextTurn() {
  const top = ({ node }) => node.getBoundingClientRect().top;
  const next = waiting.reduce((best, one) => (top(one) < top(best) ? one : best));
  waiting.splice(waiting.indexOf(next), 1);
  next.resolve();
  if (waiting.length) setTimeout(nextTurn);
}

// Milliseconds after a failed fetch.
const RETRY = 2000;

// Milliseconds to the next of the moments, one every so many milliseconds, at which charts fetch: the same for all, so
// that what they draw goes to the screen in one go.
function untilNext(every) {
  return every - (performance.now() % every);
}

// Charts with a feed. While the tab is hidden none of them asks; when it is shown again all do at once.
const following = new Set();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const chart of following) chart.askIn(0);
});

// Charts that share a crosshair: name of the group -> charts. What one shows on hover the others show at the same x.
const groups = new Map();

// Charts beside each other whose plots are of one height: name of the row (meta.row) -> charts.
const rows = new Map();

function member(of, name, chart) {
  if (!of.has(name)) of.set(name, new Set());
  of.get(name).add(chart);
}

class Chart {
  constructor(parent) {
    this.parent = parent;
    this.node = parent.querySelector(".qhn-chart");
    this.note = parent.querySelector(".qhn-chart-note");
    this.tools = parent.querySelector(".qhn-chart-tools");
    this.pending = null;
    this.busy = false;
    this.gone = false;
    this.shown = "";
    this.width = 0;
    this.chosen = {};
    this.tools.querySelector("[data-tool=reset]").onclick = () => this.resetZoom();
    this.tools.querySelector("[data-tool=save]").onclick = () => this.save();
    // One stop for the Tab key: the tools are at hand by letters.
    this.node.onkeydown = (event) => this.keyPressed(event);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.node);
    this.node.addEventListener("qhn-figure", (event) => this.update(event.detail)); // ahead of the page (post.js)
    this.feed = "";
    this.tag = "";
    this.received = 0;
    this.inView = true;
    this.sight = new IntersectionObserver((entries) => this.seen(entries[entries.length - 1].isIntersecting));
    this.sight.observe(this.node);
  }

  // What the page sends. What a feed was asked for before is not drawn any more.
  receive(bytes) {
    this.received += 1;
    this.update(bytes);
  }

  // Only the newest data waits while a drawing is under way.
  update(bytes) {
    this.pending = bytes;
    if (!this.busy) this.drain();
  }

  follow(feed, every) {
    this.every = 1000 * every;
    if (feed === this.feed) return;
    this.feed = feed;
    this.tag = "";
    if (feed) following.add(this);
    else following.delete(this);
    this.askIn(untilNext(this.every));
  }

  askIn(milliseconds) {
    clearTimeout(this.askTimer);
    if (this.feed && !this.gone) this.askTimer = setTimeout(() => this.ask(), milliseconds);
  }

  seen(inView) {
    this.inView = inView;
    if (inView && this.feed) this.askIn(0);
  }

  // A chart that nobody can see asks for nothing; it does at once when it comes into view. How soon the next question
  // may come, each answer says: the more look on, the less often.
  async ask() {
    if (this.asking || document.hidden || !this.inView) return;
    const { feed, received } = this;
    let wait = 0;
    this.asking = true;
    try {
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      const response = await fetch(feed, { headers, cache: "no-store" });
      const bytes = response.status === 200 ? await response.arrayBuffer() : null;
      const same = feed === this.feed && received === this.received;
      const pace = response.headers.get("X-Chart-Every");
      if (same && (response.status === 404 || pace === "0")) this.follow("", 1); // the page brings another feed, or none
      else if (same) {
        this.every = 1000 * Number(pace) || this.every;
        if (bytes) {
          this.tag = response.headers.get("ETag") || "";
          this.update(bytes);
        }
        wait = this.every;
      }
    } catch {
      wait = RETRY;
    } finally {
      this.asking = false;
    }
    this.askIn(wait ? untilNext(wait) : 0);
  }

  async drain() {
    this.busy = true;
    try {
      while (this.pending && !this.gone) {
        const bytes = this.pending;
        this.pending = null;
        const began = performance.now();
        await this.draw(bytes);
        this.node.dispatchEvent(new Event("qhn-drawn"));
        await pause(performance.now() - began);
      }
    } catch (error) {
      if (!this.gone) this.explain(error);
    } finally {
      this.busy = false;
      if (this.gone) this.purge();
    }
  }

  async draw(bytes) {
    const text = new TextDecoder().decode(bytes);
    const theme = themeOf(this.parent);
    const stamp = theme.key + text;
    if (stamp === this.shown) return;
    const data = JSON.parse(text);
    this.follow(data.feed || "", data.every || 1);
    this.node.style.height = `${data.height}px`;
    this.node.setAttribute("data-chart", data.name);
    this.node.setAttribute("aria-label", data.alt);
    this.name = data.name;
    const plotly = await loadPlotly(new URL(data.plotly, window.location.origin).href);
    if (!this.refreshes) await myTurn(this.node);
    if (this.gone || !this.node.isConnected) return;
    const figure = resolveTokens(data.figure, { ...data.tokens[theme.dark ? "dark" : "light"], "@paper": theme.paper });
    const layout = figure.layout;
    layout.font = { ...layout.font, family: theme.font };
    layout.uirevision = data.name;
    layout.autosize = true;
    layout.paper_bgcolor = "rgba(0,0,0,0)";
    layout.plot_bgcolor = layout.plot_bgcolor || "rgba(0,0,0,0)";
    this.wished = layout.xaxis && layout.xaxis.range;
    if (this.fitting && layout.meta?.unit) layout.xaxis.range = [this.wished[0], Math.min(this.wished[1], this.fitting)];
    this.home = homeOf(layout);
    for (const [axis, range] of Object.entries(this.chosen)) {
      if (layout[axis]) layout[axis] = { ...layout[axis], range: [...range], autorange: false };
    }
    const config = { displayModeBar: false, displaylogo: false, responsive: false, ...data.config };
    this.asked = (layout.margin && layout.margin.t) || 0;
    this.family = theme.font;
    this.title = layout.title?.text && layout.title.font?.size ? layout.title : null;
    this.extent = layout.meta?.extent;
    this.rest = layout.meta?.rest;
    const heading = this.heading();
    if (heading) {
      const { font, pad } = layout.title;
      const { text, size, above } = heading;
      layout.title = { ...layout.title, text, font: { ...font, size }, pad: { ...pad, t: above } };
    }
    this.under = layout.xaxis?.title?.text?.includes("<span") ? layout.xaxis.title : null;
    this.below = (layout.margin && layout.margin.b) || 0;
    const caption = this.caption();
    if (caption) {
      const { text, size, more } = caption;
      layout.xaxis = { ...layout.xaxis, title: { ...this.under, text, font: { ...this.under.font, size } } };
      layout.margin = { ...layout.margin, b: this.below + more };
    }
    this.stand(layout.meta?.row || "");
    this.needs = Math.max(this.asked + (heading?.more || 0), this.room || 0);
    const top = this.top();
    if (top > this.asked) layout.margin = { ...layout.margin, t: top };
    await plotly.react(this.node, figure.data, layout, config);
    await this.keepApart(plotly);
    await this.makeRoom(plotly);
    if (!this.listening) {
      this.listening = true;
      this.node.on("plotly_relayout", (event) => this.rangesChosen(event));
      this.node.on("plotly_click", (event) => this.clicked(event));
    }
    this.clickable = Boolean(data.clickable);
    this.join(data.group || "");
    this.shown = stamp;
    this.refreshes = (this.refreshes || 0) + 1;
    this.node.setAttribute("data-refreshes", String(this.refreshes));
    this.note.hidden = true;
    this.tools.hidden = false;
  }

  // The title as it fits the chart's width, with the way to what is not in view; null where there is none.
  heading() {
    if (!this.title) return null;
    const text = this.isCut() ? `${this.title.text} ${this.rest}` : this.title.text;
    return fitted({ ...this.title, text }, this.node.clientWidth - 4, this.family);
  }

  // Whether a part of the figure whose extent along x is known (meta.extent) is out of view.
  isCut() {
    const range = this.chosen.xaxis || this.home?.["xaxis.range"];
    return Boolean(this.extent && range) && (range[0] > this.extent[0] + 0.01 || range[1] < this.extent[1] - 0.01);
  }

  // Charts of one row have the same margin above their plots, that of the one that needs most.
  stand(row) {
    if (this.row === row) return;
    rows.get(this.row)?.delete(this);
    this.row = row;
    if (row) member(rows, row, this);
  }

  beside() {
    const { top } = this.node.getBoundingClientRect();
    const near = (chart) => Math.abs(chart.node.getBoundingClientRect().top - top) < 2;
    return [...(rows.get(this.row) || [])].filter((chart) => chart !== this && chart.node.isConnected && near(chart));
  }

  top() {
    return Math.max(this.needs, ...this.beside().map((chart) => chart.needs || 0));
  }

  // What is said under the plot in small letters, as it fits there; null where nothing is.
  caption() {
    return this.under && fitted(this.under, this.node.clientWidth - SIDES, this.family);
  }

  // A legend above the plot takes as many rows as the width asks for: the title stays over it, the plot under it.
  async makeRoom(plotly) {
    if (!this.node._fullLayout) return; // it is drawn anew at this moment
    const { legend, margin, showlegend, title, xaxis } = this.node._fullLayout;
    const drawn = this.node.querySelector("g.legend");
    const above = showlegend && drawn && legend && legend.y === 1 && legend.yanchor === "bottom";
    const heading = this.heading();
    this.room = above ? Math.ceil(drawn.getBBox().height + (heading?.room || TITLE)) : 0;
    const before = this.needs;
    this.needs = Math.max(this.asked + (heading?.more || 0), this.room);
    const top = this.top();
    const asked = {};
    if (this.asked && Math.abs(top - margin.t) > 2) asked["margin.t"] = top;
    if (heading && title && (title.text !== heading.text || Math.abs(title.font.size - heading.size) > 0.1)) {
      const { text, size, above } = heading;
      Object.assign(asked, { "title.text": text, "title.font.size": size, "title.pad.t": above });
    }
    const caption = this.caption();
    if (caption && xaxis && xaxis.title.text !== caption.text) {
      const { text, size, more } = caption;
      Object.assign(asked, { "xaxis.title.text": text, "xaxis.title.font.size": size, "margin.b": this.below + more });
    }
    if (Object.keys(asked).length) await plotly.relayout(this.node, asked);
    if (Math.abs(this.needs - before) <= 2) return;
    for (const chart of this.beside()) if (!chart.busy) await chart.makeRoom(plotly); // else it does when it is drawn
  }

  // A figure whose marks have a size of their own says how many pixels a unit of x takes at least (meta.unit): where
  // there is less room, less of it is in view at first, and the rest is dragged there.
  async keepApart(plotly) {
    const { meta, _size: size } = this.node._fullLayout || {};
    if (!meta?.unit || !this.wished) return;
    const [low, high] = this.wished;
    this.fitting = low + size.w / meta.unit;
    const range = [low, Math.min(high, this.fitting)];
    if (this.chosen.xaxis || Math.abs(this.home["xaxis.range"][1] - range[1]) < 0.01) return;
    this.home["xaxis.range"] = range;
    await plotly.relayout(this.node, { "xaxis.range": [...range] });
  }

  join(group) {
    if (this.group === group) return;
    this.leave();
    this.group = group;
    if (!group) return;
    member(groups, group, this);
    if (this.listens) return;
    this.listens = true;
    this.node.on("plotly_hover", (event) => {
      const x = event.xvals && event.xvals[0];
      if (event.event && x !== undefined) this.others((chart) => chart.point(x));
    });
    this.node.on("plotly_unhover", (event) => {
      if (event.event) this.others((chart) => window.Plotly.Fx.unhover(chart.node));
    });
  }

  leave() {
    if (this.group && groups.has(this.group)) groups.get(this.group).delete(this);
    this.group = "";
  }

  others(act) {
    for (const chart of groups.get(this.group) || []) {
      if (chart !== this && !chart.gone && chart.node.isConnected) act(chart);
    }
  }

  point(x) {
    const axis = this.node._fullLayout && this.node._fullLayout.xaxis;
    if (!axis || typeof x !== "number" || axis.type === "category" || !this.node.data.length) return;
    window.Plotly.Fx.hover(this.node, { xval: axis.d2c ? axis.d2c(x) : x }, "xy");
  }

  // What was clicked goes to the page: the curve's number, and the place in it (row and column of a map).
  clicked(event) {
    const point = event.points && event.points[0];
    if (!this.clickable || !this.tell || !point) return;
    const place = point.pointIndex ?? point.pointNumber;
    this.tell({ curve: point.curveNumber, place: Array.isArray(place) ? place : [place] });
  }

  explain(error) {
    this.note.hidden = false;
    this.note.textContent = "This chart cannot be drawn: the plotting library did not load. Reload the page, or restart the server.";
    console.warn("live chart:", error);
  }

  resize() {
    const width = this.node.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.gone || !window.Plotly || !this.node.data) return;
      // Plotly refuses a chart that is hidden by then: its size is looked at again when it is shown.
      this.fit(window.Plotly).catch((error) => {
        this.width = 0;
        console.warn("live chart:", error);
      });
    }, 60);
  }

  async fit(plotly) {
    await plotly.Plots.resize(this.node);
    if (!this.gone) await this.keepApart(plotly);
    if (!this.gone) await this.makeRoom(plotly);
  }

  rangesChosen(event) {
    for (const [axis, range] of Object.entries(rangesIn(event))) {
      const home = this.home[`${axis}.range`];
      const back = range === null || (home && home[0] === range[0] && home[1] === range[1]);
      if (back) delete this.chosen[axis];
      else this.chosen[axis] = range;
    }
    if (this.extent && window.Plotly && !this.busy) this.makeRoom(window.Plotly); // the title tells what is out of view
  }

  // Back to the ranges that the figure asks for; a double click in the plot does the same.
  resetZoom() {
    if (window.Plotly && this.home) window.Plotly.relayout(this.node, { ...this.home });
  }

  keyPressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "r") this.resetZoom();
    else if (event.key === "p") this.save();
    else return;
    event.preventDefault();
    event.stopPropagation(); // letters are Streamlit's shortcuts too
  }

  save() {
    const size = this.node.getBoundingClientRect();
    const options = { format: "png", scale: 2, width: size.width, height: size.height, filename: `qhn-${this.name}` };
    if (window.Plotly) window.Plotly.downloadImage(this.node, options);
  }

  destroy() {
    this.gone = true;
    following.delete(this);
    this.leave();
    this.stand("");
    clearTimeout(this.timer);
    clearTimeout(this.askTimer);
    this.observer.disconnect();
    this.sight.disconnect();
    charts.delete(this.parent);
    if (!this.busy) this.purge(); // else when the drawing under way is done: Plotly cannot bear to lose its node
  }

  purge() {
    if (window.Plotly && this.node.data) window.Plotly.purge(this.node);
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let chart = charts.get(parentElement);
  if (!chart || !parentElement.contains(chart.node)) {
    if (chart) chart.destroy();
    chart = new Chart(parentElement);
    charts.set(parentElement, chart);
  }
  chart.tell = (point) => setStateValue("clicked", point);
  if (data) chart.receive(data);
  // Streamlit ends a call, too, that newer data overtook: its element is in use then.
  return () => setTimeout(() => parentElement.isConnected || chart.destroy());
}
