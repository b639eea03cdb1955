/** Bytes that have a meaning in JSON's strings. */

export const QUOTE: u8 = 0x22;
export const BACKSLASH: u8 = 0x5c;
export const SLASH: u8 = 0x2f;
export const LETTER_U: u8 = 0x75;
