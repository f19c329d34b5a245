// Shows when the visitor's files will be deleted, warns before and reports afterwards, and deletes on
// request. Asking the server for the time does not delay the deletion.

const ASK_EVERY_MS = 15_000;
const WARN_SECONDS = 300;
// If the time is short, warn in its last third.
const WARN_SHARE = 1 / 3;
const SOON_MS = 1500;

const LAYOUT = `
  <p class="deletion-time"></p>
  <p class="deletion-warning" role="alert"></p>
  <div class="deletion-buttons">
    <button type="button" class="deletion-keep" hidden>Keep them longer</button>
    <button type="button" class="deletion-anew" hidden>Start over</button>
    <button type="button" id="delete" hidden>Delete my files</button>
  </div>
  <dialog aria-labelledby="deletion-question">
    <p id="deletion-question"></p>
    <div class="deletion-buttons">
      <button type="button" class="deletion-back" autofocus>Keep them</button>
      <button type="button" class="deletion-really">Delete now</button>
    </div>
  </dialog>`;

export class Deletion {
  // `act` tells the page what to do: "delete", "keep", or "gone" once the files are deleted.
  constructor(root, act) {
    root.innerHTML = LAYOUT;
    this.act = act;
    this.at = null;
    this.scans = 0;
    this.longest = 0;
    for (const name of ["time", "warning", "keep", "anew", "back", "really"]) {
      this[name] = root.querySelector(`.deletion-${name}`);
    }
    this.button = root.querySelector("#delete");
    this.dialog = root.querySelector("dialog");
    this.question = root.querySelector("#deletion-question");
    this.button.addEventListener("click", () => this.confirm());
    this.back.addEventListener("click", () => this.dialog.close());
    this.really.addEventListener("click", () => {
      this.dialog.close();
      this.asked = true;
      act("delete");
    });
    this.keep.addEventListener("click", () => act("keep"));
    this.anew.addEventListener("click", () => location.reload());
    // Any action on the page, including downloads, extends the time.
    for (const kind of ["click", "change"]) {
      document.addEventListener(kind, () => this.askSoon());
    }
    document.addEventListener("visibilitychange", () => document.hidden || this.ask());
    this.ask();
  }

  askSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.ask(), SOON_MS);
  }

  async ask() {
    try {
      const response = await fetch("expiry", { credentials: "same-origin", cache: "no-store" });
      if (response.ok) this.take(await response.json());
    } catch {
      // The server cannot be reached: keep the current text.
      clearTimeout(this.next);
      this.next = setTimeout(() => this.ask(), ASK_EVERY_MS);
    }
  }

  take({ scans, seconds }) {
    const had = this.scans;
    this.scans = scans;
    if (scans) {
      this.asked = false;
      this.gone = false;
      this.at = new Date(Date.now() + 1000 * Math.max(seconds, 0));
      this.longest = Math.max(this.longest, seconds);
      this.show(seconds);
    } else if (had && !this.asked && this.at && Date.now() > this.at - 60_000) {
      this.gone = true;
      this.showGone();
      this.act("gone");
    } else if (!this.gone) this.hide();
    clearTimeout(this.next);
    if (scans) this.next = setTimeout(() => this.ask(), this.pauseMs(seconds));
  }

  // Time until the next check: earlier if the warning or the end is due.
  pauseMs(seconds) {
    const due = seconds > this.warnSeconds ? seconds - this.warnSeconds : Math.max(seconds, 0);
    return Math.min(ASK_EVERY_MS, 1000 * due + 500);
  }

  get warnSeconds() {
    return Math.min(WARN_SECONDS, this.longest * WARN_SHARE);
  }

  show(seconds) {
    const when = clock(this.at);
    const what = this.scans === 1 ? "Your scan and its results" : `Your ${this.scans} scans and their results`;
    this.time.textContent = `${what} will be deleted at ${when}, or later if you keep using the page.`;
    const isSoon = seconds <= this.warnSeconds;
    const minutes = Math.max(1, Math.ceil(seconds / 60));
    const left = seconds < 60 ? "less than a minute" : `${minutes} minutes`;
    // Announce once, not with every check.
    if (isSoon !== this.warned) {
      this.warning.textContent = isSoon ? `▲ In ${left}, at ${when}, they will be deleted.` : "";
    }
    this.warned = isSoon;
    this.keep.hidden = !isSoon;
    this.anew.hidden = true;
    this.button.hidden = false;
  }

  showGone() {
    this.dialog.close();
    this.time.textContent = "";
    this.warning.textContent =
      `Your scans and results were deleted at ${clock(this.at)}, as announced. ` +
      "Files that you downloaded are not affected.";
    this.warned = null;
    this.keep.hidden = this.button.hidden = true;
    this.anew.hidden = false;
  }

  hide() {
    this.time.textContent = this.warning.textContent = "";
    this.warned = false;
    this.keep.hidden = this.anew.hidden = this.button.hidden = true;
  }

  confirm() {
    const what = this.scans === 1 ? "this scan" : `all ${this.scans} scans`;
    this.question.textContent = `Delete ${what} and all results from the server now? This cannot be undone.`;
    this.dialog.showModal();
  }
}

function clock(time) {
  return time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
