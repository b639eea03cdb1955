/**
 * Writes the vocabularies of OpenAI's tokenizers, from gpt-tokenizer, into dist/vocabularies: the number of tokens, 32 bits; the length
 * of each token in bytes, a byte; the bytes of all tokens. A token's number is its place in this order.
 */

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';

const TARGET = 'dist/vocabularies';

mkdirSync(TARGET, { recursive: true });
for (const name of ['o200k_base', 'cl100k_base']) {
  const { default: ranks } = await import(`gpt-tokenizer/bpeRanks/${name}`);
  const tokens = Array.from(ranks, (token) =>
    typeof token === 'string' ? Buffer.from(token) : Uint8Array.from(token),
  );
  const count = Buffer.alloc(4);
  count.writeUInt32LE(tokens.length);
  const lengths = Uint8Array.from(tokens, ({ length }) => length);
  writeFileSync(`${TARGET}/${name}.bin`, Buffer.concat([count, lengths, ...tokens]));
}
copyFileSync('node_modules/gpt-tokenizer/LICENSE', `${TARGET}/LICENSE`);
