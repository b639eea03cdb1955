/** The form that a request wants its answer to have. Not what tools may be called, or how tokens are chosen. */

import { isObject } from '../core/objects.js';
import type { UpstreamFormat } from '../core/recording.js';
import { sorted } from './exact-json.js';
import type { Fields } from './reader.js';

/** Fields of other servers than OpenAI's and Anthropic's: vLLM, SGLang, llama.cpp. */
const OTHER_FIELDS = [
  ...['structured_outputs', 'guided_json', 'guided_regex', 'guided_choice', 'guided_grammar'],
  ...['regex', 'ebnf', 'grammar', 'json_schema'],
] as const;

/**
 * The form of an answer, such as a JSON schema, with the keys of its objects in order. It is the same for the same schema through OpenAI's APIs.
 *
 * @param body the request, parsed
 * @returns undefined for plain text
 */
export function formOf(format: UpstreamFormat, body: unknown): unknown {
  if (!isObject(body)) return undefined;
  const { response_format, text, output_format, output_config } = body;
  const form = {
    responses: isObject(text) ? text.format : undefined,
    messages: output_format ?? (isObject(output_config) ? output_config.format : undefined),
    chat: response_format,
    completions: response_format,
  }[format];
  const others = OTHER_FIELDS.map((name) => [name, body[name]] as const).filter(([, value]) =>
    isGiven(value),
  );
  const asked = isObject(form) && form.type !== 'text' ? [flat(form)] : [];
  return asked.length + others.length > 0 ? sorted([...asked, ...others]) : undefined;
}

/** The Responses API has the fields of `json_schema` beside the type. */
function flat({ json_schema, ...others }: Fields): object {
  const fields = isObject(json_schema) ? { ...others, ...json_schema } : { ...others, json_schema };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isGiven(value)));
}

/**
 * True if a reply alone isn't all that a request wants: several choices, probabilities of tokens, or the prompt. A recording hasn't these.
 *
 * @param body the request, parsed
 */
export function wantsMore({ n, logprobs, top_logprobs, prompt_logprobs, echo, include }: Fields): boolean {
  const wantsLogprobs = logprobs === true || typeof logprobs === 'number' || isGiven(prompt_logprobs);
  const wantsTop = typeof top_logprobs === 'number' && top_logprobs > 0;
  const isIncluded = Array.isArray(include) && include.includes('message.output_text.logprobs');
  return (typeof n === 'number' && n > 1) || wantsLogprobs || wantsTop || isIncluded || echo === true;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
