/** Prose with the line of the source that each of its lines comes from. */
export interface Prose {
  readonly text: string;
  /** Lines of the source, from 1, by line of the text, from 0. */
  readonly lines: readonly number[];
}

const BLOCK_LINE = /^\s*(?:\/\*\*?|\*(?!\/))\s?(.*?)\s*(?:\*\/)?$/;
const LINE_COMMENT = /^(?:.*[;,{}()[\]]\s+|\s*)\/\/ (.*)$/;
/** Directives of tools are no prose. */
const DIRECTIVE = /^(?:biome-ignore|@ts-|eslint-|@import|@typedef|c8 ignore)/;
/** `@param name ` and `{@link name}` leave the sentence only. */
const TAG = /^@\w+(?:\s+(?:\{[^}]*\}\s+)?[\w.[\]]+)?\s*/;

/**
 * The comments of a TypeScript or JavaScript file as Markdown: one paragraph per comment and per tag. The sources are
 * formatted by Biome, so a comment begins its line or follows the code's last sign.
 */
export function commentText(source: string): Prose {
  const out: string[] = [];
  const lines: number[] = [];
  const push = (text: string, line: number): void => {
    out.push(text);
    lines.push(line);
  };
  let isOpen = false;
  for (const [index, line] of source.split('\n').entries()) {
    const isBlock: boolean = isOpen || /^\s*\/\*/.test(line);
    const found = isBlock ? BLOCK_LINE.exec(line) : LINE_COMMENT.exec(line);
    isOpen = isBlock && !line.includes('*/');
    const text = found?.[1]?.trim() ?? '';
    if (!found || DIRECTIVE.test(text)) {
      push('', index + 1);
      continue;
    }
    if (TAG.test(text) && text.startsWith('@')) push('', index + 1);
    push(text.replace(TAG, ''), index + 1);
    if (isBlock && !isOpen) push('', index + 1);
  }
  return { text: out.join('\n'), lines };
}
