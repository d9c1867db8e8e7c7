// What happened: which way, when, how long it took, and what was put back and why. The sync tells ids and times; the
// names beside them are the EHR's own.

import { ehr } from "./api.js";
import { button, el, icon } from "./dom.js";
import { ago, instantDay } from "./times.js";
import { count, HAPPENED, plain, WHY } from "./words.js";

const LINES = 8;
const LINES_MORE = 50;
const LOOK_MS = 5000;
const SIDES = { ehr: "in the EHR", calendar: "in Google" };

export class Activity {
  constructor(app) {
    this.sync = app.sync;
    this.list = el("ol", { class: "lines" });
    this.more = button("Show more", { kind: "quiet" }, () => this.showMore());
    this.element = el("section", { class: "card", "aria-labelledby": "activity-title", hidden: true },
      el("h2", { id: "activity-title" }, "What happened"), this.list, el("footer", {}, this.more));
    this.lines = LINES;
    this.titles = {};
  }

  /** Whether there is anything to be asked. */
  show(state) {
    this.element.hidden = !this.sync.has("GET /activity") || !state.calendar;
    if (!this.element.hidden && !this.drawn) this.look();
  }

  enter() {
    this.timer = setInterval(() => { if (!document.hidden && !this.element.hidden) this.look(); }, LOOK_MS);
  }

  leave() {
    clearInterval(this.timer);
  }

  showMore() {
    this.lines = LINES_MORE;
    this.look();
  }

  async look() {
    try {
      const { lines, cursor } = await this.sync.get("/activity", { limit: this.lines });
      await this.name(lines);
      this.draw(lines, cursor);
    } catch (error) {
      if (!this.drawn) this.list.replaceChildren(el("li", { class: "note" }, icon("warning"), error.message));
    }
  }

  async name(lines) {
    const ids = [...new Set(lines.map((each) => each.appointment))].filter((id) => id && !(id in this.titles));
    if (ids.length) Object.assign(this.titles, await ehr.get(`data/titles?${new URLSearchParams({ ids: ids.join(",") })}`));
  }

  draw(lines, cursor) {
    const drawn = JSON.stringify([lines, cursor]);
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.list.replaceChildren(...lines.map((each) => this.line(each)));
    if (!lines.length) this.list.append(el("li", { class: "soft" }, "Nothing yet."));
    this.more.hidden = !cursor || this.lines > LINES;
  }

  line(each) {
    const words = HAPPENED[each.happened] ?? { icon: "sync", text: plain(each.happened) };
    const what = each.count > 1 ? count(each.count, each.kind === "block" ? "block" : "appointment")
      : this.titles[each.appointment] || { client: "Client appointment", personal: "Personal time", block: "Busy elsewhere" }[each.kind];
    const when = each.after ?? each.before;
    const said = [
      `${words.text} ${SIDES[each.side] ?? ""}`.trim(),
      when && instantDay(when.start, when.all_day),
      each.reason && (WHY[each.reason] ?? plain(each.reason)),
    ].filter(Boolean).join(" · ");
    const took = each.took_seconds !== null && each.took_seconds < 600 ? ` · ${each.took_seconds.toFixed(1)} s` : "";
    return el("li", { class: `line ${words.tone ?? ""}` }, icon(words.icon), el("div", {}, el("b", {}, what), el("span", { class: "small soft" }, said)),
      el("time", { class: "small soft", dateTime: each.at }, ago(each.at), took));
  }
}
