// The Sync Calendar page: what it is at in words, how to begin, how it behaves, and how it ends.

import { Activity } from "./activity.js";
import { OtherCalendars } from "./calendars.js";
import { button, dialog, el, icon, toast } from "./dom.js";
import { Leftovers } from "./leftovers.js";
import { Preferences } from "./preferences.js";
import { ago, roughlyToday, until } from "./times.js";
import { Availability, FeedLink } from "./tools.js";
import { count, plain, STATUS } from "./words.js";

const RUNNING = new Set(["syncing", "in_sync", "failing", "calendar_missing"]);
const UNCONNECTED = new Set(["not_connected", "disconnected"]);
const OUTSIDE = new Set([...UNCONNECTED, "reconnect_needed", "unreachable", "stopping", "removing"]);

export class SyncPage {
  constructor(app) {
    this.app = app;
    this.sync = app.sync;
    this.status = el("section", { class: "card status", "aria-labelledby": "status-title" });
    this.setUp = el("section", { class: "card", "aria-labelledby": "set-up-title" });
    this.preferences = new Preferences(app);
    this.calendars = new OtherCalendars(app);
    this.activity = new Activity(app);
    this.tools = [new Availability(app), new FeedLink(app), new Leftovers(app)];
    this.element = el("div", { class: "sync-page" }, el("div", { class: "column" },
      el("h1", {}, "Sync Calendar"), this.status, this.setUp, this.calendars.element, this.preferences.element, this.activity.element, this.tools.map((each) => each.element)));
    app.state.follow((state) => this.show(state));
    if (!this.sync.base) this.show({ status: "unreachable" });
  }

  enter() {
    this.shown = true;
    if (this.sync.base) this.app.state.look();
    this.calendars.enter();
    this.activity.enter();
  }

  leave() {
    this.shown = false;
    this.calendars.leave();
    this.activity.leave();
  }

  // --- drawing ------------------------------------------------------------------------------------------------------

  show(state) {
    this.state = state;
    this.drawStatus(state);
    this.drawSetUp(state);
    this.preferences.show(OUTSIDE.has(state.status) ? null : state.settings);
    this.calendars.show(state);
    this.activity.show(state);
    for (const each of this.tools) each.show(state);
  }

