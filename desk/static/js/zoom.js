/* One zoom for several pictures: scale and place are the same on all of them, and all stand at the same height, so that
   what is compared lies at the same spot. Wheel, drag, double press; keys and buttons call `step` and `move`. */

const LEAST = 1;
const MOST = 6;
const STEP = 1.5;
const PAN = 0.12;
const TALLEST = 0.52; // of the window

export class Zoom {
  #frames = [];
  #scale = LEAST;
  #x = 0.5;
  #y = 0.5;
  #drag = null;

  constructor() {
    this.fit = () => this.#fit();
    addEventListener("resize", this.fit);
  }

  end() { removeEventListener("resize", this.fit); }

  /** These frames, each with one picture, from now on. */
  show(frames) {
    this.#frames = frames;
    for (const frame of frames) this.#follow(frame);
    this.#fit();
    this.#draw();
  }

  step(by) {
    this.#scale = Math.min(MOST, Math.max(LEAST, this.#scale * STEP ** by));
    this.#keepInside();
  }

  move(across, down) {
    this.#x += (across * PAN) / this.#scale;
    this.#y += (down * PAN) / this.#scale;
    this.#keepInside();
  }

  reset() {
    this.#scale = LEAST;
    this.#keepInside();
  }

  /** The tallest height at which every one of them still has room. */
  #fit() {
    const frames = this.#frames.filter((frame) => frame.isConnected);
    if (!frames.length) return;
    const heights = frames.map((frame) => {
      const image = frame.querySelector("img");
      const ratio = Number(image.getAttribute("width")) / Number(image.getAttribute("height")) || 1;
      return frame.clientWidth / ratio;
    });
    const height_px = Math.round(Math.min(innerHeight * TALLEST, ...heights.filter((one) => one > 0)));
    for (const frame of frames) frame.style.setProperty("--cmp-height", `${height_px}px`);
  }

  #keepInside() {
    const half = 0.5 / this.#scale;
    this.#x = Math.min(1 - half, Math.max(half, this.#x));
    this.#y = Math.min(1 - half, Math.max(half, this.#y));
    this.#draw();
  }

  #draw() {
    for (const frame of this.#frames) {
      const image = frame.querySelector("img");
      image.style.transform = `scale(${this.#scale}) translate(${(0.5 - this.#x) * 100}%, ${(0.5 - this.#y) * 100}%)`;
      frame.classList.toggle("is-zoomed", this.#scale > LEAST);
    }
  }

  #follow(frame) {
    if (frame.isFollowed) return;
    frame.isFollowed = true;
    frame.addEventListener("wheel", (event) => { event.preventDefault(); this.step(event.deltaY < 0 ? 0.5 : -0.5); }, { passive: false });
    frame.addEventListener("dblclick", () => { if (this.#scale > LEAST) this.reset(); else this.step(2); });
    frame.addEventListener("pointerdown", (event) => { this.#drag = { x: event.clientX, y: event.clientY }; frame.setPointerCapture(event.pointerId); });
    frame.addEventListener("pointermove", (event) => {
      if (!this.#drag) return;
      const image = frame.querySelector("img");
      this.#x -= (event.clientX - this.#drag.x) / (image.clientWidth * this.#scale);
      this.#y -= (event.clientY - this.#drag.y) / (image.clientHeight * this.#scale);
      this.#drag = { x: event.clientX, y: event.clientY };
      this.#keepInside();
    });
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { this.#drag = null; });
  }
}
