// How the sync behaves: its direction, what events say of clients, and the rest. Every choice is kept at once.

import { button, dialog, el, icon, toast } from "./dom.js";
import { LABELS, MODES } from "./words.js";

const CHOICES = [
  { field: "google_edits", on: "accept", off: "revert", name: "What I do in Google may reschedule and cancel",
    text: "A client appointment that is moved or deleted there is moved or cancelled here, if no note or invoice hangs on it. Otherwise it is put back." },
  { field: "external_titles", on: "show", off: "hide", name: "Show the titles of my other calendars here",
    text: "Otherwise they say “Busy”. Private events always do." },
  { field: "free_events", on: "show", off: "hide", name: "Show events that do not take my time",
    text: "As “Free”; they never block." },
  { field: "personal_text", on: "title", off: "Busy", name: "Titles of my personal time in Google",
    text: "Otherwise it says “Busy” there." },
  { field: "cancelled_events", on: "mark", off: "remove", name: "Keep cancelled appointments in Google",
    text: "As “Cancelled”, Free and without the label." },
  { field: "telehealth_link", on: true, off: false, name: "Video link in events", text: "Whoever has the link can join." },
  { field: "service_line", on: true, off: false, name: "Kind of appointment in events", text: "A line such as “Follow-up”." },
];
const ACKNOWLEDGE = "This account belongs to no organization: nobody but Google and you protects what is in it. Clients’ full names would be visible on every device and to everybody the calendar is shared with.";

export class Preferences {
  constructor(app) {
    this.app = app;
    this.problem = null;
    this.labels = el("section", { class: "card", "aria-labelledby": "labels-title" });
    this.more = el("section", { class: "card", "aria-labelledby": "more-title" });
    this.element = el("div", { class: "column", hidden: true }, this.labels, this.more);
  }

  /** `settings`: as the sync has them; null hides them. */
  show(settings) {
    this.element.hidden = !settings;
    const drawn = JSON.stringify([settings, this.problem]);
    if (!settings || this.drawn === drawn) return;
    this.drawn = drawn;
    this.settings = settings;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.id : "";
    this.labels.replaceChildren(...this.drawLabels());
    this.more.replaceChildren(...this.drawMore());
    if (focused) document.getElementById(focused)?.focus();
  }

  // --- direction and labels -----------------------------------------------------------------------------------------

  drawLabels() {
    const now = LABELS.find((each) => each.value === this.settings.client_label);
    return [
      el("h2", { id: "labels-title" }, "What an event says of your client"),
      el("p", { class: "soft" }, "This, and nothing else of a client, leaves the practice. Changing it rewrites the events that are there."),
      el("div", { class: "labels", role: "radiogroup", "aria-labelledby": "labels-title" }, LABELS.map((each) => this.label(each))),
      this.problem && el("p", { class: "note bad", role: "alert" }, icon("warning"), this.problem),
      now?.phi && el("p", { class: "note warn" }, icon("warning"),
        el("span", {}, el("b", {}, "Health information. "), "That somebody is your client is protected. Whoever can open this Google calendar, on any device, will see it.")),
    ].filter(Boolean);
  }

  label({ value, name, example, text, phi }) {
    const input = el("input", { type: "radio", name: "client_label", id: `label-${value}`, checked: this.settings.client_label === value,
      on: { change: () => this.chooseLabel(value) } });
    return el("label", { class: "label", for: input.id }, input, el("span", {}, el("b", {}, name),
      el("span", { class: "example" }, example), el("span", { class: "small soft" }, text)), phi && el("span", { class: "phi", title: "Protected health information" }, "PHI"));
  }

  async chooseLabel(value) {
    this.problem = null;
    try {
      await this.save({ client_label: value });
    } catch (error) {
      if (error.code === "full_name_unacknowledged") await this.acknowledge();
      else this.problem = error.message;
      this.redraw();
    }
  }

