const maxName = 1024;
const maxElement = 255;

const bytesOf = (s: string): number => new TextEncoder().encode(s).length;

/** Whether Windows opens a device under this name, whatever its directory and its extension. */
const isDevice = (element: string): boolean => /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *([.:]|$)/i.test(element);

/**
 * Whether a file may have this name, on any system (clause 13.3): a relative
 * path whose elements are separated by slashes, and nothing that leads
 * elsewhere or that means something else somewhere.
 */
export function isName(name: string): boolean {
	if (/[\u0000-\u001f\u007f-\u009f\\]|\p{Surrogate}|^[a-z]:/iu.test(name) || bytesOf(name) > maxName) return false;
	return name.split('/').every((element, i) => element !== '' && !/[. ]$/.test(element) && bytesOf(element) <= maxElement && !isDevice(element) && (i > 0 || element.toLowerCase() !== '.twinwire'));
}
