// Why WebTransport was not had: loaded only when that is asked.

const untrusted = 'the certificate of the server is not trusted';
const refused = 'the server refused the session';

/**
 * Says in a sentence why a session did not open, after silence or an answer:
 * browsers tell all failures in the same words, so TCP is asked.
 */
export default async function explain(host: string, hashes: readonly Uint8Array[] | undefined, silent: boolean): Promise<string> {
	if (silent) return 'no answer over UDP: it may be blocked';
	try {
		// The server's certificate as TCP sees it; or, where certificates are named, what the page's own server says of them.
		const response = await fetch(hashes ? '/.well-known/twinwire' : `https://${host}/`, { mode: hashes ? 'same-origin' : 'no-cors', cache: 'no-store' });
		const told = await response.text();
		return !hashes || hashes.some((h) => told.includes(btoa(String.fromCharCode(...h)))) ? refused : `${untrusted}: it has none of the hashes`;
	} catch {
		return hashes ? `${untrusted}, or ${refused}` : untrusted;
	}
}
