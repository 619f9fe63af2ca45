/** Asks few things at once; the others wait, those that are urgent before the rest. */
export class Lanes {
  private readonly waiting: (() => void)[] = [];
  private busy = 0;

  constructor(private readonly most: number) {}

  /** Ask as soon as there is a lane for it, and return or throw what that does. */
  async run<T>(ask: () => Promise<T>, isUrgent = false): Promise<T> {
    if (this.busy >= this.most) {
      await new Promise<void>(begin =>
        isUrgent ? this.waiting.unshift(begin) : this.waiting.push(begin)
      );
    } else {
      this.busy += 1;
    }
    try {
      return await ask();
    } finally {
      // Whoever waits takes over the lane.
      const next = this.waiting.shift();
      if (next) {
        next();
      } else {
        this.busy -= 1;
      }
    }
  }
}
