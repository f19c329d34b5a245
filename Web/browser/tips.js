// Explanations of table headings: by pointer, by keyboard focus and by touch.

export class Tips {
  constructor() {
    this.box = document.createElement("div");
    this.box.className = "tip-box";
    this.box.setAttribute("aria-hidden", "true"); // read through aria-describedby
    this.box.hidden = true;
    document.body.append(this.box);
    const on = (kind, act) => document.addEventListener(kind, act);
    const show = (event) => this.show(event.target.closest?.("button.tip"));
    on("pointerover", show);
    on("focusin", show);
    on("click", show);
    on("keydown", (event) => event.key === "Escape" && this.show(null));
    on("scroll", () => this.show(null));
  }

  show(button) {
    this.box.hidden = !button;
    if (!button) return;
    this.box.textContent = document.getElementById(button.getAttribute("aria-describedby")).textContent;
    const { left, bottom } = button.getBoundingClientRect();
    const most = document.documentElement.clientWidth - this.box.offsetWidth - 8;
    this.box.style.left = `${Math.max(8, Math.min(left, most))}px`;
    this.box.style.top = `${bottom + 6}px`;
  }
}
