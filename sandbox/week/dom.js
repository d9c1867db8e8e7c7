// Elements, icons, dialogs and messages. Text is always set as text: nothing that comes from outside is markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `properties`: `on` is a map of listeners, `data` of data attributes, `class` a text; what has a
 *  dash, and `role`, is an attribute; anything else is a property. Children: nodes, texts, lists; empty ones are left out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "on") for (const [type, run] of Object.entries(value)) element.addEventListener(type, run);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "role" || name === "for" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  left: "M14.5 5 8 12l6.5 7",
  right: "M9.5 5l6.5 7-6.5 7",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  calendar: "M4 6h16v14H4zM4 10.5h16M8.5 3.5V8M15.5 3.5V8",
  sync: "M4.5 12a7.5 7.5 0 0 1 13-5l2 2M19.5 4.5V9H15M19.5 12a7.5 7.5 0 0 1-13 5l-2-2M4.5 19.5V15H9",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 11a3 3 0 1 0-1-5.8M17.5 14.2A6 6 0 0 1 21.5 20",
  video: "M3.5 7h11v10h-11zM14.5 11l6-3.5v9l-6-3.5",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7z",
  warning: "M12 4 2.5 20h19zM12 10v4.5M12 17v.5",
  split: "M4 5h16v14H4zM12 5v14",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.5l3.5 2",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4.2 4.2 0 0 0-6-6l-1.5 1.5M14 10a4 4 0 0 0-6-.5l-3 3a4.2 4.2 0 0 0 6 6L12.500 17",
  undo: "M8 5 3.500 9.500 8 14M4 9.500h10a6 6 0 0 1 0 12h-3",
  out: "M14 4h6v16h-6M10 8l-4 4 4 4M6 12h10",
};

/** A drawing of our own beside words that say the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** `name` of an icon or null; `kind`: "", "primary", "quiet", "danger". */
export function button(label, { name = null, kind = "", ...properties } = {}, run = null) {
  return el("button", { type: "button", class: `button ${kind}`.trim(), ...properties, on: run ? { click: run } : {} },
    name && icon(name), el("span", {}, label));
}

/** A button with a drawing alone; its words are for those who do not see it, and for a pointer that rests on it. */
export function iconButton(label, name, run, properties = {}) {
  return el("button", { type: "button", class: "button icon-only", "aria-label": label, title: label, ...properties,
    on: { click: run } }, icon(name));
}

// --- messages -----------------------------------------------------------------------------------------------------

const TOAST_MS = 6000;

function region(id, live) {
  let found = document.getElementById(id);
  if (!found) {
    found = el("div", { id, "aria-live": live, class: id });
    document.body.append(found);
  }
  return found;
}

/** Said to those who listen, not shown. */
export function announce(text) {
  const heard = region("heard", "polite");
  heard.textContent = "";
  requestAnimationFrame(() => { heard.textContent = text; });
}

/** Shown for some seconds, and said. `kind`: "" or "problem". */
export function toast(text, kind = "") {
  const shown = el("div", { class: `toast ${kind}`.trim(), role: kind ? "alert" : "status" },
    icon(kind ? "warning" : "check"), el("span", {}, text));
  const toasts = region("toasts", "off");
  toasts.append(shown);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => shown.remove(), TOAST_MS);
}

// --- dialogs ------------------------------------------------------------------------------------------------------

/** A modal dialog; resolves with what `close(value)` is given, undefined when it is dismissed.
 *  `fill(close)` answers its content; what has the data attribute `first` gets the focus. */
export function dialog(heading, fill) {
  return new Promise((resolve) => {
    let answer;
    const close = (value) => { answer = value; frame.close(); };
    const title = el("h2", { id: "dialog-title" }, heading);
    const frame = el("dialog", { "aria-labelledby": "dialog-title", on: {
      close: () => { frame.remove(); resolve(answer); },
      click: (event) => { if (event.target === frame) frame.close(); },
    } });
    frame.append(el("div", { class: "dialog-body" },
      el("header", {}, title, iconButton("Close", "close", () => frame.close())), fill(close)));
    document.body.append(frame);
    frame.showModal();
    frame.querySelector("[data-first]")?.focus();
  });
}

/** Asks; true when it is confirmed. */
export function confirm(heading, text, label, kind = "primary") {
  return dialog(heading, (close) => el("div", {}, [text].flat().map((each) => el("p", {}, each)),
    el("footer", {}, button("Cancel", {}, () => close(false)), button(label, { kind, data: { first: "" } }, () => close(true)))));
}