  async acknowledge() {
    const tick = el("input", { type: "checkbox", id: "acknowledge" });
    const confirmed = button("Use full names", { kind: "primary", disabled: true });
    tick.addEventListener("change", () => { confirmed.disabled = !tick.checked; });
    const sure = await dialog("Full names in this account?", (close) => {
      confirmed.addEventListener("click", () => close(true));
      return el("div", {}, el("p", { class: "note warn" }, icon("warning"), ACKNOWLEDGE),
        el("label", { class: "tick", for: "acknowledge" }, tick, "I may put my clients’ full names there, and I want to."),
        el("footer", {}, button("Cancel", {}, () => close(false)), confirmed));
    });
    if (sure) await this.save({ client_label: "full_name", full_name_acknowledged: true }).catch((error) => { this.problem = error.message; });
  }

  // --- everything else ----------------------------------------------------------------------------------------------

  drawMore() {
    return [
      el("h2", { id: "more-title" }, "How it behaves"),
      el("div", { class: "modes", role: "radiogroup", "aria-label": "Direction" }, MODES.map((each) => this.mode(each))),
      el("div", { class: "choices" }, CHOICES.map((each) => this.choice(each))),
      el("div", { class: "row" }, this.number("horizon_days", "Days ahead", 730), this.date(), this.zone()),
      "review_threshold" in this.settings && el("div", { class: "row" },
        this.number("review_threshold", "Ask me from so many deletions", 100), this.number("review_window_minutes", "within minutes", 1440)),
    ].filter(Boolean);
  }

  mode({ value, name, text }) {
    const input = el("input", { type: "radio", name: "mode", id: `mode-${value}`, checked: this.settings.mode === value,
      on: { change: () => this.keep({ mode: value }) } });
    return el("label", { class: "label", for: input.id }, input, el("span", {}, el("b", {}, name), el("span", { class: "small soft" }, text)));
  }

  choice({ field, on, off, name, text }) {
    const box = el("input", { type: "checkbox", role: "switch", class: "switch", id: `choice-${field}`, checked: this.settings[field] === on,
      "aria-describedby": `about-${field}`, on: { change: () => this.keep({ [field]: box.checked ? on : off }) } });
    return el("div", { class: "choice" }, el("div", {}, el("label", { for: box.id }, name), el("p", { class: "small soft", id: `about-${field}` }, text)), box);
  }

  number(field, name, max) {
    const input = el("input", { type: "number", id: `number-${field}`, min: 1, max, value: this.settings[field],
      on: { change: () => this.keep({ [field]: Number(input.value) }) } });
    return el("div", { class: "field" }, el("label", { for: input.id }, name), input);
  }

  date() {
    const input = el("input", { type: "date", id: "start-from", value: this.settings.start_from,
      on: { change: () => input.value && this.keep({ start_from: input.value }) } });
    return el("div", { class: "field" }, el("label", { for: input.id }, "From"), input);
  }

  zone() {
    const zones = Intl.supportedValuesOf("timeZone");
    const input = el("select", { id: "zone", on: { change: () => this.keep({ time_zone: input.value }) } },
      [...new Set([this.settings.time_zone, ...zones])].map((each) => el("option", { value: each }, each.replaceAll("_", " "))));
    input.value = this.settings.time_zone;
    return el("div", { class: "field" }, el("label", { for: input.id }, "Time zone"), input);
  }

  // --- keeping ------------------------------------------------------------------------------------------------------

  async keep(changes) {
    await this.save(changes).catch((error) => {
      toast(error.message, "problem");
      this.redraw();
    });
  }

  async save(changes) {
    this.problem = null;
    const settings = await this.app.sync.patch("/settings", changes);
    toast("Kept.");
    this.show(settings);
    await this.app.state.look();
  }

  /** As it is kept, whatever was pressed. */
  redraw() {
    this.drawn = "";
    this.show(this.settings);
  }
}
