// Figures that go ahead of the page (app/post.py). Whenever somebody has touched something the page asks for them; the
// server holds the question for a moment. What comes is handed to the charts, and when they have drawn it the page asks
// again.

const TOUCHES = ["keydown", "click", "change"];
// Most milliseconds that a drawing is waited for.
const DRAWING = 1000;

let address = "";
let owner = null;
let asking = false;
let touched = false;

function drawn(node) {
  return new Promise((resolve) => {
    node.addEventListener("qhn-drawn", resolve, { once: true });
    setTimeout(resolve, DRAWING);
  });
}

// Each line holds a chart's name and its figure; they are drawn one after the other, the first at the earliest.
async function deliver(text) {
  for (const line of text.split("\n")) {
    const [name, figure] = line.split("\t", 2);
    const node = document.querySelector(`[data-chart="${CSS.escape(name)}"]`);
    if (!node) continue;
    const drawing = drawn(node);
    node.dispatchEvent(new CustomEvent("qhn-figure", { detail: new TextEncoder().encode(figure) }));
    await drawing;
  }
}

async function ask() {
  touched = true;
  if (asking || !address) return;
  asking = true;
  try {
    while (touched && address) {
      touched = false;
      const response = await fetch(address, { cache: "no-store" });
      if (response.status === 200) {
        await deliver(await response.text());
        touched = true; // more may be under way
      }
    }
  } catch {
    // The server is away: Streamlit says so.
  } finally {
    asking = false;
  }
}

for (const touch of TOUCHES) document.addEventListener(touch, ask, true);

export default function (component) {
  const { data, parentElement } = component;
  address = data.address;
  owner = parentElement;
  // Streamlit ends a call, too, that newer data overtook: its element is in use then. And another may have begun.
  const end = () => {
    if (owner === parentElement) address = "";
  };
  return () => setTimeout(() => parentElement.isConnected || end());
}
