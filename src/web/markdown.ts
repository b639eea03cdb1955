/** Markdown of texts that may be hostile: no HTML of theirs, no images, and links to the web and mail alone. */

import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import MarkdownIt from 'markdown-it';

const LANGUAGES = {
  bash,
  c,
  cpp,
  css,
  go,
  java,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** Longer code isn't highlighted. */
const HIGHLIGHTED_MAX = 50_000;

const markdown = new MarkdownIt({ html: false, linkify: true, highlight: highlighted });

markdown.validateLink = (url) => /^(?:https?:|mailto:)/i.test(url.trim());

const { rules } = markdown.renderer;
rules.link_open = (tokens, at, options, _env, renderer) => {
  const token = tokens[at];
  token?.attrSet('target', '_blank');
  token?.attrSet('rel', 'noopener noreferrer nofollow');
  return renderer.renderToken(tokens, at, options);
};
// An image would be fetched: its address would learn who reads the dataset.
rules.image = (tokens, at) => {
  const token = tokens[at];
  const { escapeHtml } = markdown.utils;
  return `<span class="image">${escapeHtml(token?.content ?? '')} (image: ${escapeHtml(String(token?.attrGet('src') ?? ''))})</span>`;
};
// Columns have their alignment as a style, which the policy of the page forbids.
const cell: typeof rules.link_open = (tokens, at, options, _env, renderer) => {
  const token = tokens[at];
  const align = /text-align:(\w+)/.exec(String(token?.attrGet('style') ?? ''))?.[1];
  if (token !== undefined && align !== undefined) token.attrs = [['class', `align-${align}`]];
  return renderer.renderToken(tokens, at, options);
};
rules.th_open = cell;
rules.td_open = cell;

// What scrolls sideways must be reached by keys.
const { fence, code_block: codeBlock } = rules;
rules.fence = (...given) => focusable(fence?.(...given) ?? '');
rules.code_block = (...given) => focusable(codeBlock?.(...given) ?? '');
rules.table_open = () => '<table tabindex="0">';

function focusable(html: string): string {
  return html.replace(/^<pre/, '<pre tabindex="0"');
}

/** A text as HTML. */
export function htmlOf(text: string): string {
  return markdown.render(text);
}

/** Code as HTML; empty if its language isn't known. */
export function highlighted(code: string, language: string): string {
  if (code.length > HIGHLIGHTED_MAX || hljs.getLanguage(language) === undefined) return '';
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
