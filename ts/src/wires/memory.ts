import { type Carrier, nobody, type Receiver } from './carrier.js';

/** One end of a pipe in memory, for tests: batches arrive in their order, each in a task of its own. */
export class MemoryCarrier implements Carrier {
	readonly wire = 'memory';
	receiver: Receiver = nobody;
	peer: MemoryCarrier | undefined;
	/** What was sent, if it shall not arrive yet. */
	stalled: [number, Uint8Array][] | undefined;
	private over = false;

	constructor(readonly independent: boolean) {}

	writable(): boolean {
		return !this.over && (this.stalled?.length ?? 0) < 4;
	}

	send(pipe: number, b: Uint8Array): void {
		if (this.over) return;
		if (this.stalled) this.stalled.push([pipe, b]);
		else this.deliver(pipe, b);
	}

	private deliver(pipe: number, b: Uint8Array): void {
		queueMicrotask(() => {
			if (!this.peer?.over) this.peer?.receiver.frames(pipe, b);
		});
	}

	/** Lets what was stalled arrive. */
	flow(): void {
		const stalled = this.stalled ?? [];
		this.stalled = undefined;
		for (const [pipe, b] of stalled) this.deliver(pipe, b);
		this.receiver.ready();
	}

	close(code: number, reason: string): void {
		if (this.over) return;
		this.over = true;
		queueMicrotask(() => this.peer?.end(code, reason));
	}

	/** Breaks the pipe at both ends; what is on its way is lost. */
	cut(): void {
		this.end(undefined, '');
		this.peer?.end(undefined, '');
	}

	private end(code: number | undefined, reason: string): void {
		if (this.over) return;
		this.over = true;
		this.receiver.closed(code, reason);
	}
}

/** Returns the two ends of a pipe. */
export function memoryPipe(independent = false): [MemoryCarrier, MemoryCarrier] {
	const a = new MemoryCarrier(independent);
	const b = new MemoryCarrier(independent);
	a.peer = b;
	b.peer = a;
	return [a, b];
}
