// The panel of the line: which wire is in use, the switch of each, scissors,
// and what has become of it. A button shows the wire and opens the panel.
import { el, icon } from './dom.js';
import { type Line, type Step, wireName } from './line.js';
import type { SwitchedWire } from './wires.js';

const about: { readonly [wire: string]: string } = { webtransport: 'QUIC over UDP', websocket: 'TLS or HTTP over TCP' };

/** How often the round trip is measured while the page is seen, in milliseconds. */
const pingTime = 2000;

export class Panel {
	private readonly label = el('span', { class: 'wire-name' }, 'Connecting');
	private readonly trip = el('span', { class: 'wire-trip' });
	private readonly log = el('ol', { class: 'wire-log', 'aria-label': 'What became of the connection' });
	private readonly cut = el('button', { type: 'button', class: 'button', id: 'cut' }, icon('i-cut'), 'Cut the wire now');
	private readonly rows: { readonly wire: SwitchedWire; readonly row: HTMLElement; readonly says: HTMLElement; readonly box: HTMLInputElement }[];
	private readonly said = el('div', { class: 'unseen', role: 'status' });

	/** Fills the button and the panel. Ping makes a round trip to the server. */
	constructor(
		private readonly line: Line,
		private readonly button: HTMLButtonElement,
		panel: HTMLElement,
		private readonly ping: () => Promise<unknown> | undefined,
	) {
		button.replaceChildren(el('span', { class: 'wire-light' }), this.label, this.trip, icon('i-down'));
		this.rows = line.wires.map((wire) => {
			const box = el('input', { type: 'checkbox', role: 'switch', id: `wire-${wire.name}` });
			box.checked = true;
			const says = el('small', {}, about[wire.name] ?? '');
			const row = el('li', { 'data-wire': wire.name }, el('label', { for: box.id }, el('span', { class: 'strand', 'aria-hidden': 'true' }, el('i')), el('span', { class: 'strand-name' }, el('b', {}, wireName(wire.name)), says), box));
			box.addEventListener('change', () => {
				wire.on = box.checked;
				this.show();
			});
			return { wire, row, says, box };
		});
		this.cut.addEventListener('click', () => line.wires.find((w) => w.name === line.wire)?.cut());
		panel.replaceChildren(
			el('h2', { id: 'wire-title' }, 'Wires to the server'),
			el('p', {}, 'Cut the wire, or switch one off. The session goes on over the other, and whatever is under way arrives once.'),
			el('ul', { class: 'strands' }, ...this.rows.map((r) => r.row)),
			this.cut,
			el('h3', {}, 'What happened'),
			this.log,
		);
		panel.addEventListener('toggle', () => button.setAttribute('aria-expanded', String(panel.matches(':popover-open'))));
		document.body.append(this.said);
		line.watch((step) => this.add(step));
		this.show();
		setInterval(() => void this.measure(), pingTime);
	}

	private add(step: Step): void {
		const time = el('time', {}, step.at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
		this.log.prepend(el('li', { class: step.good ? 'good' : 'bad' }, time, el('span', {}, step.text)));
		while (this.log.children.length > 20) this.log.lastChild?.remove();
		this.said.textContent = step.text;
		this.show();
		void this.measure();
	}

	/** Shows what is the case. */
	private show(): void {
		const { wire, session } = this.line;
		this.button.dataset['wire'] = wire || 'none';
		this.label.textContent = wire ? wireName(wire) : session ? 'No wire' : 'Connecting';
		if (!wire) this.trip.textContent = '';
		this.cut.disabled = !wire;
		for (const r of this.rows) {
			const used = r.wire.name === wire;
			r.row.className = used ? 'used' : r.wire.on ? 'spare' : 'off';
			r.says.textContent = `${about[r.wire.name] ?? ''} · ${used ? 'in use' : r.wire.on ? 'spare' : 'off'}`;
			r.box.checked = r.wire.on;
		}
	}

	private async measure(): Promise<void> {
		if (document.hidden || !this.line.wire) return;
		const { wire } = this.line;
		const start = performance.now();
		try {
			await this.ping();
		} catch {
			return; // what it says is shown elsewhere
		}
		const ms = performance.now() - start;
		if (this.line.wire === wire) this.trip.textContent = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
	}
}
