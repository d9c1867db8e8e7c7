// The EHR's front end: who is signed in, which page is shown, and Google's page beside it.

import { ehr, Sync } from "./api.js";
import { CalendarPage } from "./calendar.js";
import { button, el, icon } from "./dom.js";
import { InboxPage, Waiting } from "./inbox.js";
import { RosterPage } from "./roster.js";
import { SyncPage } from "./sync.js";
import { SyncState } from "./state.js";
import { setClock } from "./times.js";
import { STATUS } from "./words.js";

const SPLIT = "split";
const OFFICE = "office"; // whoever administers, and treats nobody

async function start() {
  const me = await ehr.get("me");
  if (me?.role === "admin") me.name = "Practice office";
  if (me) setClock(me.now, me.zone);
  if (me) await new App(me).run();
  else await signIn();
}

// --- signing in ---------------------------------------------------------------------------------------------------

async function signIn() {
  const people = await ehr.get("people");
  const enter = async (practitioner, role) => {
    await ehr.post("sign-in", { practitioner, role });
    location.reload();
  };
  const choice = (name, detail, run) => el("li", {}, el("button", { type: "button", on: { click: run } },
    el("span", { class: "avatar", "aria-hidden": "true" }, initials(name)), el("span", {}, el("b", {}, name), el("small", {}, detail))));
  document.body.replaceChildren(el("main", { class: "sign-in" },
    el("img", { src: "static/ehr.svg", alt: "", width: 44, height: 44 }),
    el("h1", {}, "Sign in"),
    el("p", { class: "soft" }, "A sandbox asks for no password: choose who you are."),
    people.length
      ? el("ul", {}, people.map((each) => choice(each.name, each.zone.replaceAll("_", " "), () => enter(each.id, "practitioner"))),
        choice("Practice office", "Administrator", () => enter(OFFICE, "admin")))
      : el("p", { class: "note" }, icon("people"), "This practice has no practitioners yet.")));
}

const initials = (name) => name.split(/\s+/).map((part) => part[0]).filter(Boolean).slice(0, 2).join("").toUpperCase();

// --- the frame around every page ----------------------------------------------------------------------------------

class App {
  constructor(me) {
    this.me = me;
    this.sync = new Sync(me);
    this.state = new SyncState(this.sync);
    this.stage = el("main", { class: "stage", id: "stage" });
    this.beside = el("aside", { class: "beside", "aria-label": "Google Calendar" });
    this.tabs = new Map();
    this.waiting = new Waiting(this.sync);
    this.pages = me.role === "admin"
      ? { roster: { name: "Practice", icon: "people", make: () => new RosterPage(this) } }
      : {
        calendar: { name: "Calendar", icon: "calendar", make: () => new CalendarPage(this) },
        sync: { name: "Sync Calendar", icon: "sync", make: () => new SyncPage(this) },
        inbox: { name: "For you", icon: "bell", make: () => new InboxPage(this) },
      };
  }

  async run() {
    document.body.replaceChildren(this.header(), el("div", { class: "panes" }, this.stage, this.beside));
    if (this.sync.base) await this.sync.discover();
    window.addEventListener("hashchange", () => this.route());
    this.state.follow((state) => { this.drawDot(state); this.drawBeside(state); });
    this.waiting.follow(() => this.drawBell());
    this.split(this.me.role === "admin" ? "here" : sessionStorage.getItem(SPLIT) ?? "here");
    this.route();
    if (!this.sync.base || this.me.role === "admin") return;
    this.state.run();
    this.waiting.run();
  }

  header() {
    const links = Object.entries(this.pages).map(([key, page]) => {
      const link = el("a", { href: `#${key}` }, icon(page.icon), el("span", {}, page.name));
      this.tabs.set(key, link);
      return link;
    });
    this.dot = el("span", { class: "dot off" });
    this.bell = el("span", { class: "count", hidden: true });
    this.tabs.get("sync")?.append(this.dot);
    this.tabs.get("inbox")?.append(this.bell);
    this.switch = el("div", { class: "segments beside-switch", role: "group", "aria-label": "Google Calendar beside it" });
    const leave = async () => { await ehr.post("sign-out"); location.replace(location.pathname); };
    return el("header", { class: "top" },
      el("a", { class: "brand", href: "#calendar" }, el("img", { src: "static/ehr.svg", alt: "", width: 28, height: 28 }), el("span", {}, "Sandbox EHR")),
      el("nav", { "aria-label": "Pages" }, links), this.me.google && this.me.role !== "admin" && this.switch,
      el("div", { class: "who" }, el("span", { class: "avatar", "aria-hidden": "true" }, initials(this.me.name)),
        el("span", { class: "name" }, this.me.name), button("Sign out", { name: "out", kind: "quiet", title: "Sign out" }, leave)));
  }

  route() {
    const key = location.hash.slice(1) in this.pages ? location.hash.slice(1) : Object.keys(this.pages)[0];
    if (this.tabs.get("inbox")) this.tabs.get("inbox").hidden = !this.waiting.offered;
    const page = this.pages[key];
    page.shown ??= page.make();
    document.title = `${page.name} - Sandbox EHR`;
    for (const [name, link] of this.tabs) link.setAttribute("aria-current", name === key ? "page" : "false");
    if (this.current === page.shown) return;
    this.current?.leave();
    this.current = page.shown;
    this.stage.replaceChildren(page.shown.element);
    page.shown.enter();
  }

  /** Google's page shows the same days. */
  tell(day) {
    const frame = this.beside.querySelector("iframe");
    frame?.contentWindow.postMessage({ day }, new URL(this.me.google).origin);
  }

  drawBell() {
    const { count } = this.waiting;
    this.bell.hidden = count === 0;
    this.bell.textContent = String(count);
    this.tabs.get("inbox").setAttribute("aria-label", count ? `For you: ${count} waiting` : "For you");
  }

  drawDot(state) {
    if (!this.tabs.has("sync")) return;
    const words = STATUS[state.status] ?? STATUS.failing;
    this.dot.className = `dot ${words.tone}`;
    this.dot.title = words.title;
    this.tabs.get("sync").setAttribute("aria-label", `Sync Calendar: ${words.title}`);
  }

  // --- Google's page beside ours ------------------------------------------------------------------------------------

  /** `here`: ours alone; `both`: side by side, where there is room; `google`: theirs alone. */
  split(choice) {
    sessionStorage.setItem(SPLIT, choice);
    document.body.dataset.split = choice;
    const choices = { here: "EHR", both: "Both", google: "Google" };
    this.switch.replaceChildren(...Object.entries(choices).map(([key, name]) => el("button", {
      type: "button", class: key, "aria-pressed": String(key === choice), on: { click: () => this.split(key) },
    }, name)));
    this.drawBeside(this.state.now);
  }

  drawBeside(state) {
    const email = state?.google_email;
    const address = email && document.body.dataset.split !== "here" ? `${this.me.google}?account=${encodeURIComponent(email)}` : "";
    if (this.besideShows === address && this.beside.children.length) return;
    this.besideShows = address;
    this.beside.replaceChildren(address
      ? el("iframe", { src: address, title: "Google Calendar of the connected account" })
      : el("div", { class: "empty" }, icon("calendar"), el("h2", {}, "No Google account yet"),
        el("p", { class: "soft" }, "Once one is connected, its calendar is shown here."),
        el("a", { class: "button", href: "#sync" }, "Sync Calendar")));
  }
}

start();
