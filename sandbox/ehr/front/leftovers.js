// What earlier installations have left in the account: looked for when one asks, removed one by one and never else.

import { button, confirm, el, icon, toast } from "./dom.js";
import { instantDay } from "./times.js";
import { count } from "./words.js";

const RUNNING = new Set(["in_sync", "syncing", "failing", "paused"]);
const CALLS_MAX = 40; // of fifty events each; what is then still there is told

export class Leftovers {
  constructor(app) {
    this.sync = app.sync;
    this.found = el("ul", { class: "deletions", "aria-live": "polite" });
    this.element = el("section", { class: "card", "aria-labelledby": "leftovers-title", hidden: true },
      el("h2", { id: "leftovers-title" }, "From earlier installations"),
      el("p", { class: "soft" }, "Calendars and events that such a sync made before and nobody looks after any more."), this.found,
      el("footer", {}, button("Look for them", {}, () => this.look())));
  }

  show(state) {
    this.element.hidden = !this.sync.has("GET /leftovers") || !RUNNING.has(state.status);
  }

  async look() {
    try {
      this.draw(await this.sync.get("/leftovers"));
    } catch (error) {
      this.found.replaceChildren(el("li", { class: "note bad" }, icon("warning"), error.message));
    }
  }

  draw(leftovers) {
    this.found.replaceChildren(...leftovers.map((each) => el("li", { class: "choice" },
      el("div", {}, el("b", {}, each.name), el("span", { class: "small soft" }, [
        each.calendar ? "a whole calendar" : "events among your appointments",
        each.events === null ? "its events cannot be read" : count(each.events, "event"),
        each.by_hand ? `${each.by_hand} of them made by hand` : "", each.since ? `since ${instantDay(each.since)}` : "",
      ].filter(Boolean).join(" · "))), button("Remove", { kind: "danger" }, () => this.remove(each)))));
    if (!leftovers.length) this.found.append(el("li", { class: "soft" }, "There is nothing."));
  }

  async remove(each) {
    if (!(await confirm(`Remove “${each.name}”?`, "Everything in it goes, what was made by hand as well. This cannot be undone here.", "Remove", "danger"))) return;
    try {
      for (let call = 0; call < CALLS_MAX; call += 1) {
        const { left, refused } = await this.sync.post("/leftovers/remove", { ids: [each.id] });
        if (refused) toast(`Google refused ${count(refused, "of them", "of them")}.`, "problem");
        if (!left || refused) break;
      }
    } catch (error) {
      toast(error.message, "problem");
    }
    await this.look();
  }
}
