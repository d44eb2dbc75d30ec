import type { TextlintRuleReporter } from '@textlint/types';
import { split } from 'sentence-splitter';

/** The longest sentence that a reader takes in at once, in words. */
const MAX_WORDS = 25;

const isWord = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/**
 * Reports each sentence of more than 25 words. A semicolon ends a sentence too, since lists in running text use it.
 * Inline code and the target of a link count as one word.
 */
export const maxWords: TextlintRuleReporter = (context) => ({
  [context.Syntax.Paragraph](node) {
    const source = context
      .getSource(node)
      .replace(/`[^`]*`/g, (code) => 'c'.repeat(code.length))
      .replaceAll('*', ' ')
      .replace(/\]\([^)\s]*\)/g, (target) => `]${'x'.repeat(target.length - 1)}`);
    for (const sentence of split(source)) {
      if (sentence.type !== 'Sentence') continue;
      const clauses = sentence.raw.split(/;\s/).map((clause) => clause.split(/\s+/).filter(isWord));
      const words = clauses.find((clause) => clause.length > MAX_WORDS);
      if (!words) continue;
      const message = `A sentence of ${words.length} words; at most ${MAX_WORDS}: "${words.slice(0, 6).join(' ')} …"`;
      context.report(
        node,
        new context.RuleError(message, { padding: context.locator.at(sentence.range[0]) }),
      );
    }
  },
});
