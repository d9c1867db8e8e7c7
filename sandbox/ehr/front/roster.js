// The practice as its office sees it: everybody's sync in one word, never anybody's titles.

import { ehr } from "./api.js";
import { button, confirm, el, icon, toast } from "./dom.js";
import { ago } from "./times.js";
import { count, LABELS, NOTICES, plain, STATUS } from "./words.js";

const LOOK_MS = 5000;
const PAGES_MAX = 20; // of fifty; more people than that are no practice of this sandbox

export class RosterPage {
  constructor(app) {
    this.sync = app.sync;
    this.table = el("div", { class: "roster", role: "table", "aria-label": "Practitioners" });
    this.notes = el("div", { class: "column" });
    this.element = el("div", { class: "sync-page" }, el("div", { class: "column wide" }, el("h1", {}, "Practice"),
      el("p", { class: "soft" }, "Whose calendar is synced, and whether it is well. What their events say is theirs alone."), this.notes, this.table));
  }

  enter() {
    this.look();
    this.timer = setInterval(() => { if (!document.hidden) this.look(); }, LOOK_MS);
  }

  leave() {
    clearInterval(this.timer);
  }

  async look() {
    try {
      const [people, rows] = await Promise.all([ehr.get("people"), this.all()]);
      const notices = this.sync.has("GET /v1/notices") ? await this.sync.call("GET", "/v1/notices") : { of_the_practice: [] };
      this.draw(people, new Map(rows.map((each) => [each.practitioner, each])), notices);
    } catch (error) {
      this.notes.replaceChildren(el("p", { class: "note bad", role: "alert" }, icon("warning"), error.message));
    }
  }

  async all() {
    const rows = [];
    let after = null;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const found = await this.sync.call("GET", `/v1/roster?${new URLSearchParams({ limit: 50, ...(after && { after }) })}`);
      rows.push(...found.practitioners);
      after = found.after;
      if (!after) break;
    }
    return rows;
  }

  draw(people, rows, notices) {
    const drawn = JSON.stringify([people, [...rows], notices]);
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.notes.replaceChildren(...notices.of_the_practice.filter((each) => !each.seen).map((each) =>
      el("p", { class: "note warn" }, icon("bell"), `${NOTICES[each.kind] ?? plain(each.kind)}, ${ago(each.last)}`)));
    const head = ["Practitioner", "Sync", "Label", "Last look", ""].map((name) => el("span", { role: "columnheader" }, name));
    this.table.replaceChildren(el("div", { role: "row", class: "head" }, head), ...people.map((each) => this.row(each, rows.get(each.id))));
  }

  row(person, found) {
    const words = STATUS[found?.status ?? "not_connected"] ?? { tone: "off", title: plain(found.status) };
    const open = [found?.pending && `${found.pending} waiting`, found?.set_aside && `${count(found.set_aside, "item")} set aside`, found?.problem && plain(found.problem)].filter(Boolean);
    const cell = (...content) => el("span", { role: "cell" }, content);
    return el("div", { role: "row" }, cell(el("b", {}, person.name)),
      cell(el("span", { class: `dot ${words.tone}` }), ` ${words.title}`, open.length > 0 && el("small", { class: "soft" }, open.join(", "))),
      cell(LABELS.find((each) => each.value === found?.client_label)?.name ?? "–"), cell(found?.last_look ? ago(found.last_look) : "–"), cell(this.acts(person, found)));
  }

  acts(person, found) {
    if (!found || ["not_connected", "disconnected"].includes(found.status)) {
      return found?.invited_at
        ? button("Take back", { kind: "quiet" }, () => this.send("DELETE", `/v1/invites/${encodeURIComponent(person.id)}`, "The invitation is taken back."))
        : button("Invite", { name: "plus" }, () => this.send("POST", "/v1/invites", `${person.name} is invited.`, { practitioner: person.id }));
    }
    const sync = `/v1/practitioners/${encodeURIComponent(person.id)}/sync`;
    return [found.status !== "paused" && button("Pause", { kind: "quiet" }, () => this.send("POST", `${sync}/pause`, "Paused.", {})),
      button("Disconnect", { kind: "quiet" }, () => this.disconnect(person, sync))];
  }

  async disconnect(person, sync) {
    const text = "Events stay in their Google Calendar, appointments stay here, and nothing is kept in agreement any more.";
    if (await confirm(`Disconnect ${person.name}?`, text, "Disconnect", "danger")) await this.send("POST", `${sync}/disconnect`, "Disconnected.", { events: "keep" });
  }

  async send(method, path, done, body) {
    try {
      await this.sync.call(method, path, body);
      toast(done);
    } catch (error) {
      toast(error.message, "problem");
    }
    await this.look();
  }
}
