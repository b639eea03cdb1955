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
        from: { type: ['string', 'null'], description: 'Decides nothing.' },
        value: { type: 'string', description: 'The text of the turn that is looked up, exactly.' },
      },
    },
  },
} as const;
