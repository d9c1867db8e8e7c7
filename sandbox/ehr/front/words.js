// Codes of the sync in words that people use.

/** `tone` is the colour of the dot: good, busy, warn, bad or off. */
export const STATUS = {
  not_connected: { tone: "off", title: "Not connected", text: "Your appointments are here only." },
  connected: { tone: "warn", title: "Ready to start", text: "Your Google account is known. Nothing has been synced yet." },
  syncing: { tone: "busy", title: "Syncing", text: "Everything on both sides is being read and brought into agreement." },
  in_sync: { tone: "good", title: "In sync", text: "Both calendars agree." },
  paused: { tone: "warn", title: "Paused", text: "Nothing moves until you resume. Nothing is lost meanwhile." },
  stopping: { tone: "busy", title: "Stopping", text: "A job that runs is coming to its end." },
  reconnect_needed: { tone: "bad", title: "Google asks you to connect again", text: "The access was taken back or has expired. Your calendar and your appointments stay as they are; connecting the same account goes on where it stopped." },
  failing: { tone: "bad", title: "Not working just now", text: "The last look came to nothing. It is tried again by itself." },
  calendar_missing: { tone: "bad", title: "The calendar is gone", text: "It was deleted in Google. No appointment was changed here." },
  off: { tone: "off", title: "Switched off", text: "Nothing moves, and nothing was removed." },
  disconnected: { tone: "off", title: "Disconnected", text: "Events and appointments were left where they are. Connecting the same account finds its calendar again." },
  lapsed: { tone: "warn", title: "Not included any more", text: "The sync is paused because it is no longer part of your plan." },
  removing: { tone: "busy", title: "Removing", text: "Our events are being removed from Google Calendar." },
  unreachable: { tone: "bad", title: "No answer", text: "The calendar sync cannot be reached. Your appointments here are not affected." },
};

export const LABELS = [
  { value: "internal_id", name: "Client number", example: "C-1042", text: "Says nothing to anybody outside the practice." },
  { value: "initials", name: "Initials", example: "JB", text: "People who know your clients may recognise them." },
  { value: "first_name", name: "First name", example: "Jamie", text: "Shows who comes, to everybody who sees the calendar.", phi: true },
  { value: "full_name", name: "Full name", example: "Jamie Beispiel", text: "Identifies your clients to everybody who sees the calendar.", phi: true },
];

export const MODES = [
  { value: "two_way", name: "Two-way", text: "Changes on either side arrive on the other." },
  { value: "one_way", name: "One-way", text: "The EHR fills Google Calendar. What is changed there is put back." },
  { value: "off", name: "Off", text: "Nothing moves, nothing is removed." },
];

export const UNFIT = {
  ours: "This is an appointments calendar of the sync itself.",
  not_owner: "It belongs to somebody else. Only calendars you own can take part.",
  rights_missing: "Google was not allowed to show it. Connect again and tick the box for the events of your calendars.",
};

export const EXTERNAL = {
  reading: { tone: "busy", text: "Being read" },
  in_sync: { tone: "good", text: "Takes your time" },
  failing: { tone: "bad", text: "Cannot be read now; what it took stays taken" },
  leaving: { tone: "busy", text: "Its blocks are being removed" },
  gone: { tone: "warn", text: "No longer in Google; choose it again if it comes back" },
  waiting: { tone: "off", text: "Waits until the sync runs" },
};

export const RULES = {
  all_day: "All-day events",
  tentative: "Tentative ones",
  unanswered: "Invitations without an answer",
  focus_time: "Focus time",
  out_of_office: "Out of office",
};

/** A code that nobody has written words for, made readable. */
export const plain = (code) => `${code.charAt(0).toUpperCase()}${code.slice(1)}`.replaceAll("_", " ");

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

export const HAPPENED = {
  created: { icon: "plus", text: "Made" },
  matched: { icon: "link", text: "Found on both sides; first seen" },
  moved: { icon: "clock", text: "Moved" },
  retitled: { icon: "sync", text: "Changed" },
  cancelled: { icon: "close", text: "Cancelled" },
  restored: { icon: "undo", text: "Restored" },
  put_back: { icon: "undo", text: "Put back", tone: "warn" },
  conflict: { icon: "warning", text: "Changed on both sides; what stands was made", tone: "warn" },
  left: { icon: "lock", text: "Left as it is" },
  held: { icon: "bell", text: "Waits for you; deleted", tone: "warn" },
  set_aside: { icon: "warning", text: "Set aside", tone: "warn" },
  taken_up: { icon: "check", text: "Done after all" },
};

export const WHY = {
  past: "it is over",
  protected: "a note or an invoice hangs on it",
  one_way: "the sync is one-way",
  not_allowed: "client appointments are changed in the EHR",
  moved_out: "it was dragged to another calendar",
  restored: "somebody wanted it back",
  marker: "it marks a cancelled appointment",
  block: "it follows its event",
};

export const NOTICES = {
  overlap: "Something takes time that a client already has",
  reconnect_needed: "Google asks you to connect again",
  set_aside: "Something could not be synced",
  calendar_missing: "The calendar was deleted in Google",
  failing: "The sync does not go on",
  invited: "Your practice invites you to connect your calendar",
  lapses_soon: "The time agreed on ends soon",
  lapsed: "The time agreed on is over; the sync is paused",
  review: "Deletions wait for your answer",
  hooks_silent: "The EHR tells us of no changes",
  ehr_unreachable: "The EHR could not be read",
};

export const STANDING = {
  held: "waits for you",
  confirmed: "is being cancelled",
  restore: "is being restored",
  undo: "is being booked again",
  cancelled: "cancelled",
  restored: "back in Google",
  left: "decided otherwise",
  undone: "booked again",
  changed: "changed since; not booked again",
};
