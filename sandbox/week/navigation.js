// The bar above a week view: previous, next, today, day or week; and how much of it a screen has room for.

import { button, el, iconButton } from "./dom.js";
import { addDays, longDay, monday, monthName, shortDay } from "./times.js";

const WEEK_WIDTH = 600; // of the view, in pixels; on less of it one day is shown

export class Navigation {
  /** `onChange()` after `first` or `days` are others. `tools`: elements beside the buttons. */
  constructor({ onChange, tools = [], level = "h1" }) {
    Object.assign(this, { onChange, day: null, today: null, wanted: 7, width: WEEK_WIDTH });
    this.title = el(level, { "aria-live": "polite" });
    this.views = ["Day", "Week"].map((name) => el("button", {
      type: "button", "aria-pressed": "false", on: { click: () => this.set({ wanted: name === "Day" ? 1 : 7 }) },
    }, name));
    this.segments = el("div", { class: "segments", role: "group", "aria-label": "View" }, this.views);
    this.element = el("div", { class: "week-bar" },
      el("div", { class: "steps" },
        iconButton("Previous", "left", () => this.page(-1)),
        iconButton("Next", "right", () => this.page(1)),
        button("Today", { kind: "quiet" }, () => this.set({ day: this.today }))),
      this.title, this.segments, tools);
  }

  get days() {
    return this.width < WEEK_WIDTH ? 1 : this.wanted;
  }

  /** Of what is shown; null before anything is. */
  get first() {
    if (!this.day) return null;
    return this.days === 1 ? this.day : monday(this.day);
  }

  /** What the server says the day is; the first time it is also the day that is shown. */
  tell(today) {
    this.today = today;
    this.day ??= today;
    this.draw();
  }

  page(by) {
    this.set({ day: addDays(this.day, by * this.days) });
  }

  set(changes) {
    Object.assign(this, changes);
    this.draw();
    this.onChange();
  }

  /** Follows the width of an element. */
  watch(element) {
    new ResizeObserver(([entry]) => {
      const before = this.days;
      this.width = entry.contentRect.width;
      this.segments.hidden = this.width < WEEK_WIDTH;
      if (this.day && this.days !== before) this.set({});
    }).observe(element);
  }

  draw() {
    if (!this.day) return;
    this.title.textContent = this.days === 1 ? (this.width < WEEK_WIDTH ? shortDay : longDay)(this.day) : monthName(this.first, addDays(this.first, 6));
    this.views.forEach((each, index) => each.setAttribute("aria-pressed", String((index === 0) === (this.days === 1))));
  }
}
