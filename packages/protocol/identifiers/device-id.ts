import { fitsInBytes, maxIdentifierBytes } from './sigil-id.ts';
import type { DeviceId } from './types.ts';

/**
 * Whether the text may name a device. The specification sets no grammar, so this only refuses what would do harm where ids are
 * compared, joined and stored: nothing at all, NUL, lone surrogates, more than 255 bytes.
 */
export function isDeviceId(text: string): text is DeviceId {
  return text !== '' && fitsInBytes(text, maxIdentifierBytes) && !text.includes('\0') && text.isWellFormed();
}
