/**
 * Text as PostgreSQL can hold it: NUL is written as `\u0000`, a lone surrogate becomes U+FFFD, everything
 * else stays. Null stays null.
 */
export function storableText<Text extends string | null>(text: Text): Text {
  if (text === null) return text;
  return text.toWellFormed().replaceAll('\0', '\\u0000') as Text;
}
