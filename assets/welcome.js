// The strip for first visitors. Whether it was closed is kept by the browser; where that may not keep anything, it is
// shown again at the next visit.

const KEY = "qhn.welcome.closed";

function closedBefore() {
  try {
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false;
  }
}

export default function (component) {
  const strip = component.parentElement.querySelector(".qhn-welcome");
  strip.hidden = closedBefore();
  strip.querySelector("button").onclick = () => {
    strip.hidden = true;
    try {
      localStorage.setItem(KEY, "1");
    } catch {
      // closed for this visit
    }
  };
}
