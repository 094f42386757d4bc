// Wires with a switch: they can be cut while they carry, and be kept from
// being dialed, as a network would.
import { type Carrier, Code, TwinwireError, type Wire } from 'twinwire';

/** A wire with a switch. */
export class SwitchedWire implements Wire {
	readonly name: string;
	private readonly carriers = new Set<Carrier>();
	private allowed = true;

	constructor(private readonly wire: Wire) {
		this.name = wire.name;
	}

	get on(): boolean {
		return this.allowed;
	}

	/** Turns the wire on or off; off cuts it, too. */
	set on(on: boolean) {
		this.allowed = on;
		if (on) dispatchEvent(new Event('online')); // whoever waits to try again does so now
		else this.cut();
	}

	/** Cuts what the wire carries. To both ends it is a connection that broke. */
	cut(): void {
		for (const carrier of this.carriers) {
			const { receiver } = carrier;
			carrier.close(Code.PeerDead, 'the wire was cut');
			receiver.closed(undefined, 'the wire was cut');
		}
		this.carriers.clear();
	}

	async dial(target: Parameters<Wire['dial']>[0], signal: AbortSignal): Promise<Carrier> {
		if (!this.allowed) throw new TwinwireError(Code.Unavailable, 'switched off');
		const carrier = await this.wire.dial(target, signal);
		if (!this.allowed) {
			carrier.close(Code.Unavailable, '');
			throw new TwinwireError(Code.Unavailable, 'switched off');
		}
		// Those of before are over: a session has one carrier, and while it moves two.
		for (const old of [...this.carriers].slice(0, -1)) this.carriers.delete(old);
		this.carriers.add(carrier);
		return carrier;
	}
}
