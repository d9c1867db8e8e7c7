// A day or a week of events: seen, opened, moved, resized, made; by pointer, finger and keyboard. Each day is a list
// of buttons, so whoever listens to a page hears the days, how many events they have, and each event's words.

import { el, icon, announce } from "./dom.js";
import { DragState, SNAP } from "./drag.js";
import { placed } from "./lanes.js";
import {
  addDays, clock, daysBetween, dayNumber, DAY_MINUTES, hourName, longDay, minutesFrom, span, wallAt, weekday,
} from "./times.js";

const FIRST_HOUR = 6.8;
const TICK_MS = 20_000;
const OWN_MS = 4000; // what one did oneself is no news when it comes back

/** An event: `id`, `start`, `end` (wall times; of an all-day one dates, the end exclusive), `title`; and where it has
 *  them `allDay`, `detail`, `kind` (a class), `colour`, `movable`, `struck`, `badge`, `icon`, `state` (words). */
export class Week {
  /** `onMove(event, start, end)` and `onCreate(start, end)` may answer promises; `onOpen(event)`. */
  constructor(root, { name, onMove, onCreate, onOpen, onPage = () => {} }) {
    Object.assign(this, { root, name, onMove, onCreate, onOpen, onPage });
    this.shown = null;
    this.items = new Map();
    this.own = new Map();
    this.hour = FIRST_HOUR;
    this.drag = new DragState(this);
    this.build();
    setInterval(() => this.drawNow(), TICK_MS);
  }

  build() {
    this.head = el("div", { class: "week-head" });
    this.allDay = el("div", { class: "week-all-day" });
    this.columns = el("div", { class: "week-columns" });
    this.hours = el("div", { class: "week-hours", "aria-hidden": "true" },
      Array.from({ length: 24 }, (_, hour) => el("span", {}, hour ? hourName(hour) : "")));
    this.scroller = el("div", { class: "week-scroll" }, this.hours, this.columns);
    this.line = el("div", { class: "week-now", "aria-hidden": "true" });
    this.hint = el("p", { class: "heard", id: "week-hint" },
      "Arrow keys go from one to the next, Enter opens. Shift with an arrow key moves, Alt with up or down changes "
      + "the end; then Enter saves and Escape puts back. Page Up and Page Down change the week.");
    this.root.classList.add("week");
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", this.name);
    this.root.replaceChildren(this.hint, this.head, this.allDay, this.scroller);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.drag.listen();
    this.keepPlace();
  }

  // --- what is shown -------------------------------------------------------------------------------------------

  /** `first`: a date; `days`: how many; `now`: a wall time; `zone`: its name. Held back while something is dragged. */
  show(data) {
    if (this.drag.active) { this.waiting = data; return; }
    const before = this.shown;
    this.shown = data;
    this.clockAt = performance.now();
    const same = before && before.first === data.first && before.days === data.days && before.now.slice(0, 10) === data.now.slice(0, 10);
    if (!same) this.frame();
    this.news = same ? this.changes(before.events, data.events) : [];
    this.draw();
    this.drawNow();
    if (this.news.length) announce(this.news.map((each) => each.words).join(". "));
  }

  /** To where it was whenever it comes to be seen; at first to the morning. */
  keepPlace() {
    this.scroller.addEventListener("scroll", () => {
      if (this.scroller.clientHeight) this.hour = (this.scroller.scrollTop / this.scroller.scrollHeight) * 24;
    });
    let height = 0;
    new ResizeObserver(() => {
      if (!height && this.scroller.clientHeight) this.scroller.scrollTop = (this.scroller.scrollHeight / 24) * this.hour;
      height = this.scroller.clientHeight;
    }).observe(this.scroller);
  }

  changes(before, after) {
    const known = new Map(before.map((each) => [each.id, each]));
    const found = [];
    for (const event of after) {
      const old = known.get(event.id);
      known.delete(event.id);
      const moved = old && (old.start !== event.start || old.end !== event.end);
      const changed = old && (old.title !== event.title || old.struck !== event.struck);
      if ((old && !moved && !changed) || this.isOwn(event)) continue;
      found.push({ id: event.id, words: `${old ? (moved ? "Moved" : "Changed") : "New"}: ${this.words(event)}` });
    }
    for (const gone of known.values()) {
      if (!this.isOwn(gone)) found.push({ id: gone.id, words: `Gone: ${this.words(gone)}` });
    }
    return found;
  }

  /** Whether it stands where one has just put it; what is put back is news. */
  isOwn({ id, start, end }) {
    const own = this.own.get(id);
    return own && performance.now() - own.at < OWN_MS && own.start === start && own.end === end;
  }

  /** One did this oneself. */
  did(id, start, end) {
    this.own.set(id, { start, end, at: performance.now() });
  }

