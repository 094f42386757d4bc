import { CodecError } from './error.js';

/** An instant with nanoseconds, as Go's time.Time has it. A Date keeps milliseconds only. */
export class Timestamp {
	/** Seconds since 1970, and nanoseconds in that second, 0 to 999,999,999. */
	constructor(
		readonly seconds: number,
		readonly nanoseconds = 0,
	) {
		if (!Number.isSafeInteger(seconds) || !(nanoseconds >= 0 && nanoseconds < 1e9)) throw new CodecError('time out of range');
	}

	static from(date: Date): Timestamp {
		const ms = date.getTime();
		const seconds = Math.floor(ms / 1000);
		return new Timestamp(seconds, (ms - seconds * 1000) * 1e6);
	}

	toDate(): Date {
		return new Date(this.seconds * 1000 + Math.floor(this.nanoseconds / 1e6));
	}

	/** ISO 8601 with nine digits. */
	toString(): string {
		return `${new Date(this.seconds * 1000).toISOString().slice(0, -4)}${String(this.nanoseconds).padStart(9, '0')}Z`;
	}

	toJSON(): string {
		return this.toString();
	}
}
