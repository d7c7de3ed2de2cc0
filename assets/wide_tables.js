// Tables that are wider than the page move sideways in a box of their own; who has no mouse reaches that box by Tab and
// moves it by the arrow keys.

const BOXES = '[data-testid="stMarkdownContainer"]:has(> table)';
let watching = null;

function reach() {
  for (const box of document.querySelectorAll(BOXES)) {
    if (box.tabIndex !== 0) box.tabIndex = 0;
  }
}

export default function (component) {
  reach();
  watching?.disconnect();
  const mine = new MutationObserver(reach);
  mine.observe(document.body, { childList: true, subtree: true });
  watching = mine;
  // Streamlit ends a call, too, that newer data overtook: its element is in use then.
  return () => setTimeout(() => component.parentElement.isConnected || mine.disconnect());
}
