// A random id that this browser keeps, so that answers are found again after a reload: no name, nothing else. Where it
// has none yet, it keeps the one that the page proposes. The cookie tells it to the server with the next page.

const NAME = "qhn_browser";

function kept() {
  try {
    return window.localStorage.getItem(NAME) || "";
  } catch {
    return ""; // storage is switched off: the id lasts as long as the page
  }
}

export default function (component) {
  const { data, setStateValue } = component;
  const good = /^[A-Za-z0-9_-]{16,64}$/;
  let id = kept();
  if (!good.test(id)) {
    id = data.proposed;
    try {
      window.localStorage.setItem(NAME, id);
    } catch {
      // as above
    }
  }
  document.cookie = `${NAME}=${id}; path=/; max-age=31536000; SameSite=Lax`;
  if (id !== data.known) setStateValue("id", id);
}
