// The range of an axis that fits its data with room and holds still: it changes only when data
// leave it, or fill less than half of it for ten seconds.

const kRoom = 0.08;
const kPatienceMs = 10000;

export class SteadyRange {
  min = 0;
  max = 1;
  private set = false;
  private looseSince: number | null = null;

  constructor(private fromZero = false) {}

  reset(): void {
    this.set = false;
    this.looseSince = null;
  }

  // Takes the extent of the data in view; true when the range changed.
  fit(low: number, high: number, now: number): boolean {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return false;
    if (!this.set || low < this.min || high > this.max) {
      this.looseSince = null;
      return this.take(low, high);
    }
    const used = high - Math.min(low, this.fromZero ? 0 : low);
    if (used >= (this.max - this.min) / 2) {
      this.looseSince = null;
      return false;
    }
    if (this.looseSince === null) this.looseSince = now;
    if (now - this.looseSince < kPatienceMs) return false;
    this.looseSince = null;
    return this.take(low, high);
  }

  private take(low: number, high: number): boolean {
    let min = low;
    let max = high;
    if (min === max) {
      const half = Math.abs(min) > 0 ? Math.abs(min) * 0.05 : 1;
      min -= half;
      max += half;
    }
    const room = (max - min) * kRoom;
    min = low >= 0 && (this.fromZero || min - room < 0) ? 0 : min - room;
    max = high <= 0 && max + room > 0 ? 0 : max + room;
    const changed = !this.set || min !== this.min || max !== this.max;
    this.min = min;
    this.max = max;
    this.set = true;
    return changed;
  }
}
