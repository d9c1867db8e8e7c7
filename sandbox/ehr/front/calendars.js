// The account's other calendars: which of them take the practitioner's time here, and by which rules.

import { el, icon, toast } from "./dom.js";
import { EXTERNAL, plain, RULES, UNFIT } from "./words.js";

const LOOK_MS = 2500;
const WITH_ACCOUNT = new Set(["connected", "syncing", "in_sync", "failing", "paused", "calendar_missing", "off"]);

export class OtherCalendars {
  constructor(app) {
    this.sync = app.sync;
    this.list = el("ul", { class: "tiles" });
    this.element = el("section", { class: "card", "aria-labelledby": "calendars-title", hidden: true },
      el("h2", { id: "calendars-title" }, "Your other calendars"),
      el("p", { class: "soft" }, "What is in them can take your time here, so that nobody books over it. They are only read."), this.list);
    this.found = null;
  }

  show(state) {
    const has = WITH_ACCOUNT.has(state.status);
    this.element.hidden = !has;
    const key = has ? `${state.google_email} ${state.status}` : "";
    if (has && this.key !== key) this.look();
    this.key = key;
  }

  enter() {
    this.timer = setInterval(() => { if (!document.hidden && !this.element.hidden) this.lookAtChosen(); }, LOOK_MS);
    if (!this.element.hidden) this.look();
  }

  leave() {
    clearInterval(this.timer);
  }

  async look() {
    try {
      const [found, chosen] = await Promise.all([this.sync.get("/calendars"), this.sync.get("/external-calendars")]);
      this.draw(found, chosen);
    } catch (error) {
      if (!this.found) this.list.replaceChildren(el("li", { class: "note" }, icon("warning"), error.message));
    }
  }

  async lookAtChosen() {
    if (this.found) this.draw(this.found, await this.sync.get("/external-calendars").catch(() => this.chosen));
  }

  draw(found, chosen) {
    const drawn = JSON.stringify([found, chosen.map(({ last_look: _, ...rest }) => rest)]);
    Object.assign(this, { found, chosen });
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.id : "";
    const open = new Set([...this.list.querySelectorAll("details[open]")].map((each) => each.dataset.id));
    const by = new Map(chosen.map((each) => [each.id, each]));
    const gone = chosen.filter((each) => !found.some(({ id }) => id === each.id)).map(({ id }) => ({ id, name: "A calendar that is gone", eligible: true }));
    const shown = [...found, ...gone].filter((each) => each.reason !== "ours");
    this.list.replaceChildren(...shown.map((each, index) => this.tile(each, by.get(each.id), index, open)));
    if (!shown.length) this.list.append(el("li", { class: "soft" }, "There are none in this account."));
    if (focused) document.getElementById(focused)?.focus();
  }

  tile(calendar, chosen, index, open) {
    const on = Boolean(chosen) && chosen.status !== "leaving";
    const words = chosen ? EXTERNAL[chosen.status] : null;
    const box = el("input", { type: "checkbox", role: "switch", class: "switch", id: `calendar-${index}`, checked: on,
      disabled: !calendar.eligible && !on, "aria-describedby": `why-${index}`,
      on: { change: () => this.change(box.checked ? "/external-calendars/choose" : "/external-calendars/leave", { id: calendar.id }) } });
    const why = !calendar.eligible ? UNFIT[calendar.reason] ?? plain(calendar.reason ?? "") : words?.text ?? "Does not take your time";
    return el("li", { class: "tile" },
      el("div", { class: "tile-head" }, el("label", { for: box.id }, calendar.name, calendar.primary && el("span", { class: "tag" }, "Primary")), box),
      el("p", { class: "small soft", id: `why-${index}` }, words && el("span", { class: `dot ${words.tone}` }), why),
      chosen?.problem && el("p", { class: "note warn" }, icon("warning"), `Why: ${plain(chosen.problem)}.`),
      on && this.rules(calendar, chosen, index, open));
  }

  rules(calendar, chosen, index, open) {
    return el("details", { data: { id: calendar.id }, open: open.has(calendar.id) }, el("summary", {}, "What takes your time"),
      Object.entries(RULES).map(([rule, name]) => {
        const box = el("input", { type: "checkbox", id: `rule-${index}-${rule}`, checked: chosen.rules[rule],
          on: { change: () => this.change("/external-calendars/choose", { id: calendar.id, rules: { [rule]: box.checked } }) } });
        return el("label", { class: "tick", for: box.id }, box, name);
      }));
  }

  async change(path, body) {
    try {
      this.draw(this.found, await this.sync.post(path, body));
    } catch (error) {
      toast(error.message, "problem");
      this.drawn = "";
      await this.look();
    }
  }
}
