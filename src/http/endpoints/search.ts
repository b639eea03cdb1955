/** `GET /api/datasets/{model}/search`: turns that have some texts, sent as they are found. */

import { searchQuery } from '../../api/schemas/checks.js';
import { checked } from '../../core/check.js';
import { AppError } from '../../core/errors.js';
import { PROGRESS_MS, SEARCHED_HITS, SEARCHED_ID_LENGTH_MAX } from '../../core/limits.js';
import { roleOf } from '../../core/roles.js';
import { isEmptySearch, type TextSearch, termsOf } from '../../core/search.js';
import type { SearchCount, SearchPlace, SearchReport } from '../../corpus/search.js';
import type { Catalog } from '../../models/catalog.js';
import type { Model } from '../../models/model.js';
import { errorBody } from '../../openai/error-body.js';
import type { FoundText } from '../../workers/tasks.js';
import type { Endpoint, Input, LiveFormat } from '../endpoint.js';
import { isDefect } from '../errors.js';
import { valuesOf } from '../query-values.js';

interface Asked {
  readonly model: string;
  readonly search: TextSearch;
  readonly limit: number;
  readonly after: string | undefined;
}

/** Sends an event. */
type SendEvent = (type: string, data: object) => void;

export function search(catalog: Catalog): Endpoint<Asked> {
  return {
    parse: askedBy,
    answer: ({ model: id, search, limit, after }, { request }) => {
      const model = catalog.named(id);
      const from = after === undefined ? undefined : placeOf(after, model);
      const format = request.headers.accept?.includes('application/x-ndjson') === true ? 'lines' : 'events';
      const open = (write: (event: string) => void, end: () => void) => {
        const aborting = new AbortController();
        const reports = model.corpus.search(
          { search, limit, from, countsAll: after === undefined },
          aborting.signal,
        );
        // A defect isn't caught: it ends the process, as everywhere.
        void sendReports(reports, model, (type, data) => write(written(format, type, data))).then(end);
        // What is sent after that isn't read.
        return () => aborting.abort(new AppError('timed_out'));
      };
      return { content: { kind: 'live', format, open } };
    },
  };
}

/** @throws AppError that names the first field that is missing or invalid */
function askedBy({ query, params }: Input): Asked {
  const numbers = ['min_length', 'max_length', 'min_turns', 'max_turns', 'limit', 'case'] as const;
  const fields = checked(searchQuery, valuesOf(query, ...numbers));
  const search: TextSearch = {
    terms: termsOf(fields.q ?? ''),
    ignoresCase: fields.case !== 1 && fields.case !== true,
    role: fields.role,
    lengthMin: fields.min_length ?? 0,
    lengthMax: fields.max_length ?? Number.POSITIVE_INFINITY,
    turnsMin: fields.min_turns ?? 0,
    turnsMax: fields.max_turns ?? Number.POSITIVE_INFINITY,
  };
  if (isEmptySearch(search)) {
    const message = "Missing 'q': expected a text to search for, or another condition.";
    throw new AppError('missing_required_parameter', { param: 'q', message });
  }
  return { model: params.model ?? '', search, limit: fields.limit ?? SEARCHED_HITS, after: fields.after };
}

/** Sends what a search reports: all hits, and now and then how far it is. */
async function sendReports(
  reports: AsyncIterable<SearchReport>,
  model: Model,
  send: SendEvent,
): Promise<void> {
  const startMs = performance.now();
  let sentMs = startMs;
  try {
    for await (const report of reports) {
      if (report.kind === 'hit') send('hit', shownHit(report.hit));
      else if (report.kind === 'end') {
        const seconds = Math.round(performance.now() - startMs) / 1000;
        const cursor = report.next === undefined ? null : cursorOf(report.next, model);
        send('end', { ...shownCount(report.count), seconds, cursor });
      } else if (performance.now() - sentMs >= PROGRESS_MS) {
        sentMs = performance.now();
        send('progress', shownCount(report.count));
      }
    }
  } catch (error) {
    if (isDefect(error)) throw error;
    send('error', errorBody(error as AppError));
  }
}

function written(format: LiveFormat, type: string, data: object): string {
  const json = JSON.stringify({ type, ...data });
  return format === 'lines' ? `${json}\n` : `event: ${type}\ndata: ${json}\n\n`;
}

/** A turn that was found, as clients get it. */
export function shownHit({ record, turn, id, role, length, excerpt }: FoundText): object {
  return {
    number: record,
    id: id?.slice(0, SEARCHED_ID_LENGTH_MAX) ?? null,
    turn,
    role: roleOf(role),
    length,
    at: excerpt.at,
    snippet: { text: excerpt.text, marks: excerpt.marks },
  };
}

function shownCount({ turns, conversations, read, bytes }: SearchCount): object {
  return { turns, conversations, read, bytes };
}

/** The place where a search goes on, for one state of a dataset. */
function cursorOf({ record, turn, offset }: SearchPlace, { fingerprint }: Model): string {
  return [record, turn, offset, fingerprint ?? ''].join('.');
}

/** @throws AppError if a text isn't a cursor, or is one of another state of the dataset */
function placeOf(cursor: string, { fingerprint }: Model): SearchPlace {
  const [record, turn, offset, of] = cursor.split('.');
  const numbers = [record, turn, offset].map((each) =>
    /^\d{1,15}$/.test(each ?? '') ? Number(each) : Number.NaN,
  );
  if (numbers.some(Number.isNaN)) {
    throw new AppError('invalid_value', {
      param: 'after',
      message: "Invalid 'after': expected the cursor that a search ended with.",
    });
  }
  if (of !== (fingerprint ?? '')) {
    const message = "Invalid 'after': the dataset has changed since that search; begin again without it.";
    throw new AppError('invalid_value', { param: 'after', message });
  }
  const [at = 0, turnAt = 0, byteAt = 0] = numbers;
  return { record: at, turn: turnAt, offset: byteAt as SearchPlace['offset'] };
}