  now() {
    const minutes = Math.floor((performance.now() - this.clockAt) / 60_000);
    return wallAt(this.shown.now.slice(0, 10), minutesFrom(this.shown.now, this.shown.now) + minutes);
  }

  days() {
    return Array.from({ length: this.shown.days }, (_, index) => addDays(this.shown.first, index));
  }

  frame() {
    const today = this.shown.now.slice(0, 10);
    const days = this.days();
    this.root.style.setProperty("--days", String(days.length));
    this.root.classList.toggle("one-day", days.length === 1);
    this.head.replaceChildren(el("span", { class: "week-zone", title: this.shown.zone }, zoneName(this.shown.zone, this.shown.first)),
      ...days.map((day) => el("h3", { class: day === today ? "today" : "", "aria-current": day === today ? "date" : null,
        "aria-label": longDay(day) }, el("span", {}, weekday(day)), el("b", {}, dayNumber(day)))));
    this.strips = days.map((day) => el("ul", { data: { day } }));
    this.allDay.replaceChildren(el("span", { class: "week-zone" }, ""), ...this.strips);
    this.lists = days.map((day) => el("ul", { class: day === today ? "today" : "", data: { day } }));
    this.columns.replaceChildren(...this.lists);
    this.items.clear();
  }

  draw() {
    const focused = document.activeElement?.closest?.(".week-item")?.dataset;
    const timed = this.shown.events.filter((each) => !each.allDay);
    const wanted = new Set();
    this.days().forEach((day, index) => {
      for (const place of placed(day, timed)) wanted.add(this.place(day, this.lists[index], place));
      const whole = this.shown.events.filter((each) => each.allDay && each.start <= day && day < each.end);
      for (const event of whole) wanted.add(this.strip(day, this.strips[index], event));
    });
    for (const [key, item] of this.items) {
      if (!wanted.has(key)) { item.remove(); this.items.delete(key); }
    }
    this.allDay.hidden = !this.shown.events.some((each) => each.allDay);
    this.order();
    const item = focused && (this.items.get(focused.key) ?? [...this.items.values()].find((each) => each.dataset.id === focused.id));
    this.rove(item?.firstChild, { focus: Boolean(item) });
  }

  place(day, list, { event, top, bottom, lane, lanes }) {
    const item = this.item(`${event.id} ${day}`, event);
    item.style.top = `${(top / DAY_MINUTES) * 100}%`;
    item.style.height = `${((bottom - top) / DAY_MINUTES) * 100}%`;
    item.style.left = `${(lane / lanes) * 100}%`;
    item.style.width = `${100 / lanes}%`;
    item.classList.toggle("medium", bottom - top < 60);
    item.classList.toggle("short", bottom - top < 40);
    item.classList.toggle("tiny", bottom - top < 25);
    item.dataset.top = String(top);
    if (item.parentNode !== list) list.append(item);
    return item.dataset.key;
  }

  strip(day, list, event) {
    const item = this.item(`${event.id} ${day}`, event);
    item.dataset.top = "-1";
    if (item.parentNode !== list) list.append(item);
    return item.dataset.key;
  }

  /** The element of one event on one day; it stays, so that it glides where the event is moved. */
  item(key, event) {
    let item = this.items.get(key);
    if (!item) {
      item = el("li", { class: "week-item", data: { key, id: event.id } }, el("button", { type: "button" }));
      item.firstChild.addEventListener("click", () => { if (!this.drag.justEnded) this.onOpen(event.id); });
      this.items.set(key, item);
    }
    this.fill(item, event);
    if (this.news.some((each) => each.id === event.id)) {
      item.classList.remove("arrived");
      requestAnimationFrame(() => item.classList.add("arrived"));
    }
    return item;
  }

  fill(item, event) {
    const signature = JSON.stringify(event);
    if (item.dataset.drawn === signature) return;
    item.dataset.drawn = signature;
    const face = item.firstChild;
    face.className = `week-event ${event.kind ?? ""} ${event.struck ? "struck" : ""} ${event.movable ? "movable" : ""}`;
    if (event.colour) {
      face.style.setProperty("--event", event.colour);
      face.style.setProperty("--event-ink", inkOn(event.colour));
    }
    face.setAttribute("aria-label", this.words(event));
    face.setAttribute("aria-describedby", "week-hint");
    const line = el("span", { class: "week-line" }, !event.allDay && el("span", {}, clock(event.start)),
      event.badge && el("span", { class: "week-badge" }, event.badge));
    face.replaceChildren(...[
      el("span", { class: "week-title" }, event.icon && icon(event.icon), event.title),
      line,
      event.detail && el("span", { class: "week-detail" }, event.detail),
      event.movable && !event.allDay && el("span", { class: "week-handle", "aria-hidden": "true" }),
    ].filter(Boolean));
  }

