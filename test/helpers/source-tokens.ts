import { SyntaxKind } from 'typescript/unstable/ast';
import { createScanner } from 'typescript/unstable/ast/scanner';

/** One word, sign or literal of a TypeScript file; comments and white space are left out. */
export interface Token {
  readonly text: string;
  /** What a string literal says; undefined for everything else. */
  readonly literal: string | undefined;
  readonly line: number;
}

export interface Import {
  /** What is imported from, such as `./lease.ts` or `node:fs`. */
  readonly from: string;
  readonly line: number;
  /** Gone at run time: `import type`, `export type … from`. */
  readonly typeOnly: boolean;
}

/** Signs and words behind which a slash divides; behind anything else it begins a regular expression. */
const ENDS_AN_OPERAND = /^(?:[\w$)\]}"'`].*|.*[\w$)\]}"'`])$/su;
const NEVER_ENDS_AN_OPERAND = new Set(['return', 'typeof', 'case', 'in', 'of', 'await', 'void', 'delete']);

/** The tokens of a file, told apart by TypeScript's own scanner. */
export function tokensOf(source: string): Token[] {
  const scanner = createScanner(true, undefined, source);
  const tokens: Token[] = [];
  // Braces open inside of each template that is open around the present place.
  const templates: number[] = [];
  let line = 1;
  let counted = 0;

  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    const braces = templates.at(-1);
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsOperand(tokens.at(-1)?.text)) kind = scanner.reScanSlashToken();
    } else if (kind === SyntaxKind.CloseBraceToken && braces === 0) {
      kind = scanner.reScanTemplateToken(false);
      if (kind === SyntaxKind.TemplateTail) templates.pop();
    } else if (kind === SyntaxKind.TemplateHead) {
      templates.push(0);
    } else if (braces !== undefined) {
      if (kind === SyntaxKind.OpenBraceToken) templates[templates.length - 1] = braces + 1;
      if (kind === SyntaxKind.CloseBraceToken) templates[templates.length - 1] = braces - 1;
    }
    const start = scanner.getTokenStart();
    for (; counted < start; counted += 1) if (source[counted] === '\n') line += 1;
    tokens.push({
      text: scanner.getTokenText(),
      literal: kind === SyntaxKind.StringLiteral ? scanner.getTokenValue() : undefined,
      line,
    });
  }
  return tokens;
}

function endsOperand(text: string | undefined): boolean {
  return text !== undefined && ENDS_AN_OPERAND.test(text) && !NEVER_ENDS_AN_OPERAND.has(text);
}

/** Everything that a file imports, also by `export … from`, `import()` and `require()`, in its order. */
export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  const found: Import[] = [];
  for (const [index, { text, line }] of tokens.entries()) {
    if (tokens[index - 1]?.text === '.') continue; // `import.meta` aside, a property of some object
    const next = tokens[index + 1];
    const typeOnly = next?.text === 'type' && tokens[index + 2]?.text !== 'from';
    if (text === 'import' && next?.literal !== undefined) {
      found.push({ from: next.literal, line, typeOnly: false });
    } else if ((text === 'import' || text === 'require') && next?.text === '(') {
      const argument = tokens[index + 2]?.literal;
      if (argument !== undefined) found.push({ from: argument, line, typeOnly: false });
    } else if (text === 'import' || text === 'export') {
      const from = fromClause(tokens.slice(index + 1));
      if (from !== undefined) found.push({ from, line, typeOnly });
    }
  }
  return found;
}

/** The literal behind `from`, where the statement has one: names, commas, stars and braces are all that precede it. */
function fromClause(tokens: readonly Token[]): string | undefined {
  let depth = 0;
  for (const [index, { text, literal }] of tokens.entries()) {
    const behind = tokens[index + 1];
    if (text === 'from' && depth === 0 && behind?.literal !== undefined) return behind.literal;
    if (text === '{') depth += 1;
    else if (text === '}') depth -= 1;
    else if (literal === undefined && !/^[\w$]+$|^[,*]$/u.test(text)) return undefined;
    if (depth === 0 && /^(const|let|var|function|class|interface|default|async|enum)$/.test(text))
      return undefined;
  }
  return undefined;
}
