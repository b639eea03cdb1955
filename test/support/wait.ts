/** How long `vi.waitFor` and `vi.waitUntil` wait, as a safety net: their default of a second is too short on a busy machine. */
export const WAIT = { timeout: 60_000 } as const;
