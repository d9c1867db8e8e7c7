// What waits for the practitioner: deletions in bulk that want a yes or a no, and what they should know.

import { button, el, icon, toast } from "./dom.js";
import { ago, instantDay } from "./times.js";
import { count, NOTICES, plain, STANDING } from "./words.js";

const LOOK_MS = 4000;
const REVIEW = "review"; // what it tells is counted by itself

/** How much waits, for the bell; looked at again and again. */
export class Waiting {
  constructor(sync) {
    Object.assign(this, { sync, reviews: [], notices: [], followers: [] });
  }

  get offered() {
    return this.sync.has("GET /reviews") || this.sync.has("GET /notices");
  }

  get count() {
    return this.reviews.reduce((sum, each) => sum + each.waiting, 0) + this.notices.filter((each) => !each.seen && each.kind !== REVIEW).length;
  }

  follow(tell) {
    this.followers.push(tell);
  }

  async run() {
    if (!this.offered) return;
    await this.look();
    setInterval(() => { if (!document.hidden) this.look(); }, LOOK_MS);
  }

  async look() {
    const ask = (path) => (this.sync.has(`GET ${path}`) ? this.sync.get(path).catch(() => ({})) : {});
    const [reviews, notices] = await Promise.all([ask("/reviews"), ask("/notices")]);
    this.reviews = reviews.reviews ?? [];
    this.notices = notices.notices ?? [];
    for (const tell of this.followers) tell(this);
  }
}

export class InboxPage {
  constructor(app) {
    Object.assign(this, { app, sync: app.sync, waiting: app.waiting });
    this.reviews = el("div", { class: "column" });
    this.notices = el("section", { class: "card", "aria-labelledby": "notices-title" });
    this.element = el("div", { class: "sync-page" }, el("div", { class: "column" }, el("h1", {}, "For you"), this.reviews, this.notices));
    this.waiting.follow(() => this.draw());
  }

  enter() {
    this.draw();
    this.waiting.look();
  }

  leave() {}

  draw() {
    this.drawReviews().catch((error) => toast(error.message, "problem"));
    this.drawNotices();
  }

  // --- reviews ------------------------------------------------------------------------------------------------------

  async drawReviews() {
    const { reviews } = this.waiting;
    const drawn = JSON.stringify(reviews);
    if (this.drawnReviews === drawn) return;
    this.drawnReviews = drawn;
    const shown = await Promise.all(reviews.filter((each, index) => index === 0 || each.open || each.undoable || each.pending)
      .map((each) => this.sync.get(`/reviews/${each.review}`)));
    this.reviews.replaceChildren(...shown.map((each) => this.review(each)));
  }

  review(found) {
    const held = found.deletions.filter((each) => each.standing === "held");
    const boxes = new Map();
    const rows = found.deletions.map((each) => this.deletion(each, boxes));
    const all = el("input", { type: "checkbox", id: `all-${found.review}`, on: { change: () => {
      for (const box of boxes.values()) box.checked = all.checked;
    } } });
    const chosen = () => held.filter((each) => boxes.get(each.item)?.checked);
    return el("section", { class: "card review", "aria-labelledby": `review-${found.review}` },
      el("h2", { id: `review-${found.review}` }, held.length ? `${count(held.length, "deletion")} in Google ${held.length === 1 ? "waits" : "wait"} for you` : "Answered deletions"),
      el("p", { class: "soft" }, held.length
        ? "So many were deleted at once that nothing was cancelled here. Confirm those you meant; the others come back."
        : `Opened ${ago(found.opened_at)}.`),
      held.length > 1 && el("label", { class: "tick all", for: all.id }, all, "Select all"),
      el("ul", { class: "deletions" }, rows),
      el("footer", {},
        held.length && button("Cancel these appointments", { kind: "danger" }, () => this.answer(found, { confirm: chosen().map(({ item, version }) => ({ item, version })) })),
        held.length && button("Restore in Google", { name: "undo", kind: "primary" }, () => this.answer(found, { restore: chosen().map(({ item }) => item) })),
        found.undoable > 0 && button(`Undo ${count(found.undoable, "cancellation")}`, { name: "undo" }, () => this.undo(found))));
  }

  deletion(each, boxes) {
    const words = STANDING[each.standing] ?? plain(each.standing);
    const box = each.standing === "held" && el("input", { type: "checkbox", id: `item-${each.item}` });
    if (box) boxes.set(each.item, box);
    const text = [el("b", {}, each.text), el("span", { class: "small soft" }, `${instantDay(each.start)} · ${each.protected ? "protected by a note or an invoice: it can only be restored" : words}`)];
    return el("li", {}, box ? el("label", { class: "tick", for: box.id }, box, el("span", {}, text)) : el("div", {}, text));
  }

  async answer(found, body) {
    const wanted = (body.confirm ?? body.restore).length;
    if (!wanted) { toast("Select some of them first.", "problem"); return; }
    await this.send(`/reviews/${found.review}/answers`, body);
  }

  undo(found) {
    return this.send(`/reviews/${found.review}/undo`, {});
  }

  async send(path, body) {
    try {
      const { answers } = await this.sync.post(path, body);
      const refused = Object.values(answers).filter((each) => each !== "accepted");
      if (refused.length) toast(`${count(refused.length, "of them", "of them")}: ${[...new Set(refused)].map(plain).join(", ")}.`, "problem");
      else toast("It is being done.");
    } catch (error) {
      toast(error.message, "problem");
    }
    this.drawnReviews = "";
    await this.waiting.look();
  }

  // --- notices ------------------------------------------------------------------------------------------------------

  drawNotices() {
    const { notices } = this.waiting;
    const drawn = JSON.stringify(notices);
    if (this.drawnNotices === drawn) return;
    this.drawnNotices = drawn;
    const unseen = notices.filter((each) => !each.seen);
    this.notices.replaceChildren(el("h2", { id: "notices-title" }, "Notices"),
      notices.length
        ? el("ul", { class: "lines" }, notices.map((each) => el("li", { class: `line ${each.seen ? "" : "warn"}` }, icon("bell"),
          el("div", {}, el("b", {}, NOTICES[each.kind] ?? plain(each.kind)), each.count > 1 && el("span", { class: "small soft" }, `${each.count} times`)),
          el("time", { class: "small soft", dateTime: each.last }, ago(each.last)))))
        : el("p", { class: "soft" }, "Nothing you should know of. All is well."),
      unseen.length ? el("footer", {}, button("Mark all as seen", { name: "check" }, () => this.seen(unseen))) : "");
  }

  async seen(unseen) {
    await this.sync.post("/notices/seen", { ids: unseen.map((each) => each.id) }).catch((error) => toast(error.message, "problem"));
    await this.waiting.look();
  }
}
