/** What converts records, as one module: threads load it when they first need it. */

export { addBatch } from './convert-batch.js';
export { plainRecordsFor } from './plain-records.js';
export { RecordConverter } from './record-converter.js';
export { RowConverter } from './row-converter.js';
