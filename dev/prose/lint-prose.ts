import path from 'node:path';
import { TextlintKernel, type TextlintKernelPlugin, type TextlintKernelRule } from '@textlint/kernel';
import markdown from '@textlint/textlint-plugin-markdown';
import prh from 'textlint-rule-prh';
import { commentText } from './comment-text.ts';
import { maxWords } from './max-words.ts';

const WORDS_FILE = path.join(import.meta.dirname, 'words.yml');

const plugins: TextlintKernelPlugin[] = [{ pluginId: 'markdown', plugin: markdown.default, options: true }];
const rules: TextlintKernelRule[] = [
  { ruleId: 'max-words', rule: maxWords, options: true },
  {
    ruleId: 'words',
    rule: prh.default,
    options: { rulePaths: [WORDS_FILE], checkLink: true, checkEmphasis: true },
  },
];
const kernel = new TextlintKernel();

/** One sentence that breaks style.md. */
export interface ProseFault {
  readonly line: number;
  readonly message: string;
}

/**
 * The faults of a Markdown page, or of the comments of a source file.
 *
 * @param name decides by its ending which of the two it is
 */
export async function lintProse(name: string, source: string): Promise<ProseFault[]> {
  const prose = name.endsWith('.md') ? undefined : commentText(source);
  const text = prose?.text ?? source;
  const { messages } = await kernel.lintText(text, { ext: '.md', filePath: name, plugins, rules });
  return messages.map(({ message, loc }) => ({
    line: prose?.lines[loc.start.line - 1] ?? loc.start.line,
    message,
  }));
}
