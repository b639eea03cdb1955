/** The body of a completion request of the older API. */
export const olderSchema = {
  $id: 'OlderCompletionRequest',
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
