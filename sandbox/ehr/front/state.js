// The state of the sync, looked at again and again; whoever follows it is told when it is another.

const BUSY_MS = 700;
const CALM_MS = 3000;
const BUSY = new Set(["syncing", "stopping", "removing"]);

export class SyncState {
  constructor(sync) {
    this.sync = sync;
    this.now = null;
    this.followers = [];
    this.timer = null;
  }

  /** `tell(state)`, at once if it is known. */
  follow(tell) {
    this.followers.push(tell);
    if (this.now) tell(this.now);
  }

  run() {
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); });
    return this.look();
  }

  /** Now, and then by itself. */
  async look() {
    clearTimeout(this.timer);
    try {
      this.set(await this.sync.get());
    } catch (error) {
      this.set({ ...(this.now ?? {}), status: error.status === 401 ? "not_connected" : "unreachable" });
    }
    const wait = BUSY.has(this.now.status) ? BUSY_MS : CALM_MS;
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => this.look(), wait);
  }

  /** An answer that has the state in it. */
  set(state) {
    this.now = state;
    for (const tell of this.followers) tell(state);
  }
}
