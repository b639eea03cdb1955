/** The body of a completion request of the legacy API. */
export const legacySchema = {
  $id: 'LegacyCompletionRequest',
  type: 'object',
  required: ['conversation'],
  properties: {
    conversation: {
      type: 'object',
      required: ['value'],
      description: 'A turn of a conversation.',
      properties: {
        from: { type: ['string', 'null'], description: 'Not used for the lookup.' },
        value: { type: 'string', description: 'The exact text of the turn to look up.' },
      },
    },
  },
} as const;