  words(event) {
    const when = event.allDay ? `${longDay(event.start)}, all day` : `${longDay(event.start)}, ${span(event.start, event.end)}`;
    return [event.title, when, event.state, event.badge, event.detail].filter(Boolean).join(", ");
  }

  /** The order of the document is the order of time: keys and readers follow it. */
  order() {
    this.lists.forEach((list, index) => {
      const sorted = [...list.children].sort((a, b) => Number(a.dataset.top) - Number(b.dataset.top));
      if (sorted.some((item, at) => list.children[at] !== item)) list.append(...sorted);
      const count = sorted.length;
      const day = this.days()[index];
      list.setAttribute("aria-label", `${longDay(day)}: ${count ? `${count} event${count === 1 ? "" : "s"}` : "nothing"}`);
    });
  }

  drawNow() {
    if (!this.shown) return;
    const now = this.now();
    const list = this.lists[daysBetween(this.shown.first, now)];
    if (!list) { this.line.remove(); return; }
    this.line.style.top = `${(minutesFrom(now, now) / DAY_MINUTES) * 100}%`;
    if (this.line.parentNode !== list.parentNode) this.columns.append(this.line);
    const index = this.lists.indexOf(list);
    this.line.style.left = `${(index / this.lists.length) * 100}%`;
    this.line.style.width = `${100 / this.lists.length}%`;
  }

  event(id) {
    return this.shown.events.find((each) => each.id === id);
  }

  // --- keyboard ------------------------------------------------------------------------------------------------

  faces() {
    return [...this.root.querySelectorAll(".week-event")];
  }

  /** One event is reached by Tab; the arrows do the rest. */
  rove(face, { focus = true } = {}) {
    const faces = this.faces();
    const chosen = face && faces.includes(face) ? face : faces.find((each) => each.tabIndex === 0) ?? faces[0];
    for (const each of faces) each.tabIndex = each === chosen ? 0 : -1;
    if (focus && face) face.focus({ preventScroll: false });
  }

  key(event) {
    const face = event.target.closest?.(".week-event");
    if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      this.onPage(event.key === "PageUp" ? -1 : 1);
    } else if (face) this.keyOn(event, face);
  }

  keyOn(event, face) {
    const arrows = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const arrow = arrows[event.key];
    const found = this.event(face.parentNode.dataset.id);
    if (this.drag.active && (event.key === "Enter" || event.key === "Escape")) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Enter") this.drag.commit(); else this.drag.cancel();
    } else if (arrow && (event.shiftKey || event.altKey)) {
      event.preventDefault();
      if (found?.movable) this.drag.byKey(found, arrow, { end: event.altKey });
    } else if (arrow || event.key === "Home" || event.key === "End") {
      event.preventDefault();
      if (!this.drag.active) this.rove(this.next(face, event.key, arrow));
    }
  }

  next(face, key, arrow) {
    const list = face.closest("ul");
    const ofDay = [...list.querySelectorAll(".week-event")];
    if (key === "Home") return ofDay[0];
    if (key === "End") return ofDay.at(-1);
    const [across, down] = arrow;
    if (down) return this.faces()[this.faces().indexOf(face) + down] ?? face;
    const lists = list.parentNode === this.allDay ? this.strips : this.lists;
    const top = Number(face.parentNode.dataset.top);
    for (let at = lists.indexOf(list) + across; at >= 0 && at < lists.length; at += across) {
      const items = [...lists[at].children];
      if (items.length) return items.reduce((best, each) =>
        Math.abs(each.dataset.top - top) < Math.abs(best.dataset.top - top) ? each : best).firstChild;
    }
    return face;
  }

  // --- what a drag ends in -------------------------------------------------------------------------------------

  /** Shown at its new place at once; if it is refused the next drawing puts it back. */
  async moved(event, start, end) {
    this.did(event.id, start, end);
    this.shown = { ...this.shown, events: this.shown.events.map((each) => (each.id === event.id ? { ...each, start, end } : each)) };
    this.redraw();
    try {
      await this.onMove(event, start, end);
      announce(`${event.title} is on ${longDay(start)}, ${span(start, end)}`);
    } catch {
      this.shown = { ...this.shown, events: this.shown.events.map((each) => (each.id === event.id ? event : each)) };
      this.redraw();
    }
  }

  redraw() {
    this.news = [];
    this.draw();
  }

  create(day, from, to) {
    const length = to - from < SNAP * 2 ? 60 : to - from;
    this.onCreate(wallAt(day, from), wallAt(day, Math.min(from + length, DAY_MINUTES)));
  }
}

/** "EST": as it is called on a day. */
function zoneName(zone, day) {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "short" }).formatToParts(new Date(`${day}T12:00:00Z`));
  return parts.find((part) => part.type === "timeZoneName").value;
}

/** Black or white, whichever is read better on a colour (WCAG relative luminance). */
function inkOn(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  return luminance > 0.18 ? "#1d1d1d" : "#ffffff";
}
