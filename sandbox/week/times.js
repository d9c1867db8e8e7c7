// Wall times of one zone, as texts: "2026-11-20" and "2026-11-20T09:30". The server knows zones; a page counts
// days and minutes, so nothing here depends on where the browser is.

const DAY_MS = 86_400_000;
export const DAY_MINUTES = 1440;

const dayOf = (text) => text.slice(0, 10);
const number = (day) => Math.round(Date.parse(`${day}T00:00:00Z`) / DAY_MS);
const two = (value) => String(value).padStart(2, "0");

export function addDays(day, count) {
  return new Date((number(dayOf(day)) + count) * DAY_MS).toISOString().slice(0, 10);
}

/** Whole days from `from` to `to`. */
export function daysBetween(from, to) {
  return number(dayOf(to)) - number(dayOf(from));
}

/** The Monday of a day's week. */
export function monday(day) {
  return addDays(day, -((number(dayOf(day)) + 3) % 7));
}

/** Minutes since the midnight that `day` begins with; beyond 1440 on later days. */
export function minutesFrom(day, wall) {
  const [hours, minutes] = wall.slice(11, 16).split(":").map(Number);
  return daysBetween(day, wall) * DAY_MINUTES + hours * 60 + minutes;
}

/** The wall time so many minutes after a day's midnight. */
export function wallAt(day, minutes) {
  const days = Math.floor(minutes / DAY_MINUTES);
  const rest = minutes - days * DAY_MINUTES;
  return `${addDays(day, days)}T${two(Math.floor(rest / 60))}:${two(rest % 60)}`;
}

const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en", { timeZone: "UTC", ...options }));
  return formats.get(key);
}

const instant = (wall) => new Date(`${wall.length > 10 ? wall.slice(0, 16) : `${wall}T00:00`}:00Z`);

export const clock = (wall) => format({ hour: "numeric", minute: "2-digit" }).format(instant(wall));
export const longDay = (day) => format({ weekday: "long", month: "long", day: "numeric" }).format(instant(dayOf(day)));
export const shortDay = (day) => format({ weekday: "short", month: "short", day: "numeric" }).format(instant(dayOf(day)));
export const weekday = (day) => format({ weekday: "short" }).format(instant(dayOf(day)));
export const dayNumber = (day) => String(Number(day.slice(8, 10)));
export const hourName = (hour) => format({ hour: "numeric" }).format(instant(`2026-01-01T${two(hour)}:00`));

/** "November 2026", or "Nov – Dec 2026" where a range has two months. */
export function monthName(first, last) {
  const long = format({ month: "long", year: "numeric" });
  if (first.slice(0, 7) === last.slice(0, 7)) return long.format(instant(first));
  const short = format({ month: "short" });
  return `${short.format(instant(first))} – ${format({ month: "short", year: "numeric" }).format(instant(last))}`;
}

/** "9:00 AM – 9:50 AM", with the day of the end where it is another. */
export function span(start, end) {
  const last = dayOf(start) === dayOf(end) ? clock(end) : `${shortDay(end)}, ${clock(end)}`;
  return `${clock(start)} – ${last}`;
}

let zone = "UTC"; // of whoever is signed in
let ahead = 0; // of the servers' clock before the browser's, in milliseconds

/** What the servers' clock says now, as an instant (ISO), and the zone of whoever is signed in. */
export function setClock(iso, timeZone) {
  zone = timeZone;
  ahead = Date.parse(iso) - Date.now();
}

const present = () => Date.now() + ahead;

/** The date it is, about: in UTC. */
export const roughlyToday = () => new Date(present()).toISOString().slice(0, 10);

/** How long ago an instant (ISO) was, in words. */
export function ago(iso, now = present()) {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (seconds < 45) return "just now";
  const steps = [[60, "minute"], [3600, "hour"], [86_400, "day"]];
  const [unit, name] = steps.findLast(([size]) => seconds >= size * 0.75) ?? steps[0];
  const count = Math.max(1, Math.round(seconds / unit));
  return `${count} ${name}${count === 1 ? "" : "s"} ago`;
}

/** Until an instant (ISO), in words. */
export function until(iso, now = present()) {
  const minutes = Math.round((Date.parse(iso) - now) / 60_000);
  if (minutes < 1) return "in a moment";
  if (minutes < 90) return `within ${minutes} minute${minutes === 1 ? "" : "s"}`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `within ${hours} hours` : `within ${Math.round(hours / 24)} days`;
}

/** The day, and unless it is a whole one the time, of an instant or a date of the sync, in the zone of whoever is signed in. */
export function instantDay(iso, whole = iso.length === 10) {
  const options = { weekday: "short", month: "short", day: "numeric", ...(whole ? {} : { hour: "numeric", minute: "2-digit" }) };
  return new Intl.DateTimeFormat("en", iso.length === 10 ? { ...options, timeZone: "UTC" } : { ...options, timeZone: zone }).format(new Date(iso));
}

/** Two instants in a zone: "9:00 AM – 10:00 AM". */
export function instantSpan(start, end, timeZone) {
  const time = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit", timeZone });
  return `${time.format(new Date(start))} – ${time.format(new Date(end))}`;
}

/** The instant (ISO) at which a day begins in a zone. */
export function midnight(day, timeZone) {
  const guess = Date.parse(`${day}T00:00:00Z`);
  const shown = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium", timeZone }).format(new Date(guess));
  return new Date(guess - (Date.parse(`${shown.replace(" ", "T")}Z`) - guess)).toISOString();
}
