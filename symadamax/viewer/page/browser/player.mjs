// The clock of the page: so many steps a second while it plays.

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const SELDOM = 500; // milliseconds between two pictures where motion is to be reduced

export class Player {
  /** @param onTick Called with the number of whole steps that have become due. */
  constructor(onTick) {
    this.onTick = onTick;
    this.speed = 60;
    this.playing = false;
  }

  play() {
    Object.assign(this, { playing: true, last: performance.now(), due: 0 });
    this.#await();
  }

  pause() {
    this.playing = false;
  }

  #await() {
    const tick = () => this.#tick(performance.now());
    if (calm.matches) setTimeout(tick, SELDOM);
    else requestAnimationFrame(tick);
  }

  #tick(now) {
    if (!this.playing) return;
    // A page that was in the background goes on where it was.
    this.due += (Math.min(now - this.last, 2 * SELDOM) * this.speed) / 1000;
    this.last = now;
    const whole = Math.floor(this.due);
    this.due -= whole;
    if (whole) this.onTick(whole);
    this.#await();
  }
}
