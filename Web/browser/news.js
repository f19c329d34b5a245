// Announces a finished scan: in the title, to screen readers, and by scrolling to the result.

const PATIENCE_MS = 20_000;
const STEP_MS = 40;

export class News {
  // `behind` is called when the page may show an older state than before.
  constructor(region, behind) {
    this.region = region;
    this.behind = behind;
    this.turn = 0;
  }

  take({ title, move, words, turn }) {
    const isOld = turn < this.turn;
    if (turn) this.turn = turn;
    if (isOld) {
      this.behind();
      return;
    }
    if (title) document.title = title;
    if (!move) return;
    this.region.textContent = words;
    this.moveWhenThere(performance.now());
  }

  // The result may be drawn shortly after it is announced.
  moveWhenThere(since) {
    const heading = document.querySelector("#heading h2");
    // Until the pictures are loaded, the page is too short to scroll there.
    if (heading && document.querySelector("#screen .viewer:is([data-ready], [data-failed])")) {
      heading.focus({ preventScroll: true });
      document.querySelector("#screen").scrollIntoView({ block: "start" });
    } else if (performance.now() - since < PATIENCE_MS) {
      setTimeout(() => this.moveWhenThere(since), STEP_MS);
    }
  }
}