  drawStatus(state) {
    const lines = this.lines(state);
    const drawn = JSON.stringify([state.status, state.calendar?.progress, state.set_aside, state.problems, state.receipt, lines]);
    if (this.drawnStatus === drawn) return;
    const finished = this.wasSyncing && state.status === "in_sync";
    this.wasSyncing = state.status === "syncing";
    this.drawnStatus = drawn;
    const words = STATUS[state.status] ?? { tone: "off", title: plain(state.status), text: "" };
    if (finished) this.finished = true;
    if (state.status !== "in_sync") this.finished = false;
    const focused = document.activeElement?.closest?.(".status") && document.activeElement.textContent;
    this.status.replaceChildren(
      el("header", {}, el("span", { class: `dot large ${words.tone}`, "aria-hidden": "true" }),
        el("div", {}, el("div", { role: "status" }, el("h2", { id: "status-title" }, words.title)), el("p", { class: "soft" }, words.text))),
      this.progress(state) ?? "", el("dl", { class: "facts" }, lines.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
      this.receipt(state) ?? "", ...this.troubles(state), this.actions(state));
    if (focused) [...this.status.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
  }

  progress(state) {
    const progress = state.calendar?.progress;
    if (state.status === "syncing") {
      const { done, total } = progress ?? { done: 0, total: 0 };
      return el("div", { class: "progress" },
        el("progress", { "aria-label": "Progress", ...(total ? { max: total, value: done } : {}) }),
        el("p", { class: "small soft" }, total ? `${done} of ${total} settled` : "Reading both calendars"));
    }
    if (this.finished && progress) {
      return el("div", { class: "finished" }, icon("check"),
        el("p", {}, `${count(progress.total, "item")} settled. You can close this page; it goes on by itself.`));
    }
    return null;
  }

  lines(state) {
    const calendar = state.calendar;
    if (UNCONNECTED.has(state.status) || state.status === "unreachable") return [];
    return [
      ["Google account", state.google_email],
      ["Calendar", state.status === "connected" ? "" : calendar?.name],
      ["Last full reading", calendar?.last_full_read && ago(calendar.last_full_read)],
      ["Next look", state.next_look_by && until(state.next_look_by)],
      ["Changes in Google", RUNNING.has(state.status) && calendar ? (calendar.push.live ? "told at once" : "found by looking") : ""],
      ["Waiting", state.pending ? count(state.pending, "item") : ""],
    ].filter(([, value]) => value);
  }

  /** What became of everything, after the end. */
  receipt({ receipt }) {
    if (!receipt) return null;
    const tally = (name, { total, removed, kept, refused }) => total > 0 && el("li", {}, icon("check"),
      el("span", {}, `${name}: ${removed} removed, ${kept} kept${refused ? `, ${refused} refused` : ""}, of ${total}.`));
    return el("ul", { class: "promises" }, tally("Events in Google", receipt.events), tally("Blocks here", receipt.blocks));
  }

  troubles(state) {
    if (state.problems) {
      return state.problems.map((each) => el("p", { class: "note warn" }, icon("warning"), each.sentence));
    }
    const found = (state.set_aside ?? []).map((each) =>
      el("p", { class: "note warn" }, icon("warning"), `${count(each.count, "item")} set aside: ${plain(each.reason)}. It is tried again daily.`));
    const problem = state.calendar?.problem;
    if (problem && RUNNING.has(state.status)) found.unshift(el("p", { class: "note bad" }, icon("warning"), `Why: ${plain(problem)}.`));
    return found;
  }

  actions(state) {
    const offered = [];
    if (RUNNING.has(state.status)) {
      offered.push(button("Check now", { name: "sync" }, () => this.checkNow()), button("Pause", { name: "pause" }, () => this.do("/pause")));
    }
    if (state.status === "paused") offered.push(button("Resume", { name: "play", kind: "primary" }, () => this.do("/resume")));
    if (state.status === "calendar_missing" && this.sync.has("POST /repair")) {
      offered.unshift(button("Make it again", { name: "undo", kind: "primary" }, () => this.do("/repair")));
    }
    if (RUNNING.has(state.status) && this.sync.has("POST /start-over")) offered.push(button("Start over", {}, () => this.startOver()));
    if (state.status === "stopping") offered.push(button("Finish stopping", {}, () => this.do("/pause")));
    if (!UNCONNECTED.has(state.status) && !["unreachable", "stopping"].includes(state.status)) {
      offered.push(button("Disconnect", { kind: "danger" }, () => this.disconnect()));
    }
    return offered.length ? el("footer", {}, offered) : "";
  }

  // --- how it begins ------------------------------------------------------------------------------------------------

  drawSetUp(state) {
    const what = UNCONNECTED.has(state.status) ? "connect" : { reconnect_needed: "reconnect", connected: "start" }[state.status];
    this.setUp.hidden = !what;
    if (this.drawnSetUp === what) return;
    this.drawnSetUp = what;
    if (what === "start") this.setUp.replaceChildren(...this.starting(state));
    else if (what) this.setUp.replaceChildren(...this.connecting(what === "reconnect"));
  }

  connecting(again) {
    const promise = (text) => el("li", {}, icon("check"), el("span", {}, text));
    return [
      el("h2", { id: "set-up-title" }, again ? "Connect again" : "Your appointments in Google Calendar"),
      el("ul", { class: "promises" },
        promise("A calendar of its own in your Google account, kept in agreement with this one."),
        promise("Of a client nothing but the label you choose leaves the practice."),
        promise("Your other calendars can take your time here. They are only read."),
        promise("You can pause or disconnect at any time.")),
      el("footer", {}, button("Connect with Google", { kind: "primary", name: "link" }, (event) => this.connect(event.currentTarget))),
    ];
  }

  starting(state) {
    const name = el("input", { id: "calendar-name", value: state.settings.calendar_name, maxLength: 200, required: true });
    return [
      el("h2", { id: "set-up-title" }, "Start the sync"),
      el("p", { class: "soft" }, "Connected with ", el("b", {}, state.google_email), ". A new calendar is made there; nothing is written to any other."),
      el("form", { on: { submit: (event) => { event.preventDefault(); this.start(name.value, event.submitter); } } },
        el("div", { class: "field" }, el("label", { for: "calendar-name" }, "Calendar name"), name),
        el("p", { class: "small soft" }, "Choose below what its events say of your clients, before you start."),
        el("footer", {}, button("Start Sync", { kind: "primary", name: "play", type: "submit" }), this.preview("start") ?? "")),
    ];
  }

  /** A button that says what would be written, and nothing is. */
  preview(what) {
    if (!this.sync.has("POST /preview")) return null;
    const said = el("span", { class: "small soft", role: "status" });
    return [button("What would happen?", { kind: "quiet" }, async ({ currentTarget }) => {
      currentTarget.disabled = true;
      said.textContent = "Reading both sides …";
      said.textContent = await this.planned(what);
    }), said];
  }

  async planned(what) {
    try {
      const { google, ehr, complete } = await this.sync.post("/preview", { of: what });
      const words = ({ created, updated, deleted }) => `${created} made, ${updated} changed, ${deleted} removed`;
      return `In Google: ${words(google)}. Here: ${words(ehr)}.${complete ? "" : " And more."}`;
    } catch (error) {
      return error.message;
    }
  }

  async connect(pressed) {
    pressed.disabled = true;
    try {
      location.assign((await this.sync.post("/connect")).url);
    } catch (error) {
      pressed.disabled = false;
      toast(error.message, "problem");
    }
  }

  async start(name, pressed) {
    pressed.disabled = true;
    await this.do("/start", { calendar_name: name });
    pressed.disabled = false;
  }

  // --- what goes on -------------------------------------------------------------------------------------------------

  async do(path, body) {
    try {
      this.app.state.set(await this.sync.post(path, body));
      await this.app.state.look();
    } catch (error) {
      toast(error.message, "problem");
      await this.app.state.look();
    }
  }

  async checkNow() {
    try {
      await this.sync.post("/check-now");
      toast("Both calendars are being looked at.");
    } catch (error) {
      toast(error.message, "problem");
    }
  }

  async startOver() {
    const from = el("input", { type: "date", id: "over-from", value: roughlyToday(), max: roughlyToday(), required: true });
    const day = await dialog("Start over?", (close) => el("form", { on: { submit: (event) => { event.preventDefault(); close(from.value); } } },
      el("p", {}, "Everything is read and matched anew. Nothing comes twice; a deletion in Google that nobody has read yet is undone."),
      el("div", { class: "field" }, el("label", { for: from.id }, "From"), from),
      el("footer", {}, button("Cancel", {}, () => close()), button("Start over", { kind: "primary", type: "submit" }))));
    if (day) await this.do("/start-over", { start_from: day, confirm: "start_over" });
  }

  async disconnect() {
    const remove = el("input", { type: "radio", name: "events", id: "events-remove" });
    const keep = el("input", { type: "radio", name: "events", id: "events-keep", checked: true });
    const choice = (input, name, text) => el("label", { class: "label", for: input.id }, input,
      el("span", {}, el("b", {}, name), el("span", { class: "small soft" }, text)));
    const sure = await dialog("Disconnect from Google?", (close) => el("div", {},
      el("p", {}, "Nothing is kept in agreement any more. Connecting the same account again finds its calendar."),
      this.sync.has("POST /start-over") && [choice(keep, "Keep the events", "They stay in Google Calendar as they are."),
        choice(remove, "Remove the events", "What the sync made goes; what you made by hand stays."), el("p", {}, this.preview("remove"))],
      el("footer", {}, button("Cancel", {}, () => close(false)), button("Disconnect", { kind: "danger", data: { first: "" } }, () => close(true)))));
    if (sure) await this.do("/disconnect", { events: remove.checked ? "remove" : "keep" });
  }
}
