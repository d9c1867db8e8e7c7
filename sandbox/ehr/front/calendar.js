// The practitioner's own week: what is booked, their own time, and what other calendars take of it.

import { ehr } from "./api.js";
import { appointmentDialog, bookingDialog } from "./appointment.js";
import { button, el, toast } from "./dom.js";
import { Navigation } from "./navigation.js";
import { roughlyToday } from "./times.js";
import { Week } from "./week.js";

const LOOK_MS = 1500;
const STATES = {
  booked: "booked", pending: "to be confirmed", arrived: "has arrived", "checked-in": "has arrived",
  fulfilled: "done", noshow: "did not come", cancelled: "cancelled",
};
const BADGES = { noshow: "No-show", pending: "Unconfirmed", arrived: "Arrived", "checked-in": "Arrived" };

export class CalendarPage {
  constructor(app) {
    this.app = app;
    this.writes = 0; // begun and ended
    this.navigation = new Navigation({
      onChange: () => { app.tell(this.navigation.day); this.load(); }, level: "h1",
      tools: [button("New", { name: "plus", kind: "primary" }, () => this.bookNow())],
    });
    const root = el("section");
    this.week = new Week(root, {
      name: "Your week", onOpen: (id) => this.open(id), onCreate: (start, end) => this.book(start, end),
      onMove: (event, start, end) => this.change(event.id, { action: "move", start, end }), onPage: (by) => this.navigation.page(by),
    });
    this.element = el("div", { class: "calendar-page" }, this.navigation.element, root, legend());
    this.navigation.watch(root);
  }

  enter() {
    this.load();
    this.timer = setInterval(() => { if (!document.hidden) this.load(); }, LOOK_MS);
  }

  leave() {
    clearInterval(this.timer);
  }

  async load() {
    const { day, days, first } = this.navigation;
    const { writes } = this;
    const asked = day ? { from: first, days } : { from: roughlyToday(), days: 1 };
    let data;
    try {
      data = await ehr.get(`data/week?${new URLSearchParams(asked)}`);
    } catch (error) {
      if (error.status === 401) location.reload();
      return;
    }
    const today = data.now.slice(0, 10);
    if (!day) {
      this.navigation.tell(today);
      await this.load();
      return;
    }
    if (asked.from !== this.navigation.first || asked.days !== this.navigation.days) return; // somebody went on meanwhile
    if (writes !== this.writes) return; // it may be from before the write
    this.navigation.today = today;
    this.data = data;
    this.week.show({ first: asked.from, days: asked.days, now: data.now, zone: data.zone, events: data.events.map(shown) });
  }

  // --- what one does here -------------------------------------------------------------------------------------------

  async change(id, body) {
    this.writes += 1;
    try {
      await ehr.post(`data/appointments/${encodeURIComponent(id)}`, body);
    } catch (error) {
      toast(error.message, "problem");
      throw error;
    } finally {
      this.writes += 1;
    }
    await this.load();
  }

  async open(id) {
    const found = this.data.events.find((each) => each.id === id);
    const action = await appointmentDialog(found, STATES[found.status]);
    if (action) await this.change(id, action).catch(() => {});
  }

  bookNow() {
    const hour = Math.min(Number(this.data.now.slice(11, 13)) + 1, 22);
    const at = (value) => `${this.navigation.day}T${String(value).padStart(2, "0")}:00`;
    this.book(at(hour), at(hour + 1));
  }

  async book(start, end) {
    this.clients ??= await ehr.get("data/clients");
    const booking = await bookingDialog(this.clients, start, end);
    if (!booking) return;
    try {
      const { id } = await ehr.post("data/appointments", booking);
      this.week.did(id, booking.start, booking.end);
      await this.load();
    } catch (error) {
      toast(error.message, "problem");
    }
  }
}

/** An entry as the week view takes it. */
function shown(each) {
  if (each.type === "block") {
    const state = each.free ? "Free in another calendar" : "taken by another calendar, locked";
    return { ...each, kind: each.free ? "block free" : "block", icon: each.free ? null : "lock", state };
  }
  const struck = each.status === "cancelled";
  const kind = `${each.type} ${struck || each.status === "noshow" ? "over" : each.status}`;
  const detail = [each.service, each.place].filter(Boolean).join(" · ") || (each.fromGoogle ? "From Google" : "");
  return { ...each, kind, struck, detail, badge: BADGES[each.status] ?? null, state: STATES[each.status] };
}

function legend() {
  const entry = (kind, name) => el("li", {}, el("i", { class: `swatch ${kind}` }), name);
  return el("ul", { class: "legend", "aria-label": "Colours" }, entry("client", "Client"), entry("personal", "Personal"),
    entry("block", "Busy elsewhere"), entry("block free", "Free elsewhere"));
}
