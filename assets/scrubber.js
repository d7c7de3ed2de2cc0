// Play, rewind and scrub through the kept steps of a run. The page draws what it is asked for and answers with the step
// that it shows; playing waits for that answer, so a slow server plays slowly instead of skipping what nobody has seen.

const scrubbers = new WeakMap();
// Frames of one play from the first step to the last, least milliseconds of each, and how long dragging has to rest.
const FRAMES = 40;
const LEAST = 160;
const REST = 120;
// Milliseconds after which a frame that was not answered counts as shown.
const LOST = 8000;

class Scrubber {
  constructor(parent) {
    this.parent = parent;
    this.frame = parent.querySelector(".qhn-scrub");
    const part = (name) => this.frame.querySelector(`[data-part=${name}]`);
    [this.first, this.play, this.slider, this.said, this.newest] = ["first", "play", "slider", "said", "newest"].map(part);
    this.first.onclick = () => this.go(0);
    this.newest.onclick = () => this.go(this.data.steps.length - 1);
    this.play.onclick = () => (this.playing ? this.stop() : this.start());
    this.slider.oninput = () => {
      this.stop();
      this.show(Number(this.slider.value));
      clearTimeout(this.wait);
      this.wait = setTimeout(() => this.go(Number(this.slider.value)), REST);
    };
    this.playing = false;
  }

  receive(data, ask) {
    const another = !this.data || this.data.run !== data.run;
    this.data = data;
    this.ask = ask;
    this.frame.setAttribute("data-step", String(data.at));
    this.slider.max = String(data.steps.length - 1);
    if (another) {
      this.stop();
      this.asked = undefined;
    }
    if (this.asked === undefined || this.asked === data.at) {
      this.asked = undefined;
      this.show(this.index(data.at));
      if (this.playing) this.next();
    }
  }

  index(step) {
    const found = this.data.steps.findIndex((s) => s >= step);
    return found < 0 ? this.data.steps.length - 1 : found;
  }

  show(index) {
    const { steps, total } = this.data;
    const text = `step ${steps[index]} of ${total}`;
    this.slider.value = String(index);
    this.slider.setAttribute("aria-valuetext", text);
    this.said.textContent = text;
    this.newest.disabled = index === steps.length - 1;
    this.first.disabled = index === 0;
  }

  go(index) {
    const step = this.data.steps[index];
    this.show(index);
    if (step === this.data.at) return;
    this.asked = step;
    clearTimeout(this.lost);
    this.lost = setTimeout(() => {
      this.asked = undefined;
    }, LOST);
    this.ask(step);
  }

  start() {
    this.playing = true;
    this.face();
    if (Number(this.slider.value) === this.data.steps.length - 1) this.go(0);
    else this.next();
  }

  stop() {
    this.playing = false;
    clearTimeout(this.timer);
    this.face();
  }

  face() {
    this.play.textContent = this.playing ? "||" : "▶";
    this.play.setAttribute("aria-label", this.playing ? "Pause the film" : "Play from here");
  }

  next() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.playing || !this.frame.isConnected) return;
      const last = this.data.steps.length - 1;
      const index = Number(this.slider.value);
      if (index >= last) this.stop();
      else this.go(Math.min(last, index + Math.max(1, Math.round(last / FRAMES))));
    }, LEAST);
  }

  destroy() {
    this.stop();
    clearTimeout(this.wait);
    clearTimeout(this.lost);
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let scrubber = scrubbers.get(parentElement);
  if (!scrubber || !parentElement.contains(scrubber.frame)) {
    if (scrubber) scrubber.destroy();
    scrubber = new Scrubber(parentElement);
    scrubbers.set(parentElement, scrubber);
  }
  if (data) scrubber.receive(data, (step) => setStateValue("step", step));
  // Streamlit ends a call, too, that newer data overtook: its element is in use then.
  const end = () => {
    scrubber.destroy();
    scrubbers.delete(parentElement);
  };
  return () => setTimeout(() => parentElement.isConnected || end());
}
