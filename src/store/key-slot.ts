/** The slots of a cluster: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */

/** The number of slots. */
export const SLOTS = 16_384;

/** CRC16 of XMODEM, by byte. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/**
 * The slot of a key: of the part between its first braces, if there is one.
 *
 * @param key of ASCII
 */
export function keySlot(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const isTagged = close > open + 1;
  const end = isTagged ? close : key.length;
  let crc = 0;
  for (let at = isTagged ? open + 1 : 0; at < end; at++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ key.charCodeAt(at)] as number);
  }
  return crc % SLOTS;
}
