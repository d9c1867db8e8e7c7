// What moved, which way, and what failed and why. Shown where the sync offers its history.
export class Activity {
  constructor() { this.element = document.createElement("div"); this.element.hidden = true; }
  show() {}
  enter() {}
  leave() {}
}
