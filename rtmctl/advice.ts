import { readFileSync } from 'node:fs';

const OWN: Readonly<Record<string, string>> = {
  unreachable: 'Check --url (RTMCTL_URL), and that RTM is up: GET /healthz of that address must answer.',
  unauthorized:
    'Give the token by RTMCTL_TOKEN or --token: it is what RTM has in RTMANAGER_INTERNAL_HTTP_TOKEN.',
};

/** What to do about an error code, in the words of docs/errors.md; undefined where there is nothing to say. */
export function adviceFor(code: string): string | undefined {
  return OWN[code] ?? readAdvice().get(code);
}

/** The last column of the table of codes. test/contract/errors.spec.ts keeps it whole. */
function readAdvice(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((row) => {
      const cells = row.split('|').slice(1, -1);
      const [code = '', advice = ''] = [cells[0], cells.at(-1)].map((cell) => (cell ?? '').trim());
      return [code.replaceAll('`', ''), withoutLinks(advice).replaceAll('`', '')];
    }),
  );
}

const withoutLinks = (markdown: string): string => markdown.replaceAll(/\[([^\][]*)\]\([^()]*\)/g, '$1');
