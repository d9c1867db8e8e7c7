// Two small things of the Sync Calendar page: whether a time is free on every side, and the link for other programs.

import { button, confirm, el, icon, toast } from "./dom.js";
import { addDays, instantDay, instantSpan, midnight, roughlyToday } from "./times.js";
import { plain } from "./words.js";

const OVER = new Set(["not_connected", "disconnected", "connected", "unreachable"]);
const AVAILABLE = { free: ["good", "Free"], busy: ["warn", "Busy"], unverified: ["bad", "Not known"] };

/** Free and busy time of a day, read on every side now. */
export class Availability {
  constructor(app) {
    this.app = app;
    this.day = el("input", { type: "date", id: "available-day", value: addDays(roughlyToday(), 1), required: true });
    this.found = el("ul", { class: "spans", "aria-live": "polite" });
    this.element = el("section", { class: "card", "aria-labelledby": "available-title", hidden: true },
      el("h2", { id: "available-title" }, "When are you free?"),
      el("p", { class: "soft" }, "Asked of every calendar that takes part, right now. What cannot be read is never called free."),
      el("form", { class: "inline", on: { submit: (event) => { event.preventDefault(); this.ask(); } } },
        el("div", { class: "field" }, el("label", { for: this.day.id }, "Day"), this.day), button("Look", { name: "clock", type: "submit" })), this.found);
  }

  show(state) {
    this.element.hidden = !this.app.sync.has("GET /availability") || OVER.has(state.status);
    this.zone = state.settings?.time_zone ?? "UTC";
  }

  async ask() {
    const from = midnight(this.day.value, this.zone);
    const to = midnight(addDays(this.day.value, 1), this.zone);
    try {
      const { spans } = await this.app.sync.get("/availability", { from, to });
      this.found.replaceChildren(...spans.map((each) => {
        const [tone, name] = AVAILABLE[each.status] ?? ["bad", plain(each.status)];
        return el("li", {}, el("span", { class: `dot ${tone}` }), el("span", {}, instantSpan(each.start, each.end, this.zone)),
          el("b", {}, name), each.reason && el("span", { class: "small soft" }, plain(each.reason)));
      }));
    } catch (error) {
      this.found.replaceChildren(el("li", { class: "note bad" }, icon("warning"), error.message));
    }
  }
}

/** The link that any calendar program can subscribe to. */
export class FeedLink {
  constructor(app) {
    this.app = app;
    this.body = el("div", { class: "column" });
    this.element = el("section", { class: "card", "aria-labelledby": "feed-title", hidden: true },
      el("h2", { id: "feed-title" }, "Subscribe from another program"), this.body);
  }

  show(state) {
    const offered = this.app.sync.has("GET /feed") && !OVER.has(state.status);
    if (offered && this.element.hidden) this.look();
    this.element.hidden = !offered;
  }

  async look() {
    this.draw(await this.app.sync.get("/feed").catch(() => null));
  }

  draw(feed) {
    if (!feed) return;
    const labels = el("input", { type: "checkbox", id: "feed-labels", checked: feed.labels });
    const address = feed.path && el("input", { readOnly: true, value: `${this.app.sync.base}${feed.path}`, "aria-label": "The link", on: { focus: (event) => event.target.select() } });
    this.body.replaceChildren(...[
      el("p", { class: "soft" }, feed.active
        ? `There is a link, good until ${instantDay(feed.expires_at, true)}. Whoever has it reads your appointments.`
        : "A private link for calendar programs that cannot connect. Whoever has it reads your appointments, as “Busy”."),
      address && el("div", { class: "field" }, el("span", { class: "label" }, "Copy it now: it is shown this once"), address),
      el("label", { class: "tick", for: labels.id }, labels, "With the label that events in Google have"),
      el("footer", {}, button(feed.active ? "Make a new link" : "Make a link", { name: "link" }, () => this.make(labels.checked, feed.active)),
        feed.active && button("End it", { kind: "danger" }, () => this.end())),
    ].filter(Boolean));
  }

  async make(labels, again) {
    if (again && !(await confirm("Make a new link?", "The one there is stops working at once.", "Make it"))) return;
    await this.send("POST", { labels });
  }

  end() {
    return this.send("DELETE");
  }

  async send(method, body) {
    try {
      const feed = await this.app.sync.own(method, "/feed", body);
      if (method === "POST") this.draw(feed); else await this.look();
    } catch (error) {
      toast(error.message, "problem");
    }
  }
}
