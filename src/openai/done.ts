/** The last event of a completion's stream. */
export const DONE = 'data: [DONE]\n\n';
