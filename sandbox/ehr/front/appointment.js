// What one can know and do about one entry, and how a new one is made.

import { button, dialog, el, icon } from "./dom.js";
import { longDay, span } from "./times.js";

const PERSONAL = "personal"; // no id has this form

const field = (label, input) => el("div", { class: "field" }, el("label", { for: input.id }, label), input);

const when = (entry) => (entry.allDay ? `${longDay(entry.start)}, all day` : `${longDay(entry.start)}, ${span(entry.start, entry.end)}`);

/** Resolves with the change that was chosen: `{action, …}`; nothing when there is none. */
export function appointmentDialog(entry, state) {
  return dialog(entry.title, (close) => el("div", {},
    el("p", {}, el("b", {}, when(entry))),
    entry.type === "block" ? blocked(entry) : facts(entry, state),
    entry.movable && rescheduling(entry, close),
    entry.type !== "block" && actions(entry, close)));
}

function blocked(entry) {
  return el("p", { class: "note" }, icon("lock"), entry.free
    ? "From another calendar of yours, where it is shown as Free. It does not take your time."
    : "Another calendar of yours takes this time. It is changed there, not here.");
}

function facts(entry, state) {
  const rows = [["Status", state], ["Service", entry.service], ["Place", entry.place],
    ["Made in", entry.fromGoogle ? "Google Calendar" : ""]].filter(([, value]) => value);
  return el("dl", { class: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function rescheduling(entry, close) {
  const from = el("input", { id: "from", type: "datetime-local", value: entry.start, required: true });
  const to = el("input", { id: "to", type: "datetime-local", value: entry.end, required: true });
  return el("form", { on: { submit: (event) => {
    event.preventDefault();
    close({ action: "move", start: from.value, end: to.value });
  } } }, el("div", { class: "row" }, field("From", from), field("To", to)),
  el("footer", {}, button("Reschedule", { type: "submit" })));
}

function actions(entry, close) {
  const act = (label, action, kind) => button(label, { kind }, () => close({ action }));
  if (entry.status === "cancelled" || entry.status === "noshow") return el("footer", {}, act("Book again", "restore", "primary"));
  if (!entry.movable) return null;
  const ofClient = entry.type === "client" && [act("Has arrived", "arrive"), act("Did not come", "no_show")];
  return el("footer", {}, act("Cancel it", "cancel", "danger"), ofClient);
}

/** Resolves with `{start, end, client}` or `{start, end, title}`. */
export function bookingDialog(clients, start, end) {
  const client = el("select", { id: "client", data: { first: "" }, required: true },
    el("option", { value: "", disabled: true, selected: true }, "Choose a client"),
    el("option", { value: PERSONAL }, "Nobody: personal time"),
    clients.map((each) => el("option", { value: each.id }, each.number ? `${each.name} (${each.number})` : each.name)));
  const title = el("input", { id: "title", placeholder: "Personal time", maxLength: 200 });
  const titled = field("Title", title);
  const from = el("input", { id: "from", type: "datetime-local", value: start, required: true });
  const to = el("input", { id: "to", type: "datetime-local", value: end, required: true });
  const follow = () => { titled.hidden = client.value !== PERSONAL; };
  client.addEventListener("change", follow);
  follow();
  return dialog("New appointment", (close) => el("form", { on: { submit: (event) => {
    event.preventDefault();
    const who = client.value === PERSONAL ? { title: title.value.trim() } : { client: client.value };
    close({ start: from.value, end: to.value, ...who });
  } } }, field("Client", client), titled, el("div", { class: "row" }, field("From", from), field("To", to)),
  el("footer", {}, button("Cancel", {}, () => close()), button("Book", { kind: "primary", type: "submit" }))));
}
