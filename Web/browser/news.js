// Tells that a scan is done: in the title, to screen readers, and by moving to the result.

const PATIENCE_MS = 5000;
const STEP_MS = 40;

export class News {
  constructor(region) {
    this.region = region;
  }

  take({ title, move, words }) {
    if (title) document.title = title;
    if (!move) return;
    this.region.textContent = words;
    this.moveWhenThere(performance.now());
  }

  // The result may be drawn a little later than it is told of.
  moveWhenThere(since) {
    const heading = document.querySelector("#heading h2");
    if (heading && document.querySelector("#key table")) {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      heading.focus({ preventScroll: true });
      const screen = document.querySelector("#screen");
      screen.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    } else if (performance.now() - since < PATIENCE_MS) {
      setTimeout(() => this.moveWhenThere(since), STEP_MS);
    }
  }
}
