// Keys of the presenter's mode: each presses a button of the page, so that it can do what the button can, and no more.
// P shows the prompt over the whole page; where there is none it can be written there. Nothing happens while somebody
// types in a field, nor with Ctrl, Alt or Meta held down.

const FIELDS = [
  "input:not([type=radio]):not([type=checkbox])",
  "textarea",
  "select",
  "[contenteditable=true]",
  ...["slider", "textbox", "combobox", "listbox", "option", "application", "dialog"].map((role) => `[role=${role}]`),
].join(", ");

const presenters = new WeakMap();

// Move a slider to its next or last place by an arrow key; false where it stands at that end.
function moved(slider, key) {
  const [value, most] = [Number(slider.value), Number(slider.max)];
  const next = Math.min(most, Math.max(0, value + (key === "ArrowLeft" ? -1 : 1)));
  if (next === value) return false;
  slider.value = String(next);
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

class Presenter {
  constructor(parent) {
    this.sheet = parent.querySelector(".qhn-prompt");
    this.said = this.sheet.querySelector("p");
    this.field = this.sheet.querySelector("textarea");
    this.listener = (event) => this.pressed(event);
    window.addEventListener("keydown", this.listener, true);
    this.field.onkeydown = (event) => this.written(event);
    this.sheet.querySelector("button").onclick = () => this.write();
  }

  update(data, keep) {
    this.actions = data.actions;
    this.prompt = data.prompt;
    this.keep = keep;
    this.said.textContent = this.prompt;
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest(FIELDS) && !target.closest(".qhn-prompt button")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // A button that the Tab key has led to is pressed by the space bar, as everywhere.
    if (key === " " && target.matches("button:focus-visible, input:focus-visible, a:focus-visible")) return;
    if (event.repeat) {
      if (!this.press(key, "range")) return;
    } else if (key === "p") this.toggle();
    else if (key === "Escape" && !this.sheet.hidden) this.close();
    else if (!this.press(key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  // Presses the first of these elements that is seen and enabled, or moves it where it is a slider that is not at its
  // end; tells whether the key has a meaning here at all. A key that is held down moves sliders on, and nothing else.
  press(key, only) {
    const selectors = this.actions[key];
    if (!selectors) return false;
    document.activeElement?.blur();
    for (const selector of selectors) {
      const element = document.querySelector(selector);
      if (!element || element.disabled || !element.getClientRects().length) continue;
      if (only && element.type !== only) continue;
      if (element.type !== "range") element.click();
      else if (!moved(element, key)) continue;
      break;
    }
    return true;
  }

  toggle() {
    if (!this.sheet.hidden) this.close();
    else {
      this.sheet.hidden = false;
      if (this.prompt) this.show();
      else this.write();
    }
  }

  show() {
    this.sheet.dataset.writing = "false";
    this.said.textContent = this.prompt;
  }

  write() {
    this.sheet.dataset.writing = "true";
    this.field.value = this.prompt;
    this.field.focus();
  }

  // Enter keeps what was written, Escape leaves all as it was.
  written(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.prompt = this.field.value.trim();
      this.keep(this.prompt);
      if (this.prompt) this.show();
      else this.close();
      this.field.blur();
    } else if (event.key === "Escape") {
      this.close();
    }
    event.stopPropagation(); // letters are Streamlit's shortcuts too
  }

  close() {
    this.sheet.hidden = true;
    this.field.blur();
  }

  destroy() {
    window.removeEventListener("keydown", this.listener, true);
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let presenter = presenters.get(parentElement);
  if (!presenter || !parentElement.contains(presenter.sheet)) {
    presenter?.destroy();
    presenter = new Presenter(parentElement);
    presenters.set(parentElement, presenter);
  }
  presenter.update(data, (text) => setTriggerValue("prompt", text));
  // Streamlit ends a call, too, that newer data overtook: its element is in use then.
  const end = () => {
    presenter.destroy();
    presenters.delete(parentElement);
  };
  return () => setTimeout(() => parentElement.isConnected || end());
}
