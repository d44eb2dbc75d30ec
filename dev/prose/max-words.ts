import type { TextlintRuleReporter } from '@textlint/types';
import { split } from 'sentence-splitter';

/** The longest sentence that a reader takes in at once, in words. */
const MAX_WORDS = 25;

/** Reports each sentence of more than 25 words. Inline code and a link count as one word each. */
export const maxWords: TextlintRuleReporter = (context) => ({
  [context.Syntax.Paragraph](node) {
    const source = context
      .getSource(node)
      .replace(/`[^`]*`/g, (code) => 'c'.repeat(code.length))
      .replace(/\]\([^)\s]*\)/g, (target) => `]${'x'.repeat(target.length - 1)}`);
    for (const sentence of split(source)) {
      if (sentence.type !== 'Sentence') continue;
      const words = sentence.raw.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
      if (words.length <= MAX_WORDS) continue;
      const message = `A sentence of ${words.length} words; at most ${MAX_WORDS}: "${words.slice(0, 6).join(' ')} …"`;
      context.report(
        node,
        new context.RuleError(message, { padding: context.locator.at(sentence.range[0]) }),
      );
    }
  },
});
