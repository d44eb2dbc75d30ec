import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { expect } from 'chai';
import { listDocuments } from '../helpers/documents.ts';

interface Mermaid {
  /** Rejects with the line that can not be read. */
  parse(text: string): Promise<{ readonly diagramType: string }>;
}

/** Made for a browser, so it is a script that leaves itself behind as a global. */
function loadMermaid(): Mermaid {
  const file = fileURLToPath(import.meta.resolve('@mermaid-js/tiny'));
  runInThisContext(`${readFileSync(file, 'utf8')};`, { filename: file });
  return Reflect.get(globalThis, 'mermaid') as Mermaid;
}

const diagrams = listDocuments().flatMap(({ file, text }) =>
  [...text.matchAll(/^```mermaid\n(.*?)^```/gms)].map(([, diagram = ''], index) => ({
    name: `${file}, diagram ${index + 1}`,
    file,
    diagram,
  })),
);
/** Other kinds are parsed with the help of a page that shows them, and there is none here. */
const sequences = diagrams.filter(({ diagram }) => diagram.startsWith('sequenceDiagram'));

describe('the sequence diagrams of the documents', () => {
  let mermaid: Mermaid;

  before(() => {
    mermaid = loadMermaid();
  });

  for (const { name, diagram } of sequences) {
    it(`${name} can be read`, async () => {
      expect(await mermaid.parse(diagram)).to.include({ diagramType: 'sequence' });
    });
  }

  it('are refused where they can not be read', async () => {
    const refused = await mermaid.parse('sequenceDiagram\n  A->>B no colon').catch((error: Error) => error);
    expect(refused).to.be.an('error');
  });

  it('are all that docs/flows.md has, one for each of its headings', () => {
    const flows = listDocuments().find(({ file }) => file === 'docs/flows.md')?.text ?? '';
    const headings = flows.match(/^## .*$/gm) ?? [];
    const ofFlows = sequences.filter(({ file }) => file === 'docs/flows.md');
    expect(ofFlows).to.have.length(headings.length).above(15);
  });
});
