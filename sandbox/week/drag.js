// Moving, resizing and making an event: with a pointer, with a finger that rests first, or with the keyboard.

import { el, announce } from "./dom.js";
import { addDays, clock, DAY_MINUTES, longDay, minutesFrom, span, wallAt } from "./times.js";

export const SNAP = 15;
const FAR_ENOUGH = 4; // pixels; less is a click
const REST_MS = 350; // a finger that rests so long drags, one that moves before scrolls
const EDGE = 36;
const STEP = 12;

const snapped = (minutes) => Math.round(minutes / SNAP) * SNAP;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

export class DragState {
  constructor(week) {
    this.week = week;
    this.what = null; // { kind: "move" | "end" | "create", event, day, from, to, … } once it is more than a press
    this.press = null;
    this.justEnded = false;
    this.ghost = el("div", { class: "week-ghost", "aria-hidden": "true" }, el("span", {}));
  }

  get active() {
    return this.what !== null;
  }

  listen() {
    const { columns, root } = this.week;
    columns.addEventListener("pointerdown", (event) => this.down(event));
    root.addEventListener("touchmove", (event) => { if (this.active) event.preventDefault(); }, { passive: false });
    window.addEventListener("pointermove", (event) => this.move(event));
    window.addEventListener("pointerup", (event) => this.up(event));
    window.addEventListener("pointercancel", () => this.cancel());
    window.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && (this.active || this.press)) this.cancel();
    });
  }

  // --- pointers and fingers ------------------------------------------------------------------------------------

  down(pointer) {
    if (pointer.button !== 0 || this.active) return;
    const item = pointer.target.closest(".week-item");
    const list = pointer.target.closest("ul");
    if (!list) return;
    const event = item && this.week.event(item.dataset.id);
    if (item && !event?.movable) return;
    const onHandle = Boolean(pointer.target.closest(".week-handle"));
    this.press = { x: pointer.clientX, y: pointer.clientY, event, list, onHandle, touch: pointer.pointerType === "touch" };
    if (!this.press.touch) pointer.preventDefault();
    else if (event) this.press.timer = setTimeout(() => this.begin(), REST_MS);
    if (item) this.week.rove(item.firstChild);
  }

  begin() {
    const { event, list, onHandle, x, y } = this.press;
    const at = this.at(x, y);
    if (!event) {
      const from = within(Math.floor(at.minutes / SNAP) * SNAP, 0, DAY_MINUTES - SNAP);
      this.what = { kind: "create", day: list.dataset.day, anchor: from, from, to: from + SNAP };
    } else {
      const day = event.start.slice(0, 10);
      const from = minutesFrom(day, event.start);
      const to = minutesFrom(day, event.end);
      const grip = at.minutes - minutesFrom(at.day, event.start);
      this.what = { kind: onHandle ? "end" : "move", event, day, from, to, grip, length: to - from };
      this.mark(true);
    }
    this.draw();
  }

  move(pointer) {
    if (!this.press) return;
    const far = Math.hypot(pointer.clientX - this.press.x, pointer.clientY - this.press.y) > FAR_ENOUGH;
    if (!this.active && far && this.press.touch) { this.forget(); return; }
    if (!this.active && far) this.begin();
    if (!this.active) return;
    this.follow(this.at(pointer.clientX, pointer.clientY));
    this.scroll(pointer.clientY);
    this.draw();
  }

  follow({ day, minutes }) {
    const what = this.what;
    if (what.kind === "create") {
      const other = within(snapped(minutes), 0, DAY_MINUTES);
      [what.from, what.to] = other > what.anchor ? [what.anchor, Math.max(other, what.anchor + SNAP)] : [other, what.anchor + SNAP];
    } else if (what.kind === "move") {
      what.day = day;
      what.from = within(snapped(minutes - what.grip), 0, DAY_MINUTES - SNAP);
      what.to = what.from + what.length;
    } else {
      const beyond = minutesFrom(what.day, `${day}T00:00`);
      what.to = Math.max(what.from + SNAP, snapped(beyond + minutes));
    }
  }

  up(pointer) {
    const press = this.press;
    if (!press) return;
    const wasActive = this.active;
    if (wasActive) this.commit();
    else if (!press.event) {
      const { minutes } = this.at(pointer.clientX, pointer.clientY);
      const from = within(Math.floor(minutes / 30) * 30, 0, DAY_MINUTES - 30);
      this.forget();
      this.week.create(press.list.dataset.day, from, from);
    }
    this.forget();
    if (wasActive) {
      this.justEnded = true; // the click that follows opens nothing
      setTimeout(() => { this.justEnded = false; }, 0);
    }
  }

  /** The day and the minute under a point, inside the columns. */
  at(x, y) {
    const { lists, columns } = this.week;
    const box = columns.getBoundingClientRect();
    const index = within(Math.floor(((x - box.left) / box.width) * lists.length), 0, lists.length - 1);
    return { day: lists[index].dataset.day, minutes: ((y - box.top) / box.height) * DAY_MINUTES };
  }

  scroll(y) {
    const { scroller } = this.week;
    const box = scroller.getBoundingClientRect();
    if (y < box.top + EDGE) scroller.scrollTop -= STEP;
    if (y > box.bottom - EDGE) scroller.scrollTop += STEP;
  }

  // --- keyboard ------------------------------------------------------------------------------------------------

  /** `arrow`: days across and steps down; `end`: only the end goes. */
  byKey(event, [across, down], { end }) {
    if (!this.active) {
      const day = event.start.slice(0, 10);
      const from = minutesFrom(day, event.start);
      this.what = { kind: "move", event, day, from, to: minutesFrom(day, event.end), byKey: true };
      this.mark(true);
    }
    const what = this.what;
    if (end) what.to = Math.max(what.from + SNAP, what.to + down * SNAP);
    else {
      const [first, last] = [this.week.days()[0], this.week.days().at(-1)];
      const day = addDays(what.day, across);
      what.day = day < first ? first : day > last ? last : day;
      const by = within(what.from + down * SNAP, 0, DAY_MINUTES - SNAP) - what.from;
      what.from += by;
      what.to += by;
    }
    this.draw();
    announce(`${longDay(what.day)}, ${span(...this.times())}. Enter saves, Escape puts it back.`);
  }

  // --- the end -------------------------------------------------------------------------------------------------

  times() {
    const { day, from, to } = this.what;
    return [wallAt(day, from), wallAt(day, to)];
  }

  commit() {
    const { kind, event, day, from, to } = this.what;
    const [start, end] = this.times();
    this.end();
    if (kind === "create") this.week.create(day, from, to);
    else if (start !== event.start || end !== event.end) this.week.moved(event, start, end);
  }

  cancel() {
    if (this.active && this.what.byKey) announce("Put back.");
    this.forget();
    if (this.active) this.end();
  }

  forget() {
    clearTimeout(this.press?.timer);
    this.press = null;
  }

  end() {
    this.mark(false);
    this.what = null;
    this.ghost.remove();
    const { waiting } = this.week;
    this.week.waiting = null;
    if (waiting) this.week.show(waiting);
  }

  mark(on) {
    for (const item of this.week.items.values()) {
      item.classList.toggle("dragged", on && item.dataset.id === this.what?.event?.id);
    }
  }

  draw() {
    const { day, from, to, event } = this.what;
    const list = this.week.lists.find((each) => each.dataset.day === day);
    if (!list) return;
    const [start, end] = this.times();
    this.ghost.style.top = `${(from / DAY_MINUTES) * 100}%`;
    this.ghost.style.height = `${((Math.min(to, DAY_MINUTES) - from) / DAY_MINUTES) * 100}%`;
    const at = this.week.lists.indexOf(list) / this.week.lists.length;
    this.ghost.style.left = `${at * 100}%`;
    this.ghost.style.width = `${100 / this.week.lists.length}%`;
    this.ghost.firstChild.textContent = `${clock(start)} – ${clock(end)}${event ? `\n${event.title}` : ""}`;
    if (!this.ghost.isConnected) this.week.columns.append(this.ghost);
  }
}
