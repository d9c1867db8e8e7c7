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
