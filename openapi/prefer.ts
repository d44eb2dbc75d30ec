/**
 * Whether a `Prefer` header (RFC 7240; several lines arrive joined by commas) asks for an answer before the operation
 * has ended.
 */
export function prefersAsync(prefer: string | undefined): boolean {
  // A comma between quotes separates nothing.
  const preferences = (prefer ?? '').replaceAll(/"(?:[^"\\]|\\.)*"?/g, '').split(',');
  return preferences.some((one) => /^\s*respond-async\s*(?:[=;]|$)/i.test(one));
}
