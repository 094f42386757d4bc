// What a page uses of the client, for size.mjs: both wires, calls, streams,
// topics and state.
import { string, struct, uint32 } from '../src/codec/index.js';
import { bytes, connect, method, typedEvents, values } from '../src/index.js';

const session = await connect('example.com');
await session.call(method('a.Call', struct({ name: string }), uint32), { name: 'x' }, { source: bytes(new Blob()) });
for await (const n of session.values(method('a.Values', undefined, uint32), undefined, { source: values(string, ['x']) })) console.log(n);
await new Response(session.body(method('a.Body'), undefined)).text();
session.onEvent((d) => console.log(d.topic));
for await (const e of typedEvents(session, 'a', { Said: struct({ text: string }) })) console.log(e.type);
session.state('a', struct({ count: uint32 })).subscribe(() => {});
