// The sandbox Google's own week: every calendar of one account, to be changed as its owner would.

import { button, confirm, dialog, el, toast } from "./dom.js";
import { Navigation } from "./navigation.js";
import { longDay, roughlyToday, span } from "./times.js";
import { Week } from "./week.js";

const LOOK_MS = 1500;
const account = new URLSearchParams(location.search).get("account");

async function ask(path, body) {
  const answer = await fetch(path, body && { method: "POST", body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? "That did not work.");
  return said;
}

// --- which account ------------------------------------------------------------------------------------------------

async function choose() {
  const accounts = await ask("data/accounts");
  document.body.append(el("main", { class: "chooser" },
    el("h1", {}, "Choose an account"),
    accounts.length ? el("ul", {}, accounts.map((each) => el("li", {},
      el("a", { href: `?account=${encodeURIComponent(each.email)}` }, el("b", {}, each.name), el("span", { class: "soft small" }, each.email)))))
      : el("p", { class: "soft" }, "There are no accounts yet.")));
}

// --- its week -----------------------------------------------------------------------------------------------------

class Page {
  constructor() {
    this.hidden = new Set();
    this.last = "";
    this.writes = 0; // begun and ended
    this.navigation = new Navigation({ onChange: () => this.load(), tools: [button("Create", { name: "plus", kind: "primary" }, () => this.createNow())] });
    this.boxes = el("div", { class: "calendars", role: "group", "aria-label": "Calendars" });
    this.root = el("section");
    this.week = new Week(this.root, {
      name: "Calendar", onOpen: (id) => this.open(id), onCreate: (start, end) => this.edit(null, start, end),
      onMove: (event, start, end) => this.move(event, start, end), onPage: (by) => this.navigation.page(by),
    });
    document.body.append(el("div", { class: "app" },
      el("header", {}, el("img", { src: "static/google.svg", alt: "" }),
        el("span", { class: "brand" }, "Calendar ", el("small", {}, "Sandbox Google")), el("span", { class: "account" }, account)),
      this.navigation.element, this.boxes, this.root));
    this.navigation.watch(this.root);
  }

  async run() {
    await this.load();
    window.addEventListener("message", ({ source, data }) => { // the page that shows this one beside its own
      if (source === window.parent && /^\d{4}-\d\d-\d\d$/.test(data?.day)) this.navigation.set({ day: data.day });
    });
    setInterval(() => { if (!document.hidden) this.load().catch(() => {}); }, LOOK_MS);
  }

  async load() {
    const { first, days, day } = this.navigation;
    const { writes } = this;
    const query = new URLSearchParams({ account, from: day ? first : roughlyToday(), days: day ? days : 1 });
    const data = await ask(`data/week?${query}`);
    this.data ??= data;
    if (!day) { this.navigation.tell(data.now.slice(0, 10)); return this.load(); }
    if (query.get("from") !== this.navigation.first || Number(query.get("days")) !== this.navigation.days) return undefined;
    if (writes !== this.writes) return undefined; // it may be from before the write
    this.data = data;
    this.navigation.today = data.now.slice(0, 10);
    this.show({ from: first, days });
    return undefined;
  }

  show({ from, days } = { from: this.navigation.first, days: this.navigation.days }) {
    const { calendars, events, now, zone } = this.data;
    this.drawBoxes(calendars);
    const of = new Map(calendars.map((each) => [each.id, each]));
    this.week.show({ first: from, days, now, zone, events: events.filter((each) => !this.hidden.has(each.calendar)).map((each) => {
      const calendar = of.get(each.calendar);
      return { ...each, id: `${each.calendar} ${each.id}`, event: each.id, colour: calendar.colour, movable: calendar.writable,
        kind: each.free ? "free" : "", detail: each.place, state: [calendar.name, each.free && "free"].filter(Boolean).join(", ") };
    }) });
  }

  drawBoxes(calendars) {
    const drawn = JSON.stringify(calendars);
    if (this.last === drawn) return;
    this.last = drawn;
    this.boxes.replaceChildren(...calendars.map((each) => {
      const box = el("input", { type: "checkbox", checked: !this.hidden.has(each.id), on: { change: () => {
        if (box.checked) this.hidden.delete(each.id); else this.hidden.add(each.id);
        this.show();
      } } });
      box.style.setProperty("--calendar", each.colour);
      return el("label", {}, box, el("span", {}, each.name));
    }));
  }

  // --- what its owner does ----------------------------------------------------------------------------------------

  async act(action, details) {
    this.writes += 1;
    try {
      await ask("/control/user", { sub: this.data.sub, action, ...details });
    } catch (error) {
      toast(error.message, "problem");
      throw error;
    } finally {
      this.writes += 1;
    }
    await this.load();
  }

  times(start, end, allDay) {
    const time = (wall) => (allDay ? { date: wall.slice(0, 10) } : { dateTime: `${wall}:00`, timeZone: this.data.zone });
    return { start: time(start), end: time(end) };
  }

  move(event, start, end) {
    return this.act("move", { calendar: event.calendar, event: event.event, ...this.times(start, end, event.allDay) });
  }

  createNow() {
    const start = `${this.navigation.day}T${this.data.now.slice(11, 13)}:00`;
    const hour = String(Math.min(23, Number(start.slice(11, 13)) + 1)).padStart(2, "0");
    this.edit(null, start, `${this.navigation.day}T${hour}:${hour === "23" ? "59" : "00"}`);
  }

  async open(id) {
    const event = this.week.event(id);
    const calendar = this.data.calendars.find((each) => each.id === event.calendar);
    const when = event.allDay ? `${longDay(event.start)}, all day` : `${longDay(event.start)}, ${span(event.start, event.end)}`;
    const what = await dialog(event.title, (close) => el("div", {},
      el("p", {}, when), event.place && el("p", {}, event.place),
      el("p", { class: "soft" }, calendar.name, event.free && " · Free", event.series && " · one of a series"),
      calendar.writable && el("footer", {}, button("Delete", { kind: "danger" }, () => close("delete")),
        button("Edit", { kind: "primary", data: { first: "" } }, () => close("edit")))));
    if (what === "edit") await this.edit(event, event.start, event.end);
    if (what === "delete" && await confirm(`Delete “${event.title}”?`, "It goes to the Bin.", "Delete", "danger")) {
      await this.act("delete", { calendar: event.calendar, event: event.event }).catch(() => {});
    }
  }

  async edit(event, start, end) {
    const writable = this.data.calendars.filter((each) => each.writable);
    const field = (label, input) => el("div", { class: "field" }, el("label", { for: input.id }, label), input);
    const title = el("input", { id: "title", value: event?.title ?? "", placeholder: "Add title", data: { first: "" }, maxLength: 500 });
    const from = el("input", { id: "from", type: "datetime-local", value: start, required: true });
    const to = el("input", { id: "to", type: "datetime-local", value: end, required: true });
    const into = el("select", { id: "into" }, writable.map((each) => el("option", { value: each.id }, each.name)));
    into.value = event?.calendar ?? writable.find((each) => each.primary)?.id ?? writable[0]?.id;
    const saved = await dialog(event ? "Edit event" : "New event", (close) => el("form", { on: { submit: (submitted) => {
      submitted.preventDefault();
      close(true);
    } } }, field("Title", title), !event?.allDay && el("div", { class: "row" }, field("From", from), field("To", to)),
    !event && field("Calendar", into),
    el("footer", {}, button("Cancel", {}, () => close(false)), button("Save", { kind: "primary", type: "submit" }))));
    if (!saved) return;
    const summary = title.value.trim();
    try {
      if (!event) await this.act("create", { calendar: into.value, body: { summary, ...this.times(from.value, to.value) } });
      else await this.change(event, summary, from.value, to.value);
    } catch { /* it was said */ }
  }

  async change(event, summary, start, end) {
    if (summary !== event.title) await this.act("edit", { calendar: event.calendar, event: event.event, body: { summary } });
    if (!event.allDay && (start !== event.start || end !== event.end)) await this.move(event, start, end);
  }
}

if (account) new Page().run().catch((error) => toast(error.message, "problem"));
else choose();
