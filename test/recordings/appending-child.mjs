/** Appends recordings to a file until it has appended all of them, and prints the id of each that the system has. */

import { writeSync } from 'node:fs';
import { Recorder } from '../../dist/recordings/recorder.js';

const [path, name, count, length] = process.argv.slice(2);
const notices = (level, fields, message) =>
  process.stderr.write(`${JSON.stringify({ level, ...fields, message })}\n`);
const recorder = await Recorder.open(path, { redact: [], notices });
for (let i = 0; i < Number(count); i++) {
  const id = `rec_${name}_${i}`;
  const isRecorded = await recorder.append({
    id,
    messages: [{ role: 'user', content: `${id} {"é":"}` }],
    reply: { role: 'assistant', content: 'x'.repeat(Number(length)) },
    finishReason: 'stop',
    usage: undefined,
    model: 'm',
    upstream: 'http://localhost/v1',
    recordedMs: Date.UTC(2026, 0, 1),
  });
  writeSync(1, `${isRecorded ? id : `failed ${id}`}\n`);
}
await recorder.close();
