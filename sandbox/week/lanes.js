// Where the events of a day stand: those that overlap share the width.

import { addDays, DAY_MINUTES, minutesFrom } from "./times.js";

const LEAST_MINUTES = 15; // what is shorter takes so much of the column all the same

/** Of the events that touch `day`, in order of time: minutes from `top` to `bottom`, and which of how many lanes. */
export function placed(day, events) {
  const next = addDays(day, 1);
  const places = events
    .filter((event) => event.start.slice(0, 10) < next && event.end > `${day}T00:00`)
    .map((event) => place(day, event))
    .sort((a, b) => a.top - b.top || b.bottom - a.bottom);
  let group = [];
  let end = -1;
  for (const each of places) {
    if (each.top >= end) { spread(group); group = []; }
    group.push(each);
    end = Math.max(group.length === 1 ? -1 : end, each.bottom);
  }
  spread(group);
  return places;
}

function place(day, event) {
  const top = Math.max(0, minutesFrom(day, event.start));
  const bottom = Math.min(DAY_MINUTES, Math.max(minutesFrom(day, event.end), top + LEAST_MINUTES));
  return { event, top: Math.min(top, DAY_MINUTES - LEAST_MINUTES), bottom, lane: 0, lanes: 1 };
}

function spread(group) {
  const ends = [];
  for (const each of group) {
    const free = ends.findIndex((end) => end <= each.top);
    each.lane = free < 0 ? ends.length : free;
    ends[each.lane] = each.bottom;
  }
  for (const each of group) each.lanes = ends.length;
}
