/** node:http that holds a whole dataset, the file of its first argument, in a Map. */

import { createServer } from 'node:http';
import { listen } from './listening.js';
import { mapHandler } from './map-handler.js';
import { replyMapOf } from './reply-map.js';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('expected the path of a dataset');
listen(createServer(mapHandler(replyMapOf(path))));
