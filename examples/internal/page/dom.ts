// What pages need to make elements. Text is always text: nothing that others
// wrote becomes markup.

/** Returns the element with an id. It throws if the document has no such element of that class. */
export function byId<T extends Element>(id: string, of: new () => T): T {
	const e = document.getElementById(id);
	if (!(e instanceof of)) throw new Error(`the document has no ${id}`);
	return e;
}

/** Makes an element of HTML, with attributes and what is in it. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: { readonly [name: string]: string } = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
	const e = document.createElement(tag);
	for (const [name, v] of Object.entries(attributes)) e.setAttribute(name, v);
	e.append(...children);
	return e;
}

/** Makes an icon of those that the document defines as symbols. */
export function icon(name: string): SVGSVGElement {
	const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
	svg.setAttribute('class', 'icon');
	svg.setAttribute('aria-hidden', 'true');
	const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
	use.setAttribute('href', `#${name}`);
	svg.append(use);
	return svg;
}
